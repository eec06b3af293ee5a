"""Whoever makes the fetch is interrupted: it is released, and a waiter takes it over."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from bitquery_auth import BitqueryAuthError, ClientCredentials, Token
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.concurrency.crowd import BACKENDS, NEVER, Boarding, Gate, Threads, attempt, gather_on, source_with


class InterruptedOnce(Gate):
    """A gate at which the first fetch is interrupted once it opens, as by Ctrl-C."""

    def __init__(self, sandbox: Sandbox, interruption: type[BaseException]) -> None:
        super().__init__(sandbox)
        self._interruption = interruption
        self.fetches = 0

    def __call__(self) -> str:
        self.fetches += 1
        first = self.fetches == 1
        secret = super().__call__()
        if first:
            raise self._interruption
        return secret


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_waiting_thread_takes_over_from_an_interrupted_one(
    sandbox: Sandbox, interruption: type[BaseException]
) -> None:
    source = source_with(sandbox, gate := InterruptedOnce(sandbox, interruption))
    boarding = Boarding(source)
    leader = Threads([source.token])
    assert gate.reached.wait(NEVER)
    waiters = Threads([source.token] * 5)
    boarding.wait_for(6)
    gate.open()
    assert isinstance(leader.outcomes()[0], interruption)
    assert {token.access_token for token in waiters.outcomes()} == {source.token().access_token}
    assert gate.fetches == 2
    assert sandbox.token_requests == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_waiting_tasks_take_over_from_an_interrupted_thread(sandbox: Sandbox, backend: str) -> None:
    source = source_with(sandbox, gate := InterruptedOnce(sandbox, KeyboardInterrupt))
    boarding = Boarding(source)
    leader = Threads([source.token])
    assert gate.reached.wait(NEVER)
    waiters = Threads([partial(gather_on, backend, [source.atoken] * 5)])
    boarding.wait_for(6)
    gate.open()
    assert isinstance(leader.outcomes()[0], KeyboardInterrupt)
    assert {token.access_token for token in waiters.outcomes()[0]} == {source.token().access_token}
    assert gate.fetches == 2
    assert sandbox.token_requests == 1


def test_an_interrupted_fetch_that_nobody_waited_for_leaves_the_next_caller_a_fetch(sandbox: Sandbox) -> None:
    source = source_with(sandbox, gate := InterruptedOnce(sandbox, KeyboardInterrupt))
    gate.open()
    assert isinstance(attempt(source.token), KeyboardInterrupt)
    assert isinstance(source.token(), Token)
    assert sandbox.token_requests == 1


def test_an_interrupted_waiter_leaves_the_fetch_alone(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A waiter's Ctrl-C is its own affair."""
    source = source_with(sandbox, gate := Gate(sandbox))
    leader = Threads([source.token])
    assert gate.reached.wait(NEVER)

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("bitquery_auth._flight.Flight.wait", interrupted)
        assert isinstance(attempt(source.token), KeyboardInterrupt)
    gate.open()
    assert leader.outcomes() == [source.token()]
    assert sandbox.token_requests == 1


@pytest.mark.parametrize("kind", [SystemExit, asyncio.CancelledError])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_secret_that_exits_is_an_error_for_tasks_and_not_asked_for_without_end(
    sandbox: Sandbox, backend: str, kind: type[BaseException]
) -> None:
    """On the thread of a fetch nobody is interrupted: what ends the callable there ends the fetch."""
    asked = 0

    def secret() -> str:
        nonlocal asked
        asked += 1
        if asked < 5:  # without this end, a fault here would never end either
            raise kind
        return sandbox.client_secret

    source = source_with(sandbox, secret)
    outcome = attempt(partial(gather_on, backend, [partial(failure_of, source.atoken)]))
    assert isinstance(outcome, list)
    assert isinstance(outcome[0], BitqueryAuthError)
    assert asked == 1


async def failure_of(call: Callable[[], Any]) -> Any:
    try:
        return await call()
    except BitqueryAuthError as error:
        return error


def test_a_renewal_that_was_interrupted_while_the_token_lives_is_made_by_the_next_caller(
    sandbox: Sandbox, clock: Clock
) -> None:
    """Hazard A4: else the token would be used to its end, and nobody would renew it."""
    interrupts = iter([False, True, False])

    def secret() -> str:
        if next(interrupts):
            raise KeyboardInterrupt
        return sandbox.client_secret

    source = ClientCredentials(
        sandbox.client_id, secret, token_endpoint=sandbox.token_endpoint, scope="api", renew_ahead=0
    )
    first = source.token()
    clock.advance(3590)
    with pytest.raises(KeyboardInterrupt):
        source.token()
    assert source.token() != first
    assert sandbox.token_requests == 2
