"""A token that is still valid: nobody waits for its successor (hazard C4)."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import httpx2
import pytest
import requests

from bitquery_auth import HTTPXAuth, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clock import Clock
from tests.kit.crowd import (
    BACKENDS,
    NEVER,
    HeldSecret,
    Threads,
    async_client,
    at_once,
    distinct,
    gather,
    gather_on,
    source_with,
)
from tests.kit.waiting import until

# An hour's token is refreshed in the background from 3210 to 3240 s on, and replaced before use
# from 3540 s on.
REFRESH, LEEWAY = 3300, 3560


@pytest.fixture
def secret(sandbox: Sandbox) -> HeldSecret:
    return HeldSecret(sandbox, released=True)


@pytest.fixture
def source(sandbox: Sandbox, secret: HeldSecret) -> Any:
    """A source that has a token, and whose next fetch is held."""
    source = source_with(sandbox, secret)
    source.token()
    secret.hold()
    return source


CROWDS: dict[str, Callable[[Any], list[Any]]] = {
    "threads": lambda source: at_once([source.token] * 20),
    **{
        backend: lambda source, backend=backend: gather_on(backend, [source.atoken] * 20)
        for backend in BACKENDS
    },
}


@pytest.mark.parametrize("crowd", CROWDS.values(), ids=CROWDS)
def test_nobody_waits_for_a_refresh_in_the_background(
    source: Any, secret: HeldSecret, sandbox: Sandbox, clock: Clock, crowd: Callable[[Any], Any]
) -> None:
    token = source.token()
    clock.advance(REFRESH)
    assert crowd(source) == [token] * 20
    assert secret.reached.wait(NEVER)
    secret.release()
    until(lambda: source.token() is not token)
    assert sandbox.token_requests == 2


def test_inside_the_leeway_only_the_caller_who_fetches_waits(
    source: Any, secret: HeldSecret, sandbox: Sandbox, clock: Clock
) -> None:
    """The others use the token until it expires."""
    token = source.token()
    clock.advance(LEEWAY)
    first = Threads([source.token])
    assert secret.reached.wait(NEVER)
    for crowd in CROWDS.values():
        assert crowd(source) == [token] * 20
    secret.release()
    assert first.outcomes() == [source.token()]
    assert source.token() is not token
    assert sandbox.token_requests == 2


def test_callers_whose_token_expires_during_a_refresh_wait_for_that_refresh(
    source: Any, secret: HeldSecret, sandbox: Sandbox, clock: Clock
) -> None:
    token = source.token()
    clock.advance(REFRESH)
    source.token()
    assert secret.reached.wait(NEVER)
    clock.advance(300)
    waiters = Threads([source.token] * 8)
    secret.release()
    tokens = distinct(waiters.outcomes())
    assert len(tokens) == 1
    assert token.access_token not in tokens
    assert sandbox.token_requests == 2


def test_during_100_renewals_every_request_carries_a_complete_known_token(sandbox: Sandbox) -> None:
    """No request is sent without a header, or with half of a token (hazard C5)."""
    source = sandbox.credentials()
    known = {source.token().access_token}
    stop = threading.Event()

    def with_requests() -> list[int]:
        statuses = []
        with requests.Session() as session:
            session.auth = RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts)
            while not stop.is_set():
                response = session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20)
                statuses.append(response.status_code)
        return statuses

    async def with_httpx2() -> list[int]:
        statuses: list[int] = []
        auth = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts)
        async with async_client(httpx2, auth) as client:
            post = partial(client.post, sandbox.graphql_endpoint, json=QUERY)
            while not stop.is_set():
                statuses += [response.status_code for response in await gather([post] * 4)]
        return statuses

    threads = Threads([with_requests, with_requests, partial(anyio.run, with_httpx2)])
    until(lambda: sandbox.api_requests > 10)
    for _ in range(100):
        known.add(source.renew().access_token)
    stop.set()
    assert {status for statuses in threads.outcomes() for status in statuses} == {200}
    carried = {
        each.headers["Authorization"] for each in sandbox.requests if each.path == "/graphql"
    }
    assert len(carried) > 10
    assert carried <= {f"Bearer {token}" for token in known}
    assert sandbox.token_requests == 101
