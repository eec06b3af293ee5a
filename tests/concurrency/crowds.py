"""Requests of each client at once, in threads and in tasks."""

from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import httpx2
import requests

from bitquery_auth import ClientCredentials, HTTPXAuth, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.crowd import BACKENDS, async_attempt, async_client, at_once, gather, sync_client

RequestsAtOnce = Callable[..., list[Any]]
"""Sends so many requests with a source at once, and returns what each returned or raised."""


def _by_requests(
    sandbox: Sandbox, source: ClientCredentials, size: int, **settings: Any
) -> list[Any]:
    """Each has an auth and a session of its own."""

    def post() -> requests.Response:
        auth = RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts, **settings)
        return requests.post(sandbox.graphql_endpoint, json=QUERY, auth=auth, timeout=20)

    return at_once([post] * size)


def _by_httpx2(
    sandbox: Sandbox, source: ClientCredentials, size: int, **settings: Any
) -> list[Any]:
    """Threads share one client."""
    auth = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts, **settings)
    with sync_client(httpx2, auth) as client:
        return at_once([partial(client.post, sandbox.graphql_endpoint, json=QUERY)] * size)


def _by_tasks(
    backend: str, sandbox: Sandbox, source: ClientCredentials, size: int, **settings: Any
) -> list[Any]:
    """Tasks share one client of httpx2."""
    auth = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts, **settings)

    async def main() -> list[Any]:
        async with async_client(httpx2, auth) as client:
            post = partial(client.post, sandbox.graphql_endpoint, json=QUERY)
            return await gather([partial(async_attempt, post)] * size)

    return anyio.run(main, backend=backend)


IN_THREADS: dict[str, RequestsAtOnce] = {"requests": _by_requests, "httpx2": _by_httpx2}
IN_TASKS: dict[str, RequestsAtOnce] = {name: partial(_by_tasks, name) for name in BACKENDS}
