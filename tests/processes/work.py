"""What worker processes are told to do; a module of its own, because they import it."""

import asyncio
from typing import Any

import httpx2
import requests

from tests.kit import QUERY


def post_with_requests(auth: Any, url: str) -> int:
    return requests.post(url, json=QUERY, auth=auth, timeout=20).status_code


def post_with_httpx2(auth: Any, url: str) -> int:
    async def post() -> int:
        async with httpx2.AsyncClient(auth=auth, timeout=20) as client:
            return (await client.post(url, json=QUERY)).status_code

    return asyncio.run(post())
