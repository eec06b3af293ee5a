"""A source that is used while it fetches or decides, by its callable or a finalizer (hazard C8)."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import pytest
import requests

from bitquery_auth import ClientCredentials, ConfigurationError, RequestsAuth, ShortTermToken, Token
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clock import Clock
from tests.kit.crowd import Threads, async_attempt, attempt, each_backend, gather_on, source_with

Ask = Callable[[ClientCredentials, Sandbox], object]


def in_a_request(source: ClientCredentials, sandbox: Sandbox) -> None:
    auth = RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts)
    requests.post(sandbox.graphql_endpoint, json=QUERY, auth=auth, timeout=20)


def for_another_source(source: ClientCredentials, sandbox: Sandbox) -> None:
    ShortTermToken(source, endpoint=sandbox.graphql_endpoint).token()


ASK: dict[str, Ask] = {
    "sync": lambda source, _: source.token(),
    "asyncio": lambda source, _: asyncio.run(source.atoken()),
    "trio": lambda source, _: anyio.run(source.atoken, backend="trio"),
    "in a request": in_a_request,
    "for another source": for_another_source,
}


def asking_itself(sandbox: Sandbox, ask: Ask) -> ClientCredentials:
    """Make a source whose secret needs a token of this very source."""

    def secret() -> str:
        ask(source, sandbox)
        return sandbox.client_secret

    source = source_with(sandbox, secret)
    return source


def check_reentered(error: Any, sandbox: Sandbox) -> None:
    assert isinstance(error, ConfigurationError)
    assert "That callable must not use this source." in str(error)
    assert (sandbox.token_requests, sandbox.short_term_requests) == (0, 0)


@pytest.mark.parametrize("ask", ASK.values(), ids=ASK)
def test_a_source_that_asks_itself_raises_instead_of_hanging(sandbox: Sandbox, ask: Ask) -> None:
    check_reentered(attempt(asking_itself(sandbox, ask).token), sandbox)


@each_backend
def test_a_source_that_asks_itself_raises_in_tasks_too(sandbox: Sandbox, backend: str) -> None:
    """There the fetch runs on another thread."""
    source = asking_itself(sandbox, ASK["sync"])
    (error,) = gather_on(backend, [partial(async_attempt, source.atoken)])
    check_reentered(error, sandbox)


@pytest.mark.parametrize("method", ["token", "discard"])
def test_a_finalizer_that_runs_in_the_middle_of_a_decision_can_use_the_source(
    method: str, sandbox: Sandbox, clock: Clock
) -> None:
    """The garbage collector calls one on any thread, at any moment, as it does signal handlers."""
    source = sandbox.credentials()
    interrupted = 0

    def use_the_source() -> None:
        nonlocal interrupted
        interrupted += 1
        if interrupted == 1:
            source.token() if method == "token" else source.discard("another")

    clock.on_read = use_the_source
    (token,) = Threads([source.token]).outcomes()
    assert isinstance(token, Token)
    assert interrupted > 1
    assert sandbox.token_requests <= 2  # one for each of them, at most


def test_a_valid_token_can_be_used_to_get_the_secret_for_the_next(
    sandbox: Sandbox, clock: Clock
) -> None:
    seen: list[Any] = []

    def secret() -> str:
        if fetched:
            seen.append(source.token())
        return sandbox.client_secret

    fetched: list[Token] = []
    source = source_with(sandbox, secret)
    fetched.append(source.token())
    clock.advance(3560)
    assert source.token() is not fetched[0]
    assert seen == fetched
