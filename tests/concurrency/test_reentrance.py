"""A source that is asked for a token by its own ``client_secret``: an error, not a program that hangs."""

import asyncio
import threading
from functools import partial
from typing import Any

import anyio
import pytest
import requests

from bitquery_auth import ClientCredentials, ConfigurationError, RequestsAuth, ShortTermToken, Token
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.concurrency.crowd import BACKENDS, NEVER, QUERY, attempt, gather_on, source_with


def asks_itself(sandbox: Sandbox, how: str) -> ClientCredentials:
    """A source whose secret is got with a token of this very source."""

    def secret() -> str:
        if how == "sync":
            source.token()
        elif how == "asyncio":
            asyncio.run(source.atoken())
        elif how == "trio":
            anyio.run(source.atoken, backend="trio")
        else:
            auth = RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts)
            requests.post(sandbox.graphql_endpoint, json=QUERY, auth=auth, timeout=20)
        return sandbox.client_secret

    source = source_with(sandbox, secret)
    return source


@pytest.mark.parametrize("how", ["sync", "asyncio", "trio", "a request"])
def test_a_source_that_asks_itself_raises(sandbox: Sandbox, how: str) -> None:
    """Hazard C8: the callable runs during a fetch, which must not wait for itself."""
    error = attempt(asks_itself(sandbox, how).token)
    assert isinstance(error, ConfigurationError)
    assert "while it fetches one" in str(error)
    assert "Let those get what they need without this source." in str(error)
    assert sandbox.token_requests == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_source_that_asks_itself_raises_in_tasks_too(sandbox: Sandbox, backend: str) -> None:
    """Hazard C8: there the fetch is made on another thread."""
    error = attempt(partial(gather_on, backend, [asks_itself(sandbox, "sync").atoken]))
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, ConfigurationError)
    assert "while it fetches one" in str(error.__cause__)


def test_a_source_that_asks_itself_through_another_source_raises(sandbox: Sandbox) -> None:
    """Hazard C8."""

    def secret() -> str:
        short.token()
        return sandbox.client_secret

    short = ShortTermToken(source_with(sandbox, secret), endpoint=sandbox.graphql_endpoint)
    assert isinstance(attempt(short.token), ConfigurationError)
    assert sandbox.short_term_requests == 0


@pytest.mark.parametrize("method", ["token", "discard"])
def test_a_finalizer_that_comes_in_while_something_is_decided_can_use_the_source(
    method: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard C8: the garbage collector calls one on any thread, at any moment; so comes a signal's handler."""
    source = source_with(sandbox, sandbox.client_secret)
    step, calls = source._ledger.step, []

    def collecting(*args: Any, **kwargs: Any) -> Any:
        calls.append(method)
        if len(calls) == 1:
            source.token() if method == "token" else source.discard("another")
        return step(*args, **kwargs)

    monkeypatch.setattr("bitquery_auth._renewal.Ledger.step", lambda _, *args, **kwargs: collecting(*args, **kwargs))
    tokens: list[Token] = []
    thread = threading.Thread(target=lambda: tokens.append(source.token()), daemon=True)
    thread.start()
    thread.join(NEVER)
    assert len(tokens) == 1
    assert sandbox.token_requests <= 2  # each its own, at most


def test_a_living_token_may_be_used_to_get_the_secret_for_the_next(sandbox: Sandbox, clock: Clock) -> None:
    """Hazard C8: during a renewal there still is one."""
    seen: list[Any] = []

    def secret() -> str:
        if source._ledger.kept is not None:
            seen.append(source.token())
        return sandbox.client_secret

    source = source_with(sandbox, secret)
    first = source.token()
    clock.advance(3560)
    second = source.token()
    assert seen == [first]
    assert isinstance(second, Token)
    assert second is not first
