"""One source, many event loops of asyncio and trio: in turn and at once; none is blocked."""

import asyncio
import sys
import threading
from contextvars import ContextVar
from functools import partial
from types import ModuleType
from typing import Any

import anyio
import anyio.lowlevel
import httpx2
import pytest

from bitquery_auth import HTTPXAuth, Token
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.crowd import (
    NEVER,
    Callers,
    HeldSecret,
    async_client,
    async_until,
    distinct,
    each_backend,
    each_module,
    gather,
    gather_on,
    source_with,
)


@each_module
def test_ten_event_loops_in_turn_on_one_auth(sandbox: Sandbox, module: Any) -> None:
    """Each renews the token, since that is where something could belong to a loop (hazard A3)."""
    source = sandbox.credentials()
    auth = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts)

    async def post() -> int:
        async with async_client(module, auth) as client:
            return int((await client.post(sandbox.graphql_endpoint, json=QUERY)).status_code)

    for backend in ["asyncio", "trio"] * 5:
        assert anyio.run(post, backend=backend) == 200
        source.discard(source.token())
    assert sandbox.token_requests == 10


@pytest.mark.parametrize(
    "backends", [("asyncio", "asyncio"), ("asyncio", "trio"), ("trio", "asyncio")], ids=str
)
def test_contended_fetches_in_two_event_loops_in_turn(
    sandbox: Sandbox, backends: tuple[str, str]
) -> None:
    """Only contention ties a lock of asyncio to its loop (hazard A3)."""
    source = source_with(sandbox, secret := HeldSecret(sandbox))
    for count, backend in enumerate(backends, start=1):
        secret.hold()
        callers = Callers(source)

        async def release(callers: Callers = callers) -> None:
            await callers.async_wait_for(20)
            secret.release()

        _, *tokens = gather_on(backend, [release, *[source.atoken] * 20])
        assert len(distinct(tokens)) == 1
        assert sandbox.token_requests == count
        source.discard(tokens[0])


@each_backend
def test_other_tasks_run_during_a_slow_fetch(sandbox: Sandbox, backend: str) -> None:
    """The fetch ends only after the loop has made a hundred more turns (hazard A2)."""
    source = source_with(sandbox, secret := HeldSecret(sandbox))

    async def tick() -> None:
        await async_until(secret.reached.is_set)
        for _ in range(100):
            await anyio.lowlevel.checkpoint()
        secret.release()

    assert isinstance(gather_on(backend, [source.atoken, tick])[0], Token)
    assert sandbox.token_requests == 1


@each_module
@each_backend
def test_other_tasks_run_while_a_rejected_token_is_replaced(
    sandbox: Sandbox, backend: str, module: Any
) -> None:
    source = source_with(sandbox, secret := HeldSecret(sandbox, released=True))
    source.token()
    sandbox.revoke_all()
    secret.hold()
    auth = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts)

    async def main() -> list[Any]:
        async def tick() -> None:
            await async_until(secret.reached.is_set)
            secret.release()

        async with async_client(module, auth) as client:
            return await gather([partial(client.post, sandbox.graphql_endpoint, json=QUERY), tick])

    assert anyio.run(main, backend=backend)[0].status_code == 200
    assert sandbox.token_requests == 2


def test_a_trio_that_another_thread_is_importing_is_not_taken_for_a_running_one(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that is being imported is in `sys.modules` already, without its names."""
    monkeypatch.setitem(sys.modules, "trio.lowlevel", ModuleType("trio.lowlevel"))
    assert isinstance(asyncio.run(sandbox.credentials().atoken()), Token)


# -- callables and sources of the user's -----------------------------------------------------------


class BlockingSource:
    """A source of the user's without ``atoken``, whose ``token`` blocks until it is released.

    Args:
        sandbox: Where its tokens come from.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._source = sandbox.credentials()
        self.threads: set[threading.Thread] = set()
        self.reached, self.released = threading.Event(), threading.Event()

    def token(self) -> Token:
        self.threads.add(threading.current_thread())
        self.reached.set()
        assert self.released.wait(NEVER)
        return self._source.token()

    def discard(self, token: Token | str) -> None:
        self._source.discard(token)


@each_module
@each_backend
def test_a_source_without_atoken_is_called_in_a_worker_thread(
    sandbox: Sandbox, backend: str, module: Any
) -> None:
    source = BlockingSource(sandbox)
    auth = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts)

    async def main() -> list[Any]:
        async def tick() -> None:
            await async_until(source.reached.is_set)
            source.released.set()

        async with async_client(module, auth) as client:
            return await gather([partial(client.post, sandbox.graphql_endpoint, json=QUERY), tick])

    assert anyio.run(main, backend=backend)[0].status_code == 200
    assert threading.current_thread() not in source.threads


@each_backend
def test_an_exception_of_a_source_without_atoken_reaches_the_caller(
    sandbox: Sandbox, backend: str
) -> None:
    class Broken(BlockingSource):
        def token(self) -> Token:
            raise LookupError("no token today")

    auth = HTTPXAuth(Broken(sandbox), allowed_hosts=sandbox.allowed_hosts)

    async def main() -> None:
        async with async_client(httpx2, auth) as client:
            await client.post(sandbox.graphql_endpoint, json=QUERY)

    with pytest.raises(LookupError, match="no token today"):
        anyio.run(main, backend=backend)


@each_backend
def test_callables_on_other_threads_see_the_context_variables_of_the_caller(
    sandbox: Sandbox, backend: str
) -> None:
    """As with `asyncio.to_thread`: a source may keep a tenant there, a callable a trace id."""
    tenant = ContextVar("tenant", default="nobody")
    seen: list[str] = []

    class Tenants(BlockingSource):
        def token(self) -> Token:
            seen.append(tenant.get())
            return Token("token")

    def secret() -> str:
        seen.append(tenant.get())
        return sandbox.client_secret

    async def main() -> None:
        tenant.set("a tenant")
        auth = HTTPXAuth(Tenants(sandbox), allowed_hosts=sandbox.allowed_hosts)
        async with async_client(httpx2, auth) as client:
            await client.post(sandbox.graphql_endpoint, json=QUERY)
        await source_with(sandbox, secret).atoken()

    anyio.run(main, backend=backend)
    assert set(seen) == {"a tenant"}
    assert len(seen) >= 2
