"""How many threads requests on an event loop start."""

import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import anyio
import httpx
import httpx2
import pytest

from bitquery_auth import ClientCredentials, HTTPXAuth, Token
from bitquery_auth.sandbox import Sandbox

URL = "https://streaming.bitquery.io/graphql"

pytestmark = [
    pytest.mark.parametrize("backend", ["asyncio", "trio"]),
    pytest.mark.parametrize("module", [pytest.param(httpx, marks=pytest.mark.matrix), httpx2]),
]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the threads that were started, but for the sandbox's and asyncio's last."""
    names: list[str] = []
    start = threading.Thread.start

    def noting(thread: threading.Thread) -> None:
        if "sandbox" not in thread.name and "_do_shutdown" not in thread.name:
            names.append(thread.name)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", noting)
    return names


class Api:
    """An API without sockets that rejects the first token, once all requests have arrived.

    Args:
        module: ``httpx`` or ``httpx2``.
        size: How many requests there are.
    """

    def __init__(self, module: Any, size: int) -> None:
        self._module = module
        self._size = size
        self._first: str | None = None
        self._rejected = 0
        self._all_arrived = anyio.Event()

    async def __call__(self, request: Any) -> Any:
        token = request.headers["Authorization"]
        self._first = self._first or token
        if token != self._first:
            return self._module.Response(200)
        self._rejected += 1
        if self._rejected == self._size:
            self._all_arrived.set()
        await self._all_arrived.wait()
        return self._module.Response(401, text="Unauthorized")


def statuses_of_a_burst(module: Any, backend: str, auth: HTTPXAuth, size: int) -> list[int]:
    """Send requests together on one event loop."""

    async def main() -> list[int]:
        statuses = []

        async def get() -> None:
            statuses.append((await client.get(URL)).status_code)

        transport = module.MockTransport(Api(module, size))
        async with (
            module.AsyncClient(auth=auth, transport=transport, timeout=None) as client,
            anyio.create_task_group() as tasks,
        ):
            for _ in range(size):
                tasks.start_soon(get)
        return statuses

    return anyio.run(main, backend=backend)


def test_200_requests_rejected_together_start_one_thread(
    module: Any, backend: str, started: list[str], source: ClientCredentials, sandbox: Sandbox
) -> None:
    auth = HTTPXAuth(source, allowed_hosts=["streaming.bitquery.io"])
    source.token()
    assert statuses_of_a_burst(module, backend, auth, 200) == [200] * 200
    assert len(started) == 1, started
    assert sandbox.token_requests == 2


class BlockingSource:
    """A source of the user's without `atoken`, whose `token` blocks."""

    def __init__(self) -> None:
        self._tokens: Iterator[Token] = iter([Token("first"), Token("second")])
        self._token = next(self._tokens)

    def token(self) -> Token:
        time.sleep(0.002)
        return self._token

    def discard(self, token: Token | str) -> None:
        if token == self._token:
            self._token = next(self._tokens)


def test_400_requests_over_a_blocking_source_use_the_pool_of_the_event_loop(
    module: Any, backend: str, started: list[str]
) -> None:
    auth = HTTPXAuth(BlockingSource())
    assert statuses_of_a_burst(module, backend, auth, 400) == [200] * 400
    size_of_the_pool = {"asyncio": min(32, (os.cpu_count() or 1) + 4), "trio": 40}[backend]
    assert 0 < len(started) <= size_of_the_pool
