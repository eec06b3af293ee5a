"""One source, many event loops: one after another, at once, of asyncio and of trio; none is blocked."""

import asyncio
import sys
import threading
from contextvars import ContextVar
from functools import partial
from types import ModuleType
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import httpx2
import pytest
import trio

from bitquery_auth import HTTPXAuth, Token
from bitquery_auth.sandbox import Sandbox
from tests.concurrency.crowd import (
    BACKENDS,
    NEVER,
    QUERY,
    Boarding,
    Gate,
    Threads,
    async_wait_until,
    gather,
    gather_on,
    source_with,
)


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_ten_asyncio_runs_in_a_row_on_one_auth(sandbox: Sandbox, module: Any) -> None:
    """Hazard A3: each renews, so that each takes the way that could be tied to a loop."""
    source = sandbox.credentials()
    auth = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts)

    async def post() -> int:
        async with module.AsyncClient(auth=auth) as client:
            return int((await client.post(sandbox.graphql_endpoint, json=QUERY)).status_code)

    for _ in range(10):
        assert asyncio.run(post()) == 200
        source.discard(source.token())
    assert sandbox.token_requests == 10


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_asked_on_another_thread_has_the_callers_context(sandbox: Sandbox, backend: str) -> None:
    """As with asyncio.to_thread: a source of one's own may keep a tenant there, a secret's callable a trace."""
    tenant = ContextVar("tenant", default="nobody")
    seen: list[str] = []

    class Tenants:
        def token(self) -> Token:
            seen.append(tenant.get())
            return Token("token")

        def discard(self, token: Token | str) -> None:
            pass

    def secret() -> str:
        seen.append(tenant.get())
        return sandbox.client_secret

    async def main() -> None:
        tenant.set("a tenant")
        async with httpx.AsyncClient(auth=HTTPXAuth(Tenants(), allowed_hosts=sandbox.allowed_hosts)) as client:
            await client.post(sandbox.graphql_endpoint, json=QUERY)
        await source_with(sandbox, secret).atoken()

    anyio.run(main, backend=backend)
    assert set(seen) == {"a tenant"}
    assert len(seen) >= 2


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_asyncio_then_trio_then_asyncio_on_one_auth(sandbox: Sandbox, module: Any) -> None:
    """Hazards A3, A5."""
    auth = HTTPXAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)

    async def post() -> int:
        async with module.AsyncClient(auth=auth) as client:
            return int((await client.post(sandbox.graphql_endpoint, json=QUERY)).status_code)

    for run in (asyncio.run, None, asyncio.run):
        sandbox.revoke_all()
        assert (trio.run(post) if run is None else run(post())) == 200
    assert sandbox.token_requests == 3


@pytest.mark.parametrize("backends", [("asyncio", "asyncio"), ("asyncio", "trio"), ("trio", "asyncio")])
def test_contended_fetches_in_two_loops_one_after_the_other(sandbox: Sandbox, backends: tuple[str, str]) -> None:
    """Hazards A3, A5: only contention binds a lock to its loop, so there has to be some."""
    source = source_with(sandbox, gate := Gate(sandbox))
    for count, backend in enumerate(backends, start=1):
        gate.shut()
        boarding = Boarding(source)

        async def main(boarding: Boarding = boarding) -> list[Any]:
            async def opened() -> None:
                await boarding.async_wait_for(20)
                gate.open()

            return (await gather([opened, *[source.atoken] * 20]))[1:]

        tokens = anyio.run(main, backend=backend)
        assert len({token.access_token for token in tokens}) == 1
        assert sandbox.token_requests == count
        source.discard(tokens[0])


@pytest.mark.parametrize("backend", BACKENDS)
def test_contended_fetches_in_three_loops_on_threads(sandbox: Sandbox, backend: str) -> None:
    """Hazards A3, A5: two of three loops used to hang."""
    source = source_with(sandbox, gate := Gate(sandbox))
    boarding = Boarding(source)
    threads = Threads([partial(gather_on, backend, [source.atoken] * 10)] * 3)
    boarding.wait_for(30)
    gate.open()
    assert len({token.access_token for tokens in threads.outcomes() for token in tokens}) == 1
    assert sandbox.token_requests == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_task_keeps_ticking_during_a_slow_fetch(sandbox: Sandbox, backend: str) -> None:
    """Hazard A2: the fetch ends only after the loop has turned a hundred times more."""
    source = source_with(sandbox, gate := Gate(sandbox))

    async def tick() -> int:
        await async_wait_until(gate.reached.is_set)
        for _ in range(100):
            await anyio.lowlevel.checkpoint()
        gate.open()
        return 100

    assert isinstance(gather_on(backend, [source.atoken, tick])[0], Token)
    assert sandbox.token_requests == 1


@pytest.mark.parametrize("module", [httpx, httpx2])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_request_whose_token_is_slow_leaves_the_loop_to_others(sandbox: Sandbox, backend: str, module: Any) -> None:
    """Hazard A2: also when the token is fetched in answer to a refusal."""
    source = source_with(sandbox, gate := Gate(sandbox))
    gate.open()
    source.token()
    sandbox.revoke_all()
    gate.shut()
    auth = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts)

    async def main() -> list[Any]:
        async with module.AsyncClient(auth=auth, timeout=20) as client:

            async def tick() -> None:
                await async_wait_until(gate.reached.is_set)
                gate.open()

            return await gather([partial(client.post, sandbox.graphql_endpoint, json=QUERY), tick])

    assert anyio.run(main, backend=backend)[0].status_code == 200
    assert sandbox.token_requests == 2


def test_a_trio_that_is_still_being_imported_is_not_taken_for_a_running_one(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard A5: another thread's import of trio shows as a module that has nothing in it yet."""
    monkeypatch.setitem(sys.modules, "trio", ModuleType("trio"))
    assert isinstance(asyncio.run(sandbox.credentials().atoken()), Token)


class OwnSource:
    """A user's own token source, without ``atoken``, that blocks until it is let go."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._source = sandbox.credentials()
        self.threads: list[threading.Thread] = []
        self.reached, self.release = threading.Event(), threading.Event()

    def token(self) -> Token:
        self.threads.append(threading.current_thread())
        self.reached.set()
        assert self.release.wait(NEVER)
        return self._source.token()

    def discard(self, token: Token | str) -> None:
        self._source.discard(token)


@pytest.mark.parametrize("module", [httpx, httpx2])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_source_of_ones_own_is_called_in_a_worker_thread(sandbox: Sandbox, backend: str, module: Any) -> None:
    """Hazard A2."""
    source = OwnSource(sandbox)
    auth = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts)

    async def main() -> list[Any]:
        async with module.AsyncClient(auth=auth, timeout=20) as client:

            async def tick() -> None:
                await async_wait_until(source.reached.is_set)
                source.release.set()

            return await gather([partial(client.post, sandbox.graphql_endpoint, json=QUERY), tick])

    assert anyio.run(main, backend=backend)[0].status_code == 200
    assert threading.current_thread() not in source.threads


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_a_source_of_ones_own_raises_reaches_the_caller(sandbox: Sandbox, backend: str) -> None:
    class Broken(OwnSource):
        def token(self) -> Token:
            msg = "no token today"
            raise LookupError(msg)

    auth = HTTPXAuth(Broken(sandbox), allowed_hosts=sandbox.allowed_hosts)

    async def main() -> None:
        async with httpx2.AsyncClient(auth=auth) as client:
            await client.post(sandbox.graphql_endpoint, json=QUERY)

    with pytest.raises(LookupError, match="no token today"):
        anyio.run(main, backend=backend)
