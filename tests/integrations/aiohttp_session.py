"""aiohttp with the auth as its middleware, in an event loop of its own for each call."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from bitquery_auth.integrations.aiohttp import AiohttpAuth


def run(auth: AiohttpAuth, work: Callable[[Any], Awaitable[Any]], **options: Any) -> Any:
    """Do something with a session."""

    async def inner() -> Any:
        async with aiohttp.ClientSession(middlewares=(auth,), **options) as session:
            return await asyncio.wait_for(work(session), 20)

    return asyncio.run(inner())


def post(
    auth: AiohttpAuth, url: str, *, session: dict[str, Any] | None = None, **options: Any
) -> tuple[int, str]:
    """Send a request, and return the status and the text of the response."""

    async def work(client: Any) -> tuple[int, str]:
        async with client.post(url, **options) as response:
            return response.status, await response.text(errors="replace")

    result: tuple[int, str] = run(auth, work, **(session or {}))
    return result
