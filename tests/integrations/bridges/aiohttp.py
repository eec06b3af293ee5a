"""aiohttp with the auth as its middleware, in an event loop of its own for each call."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp

from bitquery_auth.integrations.aiohttp import AiohttpAuth
from tests.integrations.bridges import HttpBridge
from tests.kit import QUERY


async def pieces() -> AsyncIterator[bytes]:
    yield b"piece"
    yield b"work"


class Aiohttp(HttpBridge):
    auth_class = AiohttpAuth
    generator = staticmethod(pieces)
    rejected = aiohttp.ClientResponseError
    connection_error = aiohttp.ClientConnectionError
    request_error = aiohttp.ClientError

    def call(self) -> None:
        """Call the API with a session that raises, after the middlewares (hazard R7)."""
        self.post(self.sandbox.graphql_endpoint, json=QUERY, raise_for_status=True)

    def post(self, url: str, **options: Any) -> tuple[int, str]:
        async def work(session: Any) -> tuple[int, str]:
            async with session.post(url, **options) as response:
                return response.status, await response.text(errors="replace")

        result: tuple[int, str] = self.run(work)
        return result

    def run(self, work: Callable[[Any], Awaitable[Any]], **options: Any) -> Any:
        """Do something with a session."""

        async def inner() -> Any:
            async with aiohttp.ClientSession(middlewares=(self.auth,), **options) as session:
                return await asyncio.wait_for(work(session), 20)

        return asyncio.run(inner())


BRIDGES = {"aiohttp": Aiohttp}
