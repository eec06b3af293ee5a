"""What worker processes are told to do; a module of its own, because they import it."""

import asyncio
from typing import Any

import httpx2
import requests

from tests.kit import QUERY


def token_of(source: Any) -> str:
    """Return the token of a source in this process."""
    return str(source.token().access_token)


def post_with_session(session: requests.Session, url: str) -> int:
    """Post with a session of requests."""
    return session.post(url, json=QUERY, timeout=20).status_code


def post_with_requests(auth: Any, url: str) -> int:
    """Post with an auth for requests."""
    return requests.post(url, json=QUERY, auth=auth, timeout=20).status_code


def post_with_httpx2(auth: Any, url: str) -> int:
    """Post with an auth for httpx2."""

    async def post() -> int:
        async with httpx2.AsyncClient(auth=auth, timeout=20) as client:
            return (await client.post(url, json=QUERY)).status_code

    return asyncio.run(post())
