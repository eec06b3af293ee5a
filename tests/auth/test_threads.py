"""How many threads requests on an event loop start."""

import os
import threading
import time
from functools import partial
from typing import Any

import anyio
import pytest

from bitquery_auth import ClientCredentials, HTTPXAuth, Token
from bitquery_auth.sandbox import Sandbox
from tests.kit.crowd import each_backend, each_module, gather

URL = "https://streaming.bitquery.io/graphql"

pytestmark = [each_backend, each_module]


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


def statuses_of_a_burst(module: Any, backend: str, auth: HTTPXAuth, size: int) -> list[int]:
    """Send requests together to an API that rejects the first token once all have arrived."""

    async def main() -> list[int]:
        all_arrived = anyio.Event()
        rejected: list[str] = []

        async def respond(request: Any) -> Any:
            token = request.headers["Authorization"]
            if rejected and token != rejected[0]:
                return module.Response(200)
            rejected.append(token)
            if len(rejected) == size:
                all_arrived.set()
            await all_arrived.wait()
            return module.Response(401, text="Unauthorized")

        transport = module.MockTransport(respond)
        async with module.AsyncClient(auth=auth, transport=transport, timeout=None) as client:
            responses = await gather([partial(client.get, URL)] * size)
        return [response.status_code for response in responses]

    return anyio.run(main, backend=backend)


def test_200_requests_rejected_together_start_one_thread(
    module: Any, backend: str, started: list[str], source: ClientCredentials, sandbox: Sandbox
) -> None:
    source.token()
    auth = HTTPXAuth(source, allowed_hosts=["streaming.bitquery.io"])
    assert statuses_of_a_burst(module, backend, auth, 200) == [200] * 200
    assert len(started) == 1, started
    assert sandbox.token_requests == 2


class BlockingSource:
    """A source of the user's without `atoken`, whose `token` blocks."""

    def __init__(self) -> None:
        self._token = Token("first")

    def token(self) -> Token:
        time.sleep(0.002)
        return self._token

    def discard(self, token: Token | str) -> None:
        self._token = Token("second")


def test_400_requests_over_a_blocking_source_use_the_pool_of_the_event_loop(
    module: Any, backend: str, started: list[str]
) -> None:
    auth = HTTPXAuth(BlockingSource())
    assert statuses_of_a_burst(module, backend, auth, 400) == [200] * 400
    size_of_the_pool = {"asyncio": min(32, (os.cpu_count() or 1) + 4), "trio": 40}[backend]
    assert 0 < len(started) <= size_of_the_pool
