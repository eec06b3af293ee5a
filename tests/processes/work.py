"""What worker processes are given to do. A module of its own, since they import it."""

import asyncio
from typing import Any

import httpx2
import requests

QUERY = {"query": "{ EVM { Blocks { Block { Number } } } }"}


def token_of(source: Any) -> str:
    """A source's token, as this process has it."""
    return str(source.token().access_token)


def post_with_session(session: requests.Session, url: str) -> int:
    return session.post(url, json=QUERY, timeout=20).status_code


def post_with_requests(auth: Any, url: str) -> int:
    return requests.post(url, json=QUERY, auth=auth, timeout=20).status_code


def post_with_httpx2(auth: Any, url: str) -> int:
    async def post() -> int:
        async with httpx2.AsyncClient(auth=auth, timeout=20) as client:
            return (await client.post(url, json=QUERY)).status_code

    return asyncio.run(post())
