"""One source, many event loops of asyncio and trio: in turn and at once; none is blocked."""

import asyncio
import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from types import ModuleType
from typing import Any

import anyio
import anyio.lowlevel
import httpx2
import pytest

from bitquery_auth import ClientCredentials, HTTPXAuth, StaticToken, Token
from bitquery_auth.sandbox import Sandbox
from tests.concurrency.crowds import IN_TASKS
from tests.kit import QUERY
from tests.kit.crowd import (
    NEVER,
    Callers,
    HeldSecret,
    async_client,
    async_until,
    distinct,
    each_backend,
    gather,
    gather_on,
    source_with,
)


def test_ten_event_loops_in_turn_on_one_source(sandbox: Sandbox) -> None:
    """Each renews the token, since that is where something could belong to a loop (hazard A3)."""
    source = sandbox.credentials()
    for backend in [*IN_TASKS] * 5:
        (response,) = IN_TASKS[backend](sandbox, source, 1)
        assert response.status_code == 200
        source.discard(source.token())
    assert sandbox.token_requests == 10


@pytest.mark.parametrize(
    "backends", [("asyncio", "asyncio"), ("asyncio", "trio"), ("trio", "asyncio")], ids=str
)
def test_contended_fetches_in_two_event_loops_in_turn(
    source: ClientCredentials, secret: HeldSecret, sandbox: Sandbox, backends: tuple[str, str]
) -> None:
    """Only contention ties a lock of asyncio to its loop (hazard A3)."""
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
def test_other_tasks_run_during_a_slow_fetch(
    source: ClientCredentials, secret: HeldSecret, sandbox: Sandbox, backend: str
) -> None:
    """The fetch ends only after the loop has made a hundred more turns (hazard A2)."""

    async def tick() -> None:
        await async_until(secret.reached.is_set)
        for _ in range(100):
            await anyio.lowlevel.checkpoint()
        secret.release()

    assert isinstance(gather_on(backend, [source.atoken, tick])[0], Token)
    assert sandbox.token_requests == 1


def test_a_trio_that_another_thread_is_importing_is_not_taken_for_a_running_one(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that is being imported is in `sys.modules` already, without its names."""
    monkeypatch.setitem(sys.modules, "trio.lowlevel", ModuleType("trio.lowlevel"))
    assert isinstance(asyncio.run(sandbox.credentials().atoken()), Token)


# -- callables and sources of the user's -----------------------------------------------------------


class BlockingSource:
    """A source of the user's without ``atoken``."""

    def __init__(self, token: Callable[[], Token]) -> None:
        self.token = token

    def discard(self, token: Token | str) -> None: ...


@pytest.mark.parametrize("is_rejected", [False, True])
@each_backend
def test_a_source_without_atoken_is_called_in_a_worker_thread(
    sandbox: Sandbox, backend: str, *, is_rejected: bool
) -> None:
    """For a first token, and for another one after a 401."""
    threads: set[int] = set()
    reached, released = threading.Event(), threading.Event()
    tokens = [sandbox.credentials().token() for _ in range(2)]
    if is_rejected:
        tokens.append(Token("unknown"))

    def token() -> Token:
        threads.add(threading.get_ident())
        reached.set()
        assert released.wait(NEVER)
        return tokens.pop()

    auth = HTTPXAuth(BlockingSource(token), allowed_hosts=sandbox.allowed_hosts)

    async def main() -> list[Any]:
        async def tick() -> None:
            await async_until(reached.is_set)
            released.set()

        async with async_client(httpx2, auth) as client:
            return await gather([partial(client.post, sandbox.graphql_endpoint, json=QUERY), tick])

    assert anyio.run(main, backend=backend)[0].status_code == 200
    assert sandbox.api_refusals == is_rejected
    assert threading.get_ident() not in threads


@each_backend
def test_an_exception_of_a_source_without_atoken_reaches_the_caller(
    sandbox: Sandbox, backend: str
) -> None:
    def token() -> Token:
        raise LookupError("no token today")

    source: Any = BlockingSource(token)
    (error,) = IN_TASKS[backend](sandbox, source, 1)
    assert isinstance(error, LookupError)


@each_backend
def test_callables_on_other_threads_see_the_context_variables_of_the_caller(
    sandbox: Sandbox, backend: str
) -> None:
    """As with `asyncio.to_thread`: a source may keep a tenant there, a callable a trace id."""
    tenant = ContextVar("tenant", default="nobody")
    seen: list[str] = []

    def token() -> Token:
        seen.append(tenant.get())
        return StaticToken("token").token()

    def secret() -> str:
        seen.append(tenant.get())
        return sandbox.client_secret

    async def main() -> None:
        tenant.set("a tenant")
        auth = HTTPXAuth(BlockingSource(token), allowed_hosts=sandbox.allowed_hosts)
        async with async_client(httpx2, auth) as client:
            await client.post(sandbox.graphql_endpoint, json=QUERY)
        await source_with(sandbox, secret).atoken()

    anyio.run(main, backend=backend)
    assert set(seen) == {"a tenant"}
    assert len(seen) >= 2
