"""The clients that the demo drives: each posts queries with an auth, alone or in a herd."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any, Protocol

from bitquery_auth import ClientCredentials, HTTPXAuth, RequestsAuth
from bitquery_auth.sandbox import Sandbox

Post = Callable[[str], Any]


class DemoClient(Protocol):
    """What the demo asks of a client."""

    name: str

    def opened(self, sandbox: Sandbox) -> Any:
        """Give, as a context manager, a function that posts a query and returns the JSON of the answer."""
        ...

    def herd(self, sandbox: Sandbox, query: str, size: int) -> None:
        """Post a query that many times at once, with a source that has no token yet."""
        ...


def demo_clients() -> Iterator[DemoClient]:
    """Every client that is installed."""
    yield _Requests()
    for name in ("httpx", "httpx2"):
        try:
            module = import_module(name)
        except ImportError:
            continue
        yield _Sync(module)
        yield _Async(module)


class _Requests:
    name = "requests"

    @contextmanager
    def opened(self, sandbox: Sandbox) -> Iterator[Post]:
        import requests  # noqa: PLC0415 - as the other clients, when it is its turn

        with requests.Session() as session:
            session.trust_env = False
            session.auth = RequestsAuth(_credentials(sandbox), allowed_hosts=sandbox.allowed_hosts)
            yield lambda query: session.post(sandbox.graphql_endpoint, json={"query": query}, timeout=30).json()

    def herd(self, sandbox: Sandbox, query: str, size: int) -> None:
        with self.opened(sandbox) as post:
            _at_once(post, query, size)


class _Sync:
    def __init__(self, module: ModuleType) -> None:
        self.name = module.__name__
        self._module = module

    @contextmanager
    def opened(self, sandbox: Sandbox) -> Iterator[Post]:
        auth = HTTPXAuth(_credentials(sandbox), allowed_hosts=sandbox.allowed_hosts)
        with self._module.Client(auth=auth, timeout=30, trust_env=False) as client:
            yield lambda query: client.post(sandbox.graphql_endpoint, json={"query": query}).json()

    def herd(self, sandbox: Sandbox, query: str, size: int) -> None:
        with self.opened(sandbox) as post:
            _at_once(post, query, size)


class _Async:
    def __init__(self, module: ModuleType) -> None:
        self.name = f"{module.__name__} async"
        self._module = module

    def _client(self, sandbox: Sandbox) -> Any:
        auth = HTTPXAuth(_credentials(sandbox), allowed_hosts=sandbox.allowed_hosts)
        return self._module.AsyncClient(auth=auth, timeout=30, trust_env=False)

    @contextmanager
    def opened(self, sandbox: Sandbox) -> Iterator[Post]:
        with asyncio.Runner() as runner:
            client = self._client(sandbox)

            async def post(query: str) -> Any:
                return (await client.post(sandbox.graphql_endpoint, json={"query": query})).json()

            yield lambda query: runner.run(post(query))
            runner.run(client.aclose())

    def herd(self, sandbox: Sandbox, query: str, size: int) -> None:
        client = self._client(sandbox)  # not on the loop: it reads certificates

        async def at_once() -> None:
            async with client:
                posts = (client.post(sandbox.graphql_endpoint, json={"query": query}) for _ in range(size))
                await asyncio.gather(*posts)

        asyncio.run(at_once())


def _credentials(sandbox: Sandbox) -> ClientCredentials:
    return sandbox.credentials(trust_env=False)  # loopback is behind no proxy


def _at_once(post: Post, query: str, size: int) -> None:
    with ThreadPoolExecutor(size) as pool:
        list(pool.map(post, [query] * size))
