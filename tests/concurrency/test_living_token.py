"""A token that still lives: nobody waits for its successor, and every request carries one or the other, whole."""

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
from tests.kit.clock import Clock
from tests.concurrency.crowd import (
    BACKENDS,
    NEVER,
    QUERY,
    Gate,
    Threads,
    at_once,
    gather,
    gather_on,
    source_with,
    wait_until,
)

# With an hour's token: background renewal from 3210 to 3240 s on, replacement before use from 3540 s on.
RENEWAL, LEEWAY = 3300, 3560


@pytest.fixture
def gate(sandbox: Sandbox) -> Gate:
    return Gate(sandbox)


@pytest.fixture
def source(sandbox: Sandbox, gate: Gate) -> Any:
    """A source that has a token, and whose next fetch is held."""
    source = source_with(sandbox, gate)
    gate.open()
    source.token()
    gate.shut()
    return source


def test_in_the_renewal_window_no_thread_waits_for_the_fetch(
    source: Any, gate: Gate, sandbox: Sandbox, clock: Clock
) -> None:
    """Hazard C4."""
    kept = source.token()
    clock.advance(RENEWAL)
    assert at_once([source.token] * 20) == [kept] * 20
    assert gate.reached.wait(NEVER)
    gate.open()
    wait_until(lambda: source.token() is not kept)
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("backend", BACKENDS)
def test_in_the_renewal_window_no_task_waits_for_the_fetch(
    source: Any, gate: Gate, sandbox: Sandbox, clock: Clock, backend: str
) -> None:
    """Hazard C4."""
    kept = source.token()
    clock.advance(RENEWAL)
    assert gather_on(backend, [source.atoken] * 20) == [kept] * 20
    assert gate.reached.wait(NEVER)
    gate.open()
    wait_until(lambda: source.token() is not kept)
    assert sandbox.token_requests == 2


def test_inside_the_leeway_only_the_one_who_fetches_waits(
    source: Any, gate: Gate, sandbox: Sandbox, clock: Clock
) -> None:
    """Hazard C4: the others use the token to its end."""
    kept = source.token()
    clock.advance(LEEWAY)
    first = Threads([source.token])
    assert gate.reached.wait(NEVER)
    assert at_once([source.token] * 20) == [kept] * 20
    for backend in BACKENDS:
        assert gather_on(backend, [source.atoken] * 20) == [kept] * 20
    gate.open()
    assert first.outcomes() == [source.token()]
    assert source.token() is not kept
    assert sandbox.token_requests == 2


def test_requests_go_on_while_the_fetch_hangs(source: Any, gate: Gate, sandbox: Sandbox, clock: Clock) -> None:
    """Hazard C4: over real HTTP, with requests and httpx2."""
    clock.advance(RENEWAL)
    by_requests = RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts)
    by_httpx2 = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts)
    assert requests.post(sandbox.graphql_endpoint, json=QUERY, auth=by_requests, timeout=20).status_code == 200
    assert gate.reached.wait(NEVER)
    assert httpx2.post(sandbox.graphql_endpoint, json=QUERY, auth=by_httpx2, timeout=20).status_code == 200
    assert sandbox.token_requests == 1
    gate.open()
    wait_until(lambda: sandbox.token_requests == 2)


def test_whoever_joins_a_renewal_at_the_end_of_the_token_waits_for_that_one(
    source: Any, gate: Gate, sandbox: Sandbox, clock: Clock
) -> None:
    """Hazard C1: the fetch begun ahead serves those who need it after the end."""
    kept = source.token()
    clock.advance(RENEWAL)
    source.token()
    assert gate.reached.wait(NEVER)
    clock.advance(300)
    waiters = Threads([source.token] * 8)
    gate.open()
    tokens = set(waiters.outcomes())
    assert len(tokens) == 1
    assert kept not in tokens
    assert sandbox.token_requests == 2


def hammer(stop: threading.Event, post: Callable[[], Any]) -> list[int]:
    statuses = []
    while not stop.is_set():
        statuses.append(post().status_code)
    return statuses


def test_during_100_renewals_every_request_carries_a_complete_known_token(sandbox: Sandbox) -> None:
    """Hazard C5: none goes out without a header, or with half of one."""
    source = sandbox.credentials()
    known = {source.token().access_token}
    stop = threading.Event()

    def with_requests() -> list[int]:
        with requests.Session() as session:
            session.auth = RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts)
            return hammer(stop, partial(session.post, sandbox.graphql_endpoint, json=QUERY, timeout=20))

    def with_httpx2() -> list[int]:
        async def main() -> list[int]:
            statuses: list[int] = []
            async with httpx2.AsyncClient(auth=HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts)) as client:
                while not stop.is_set():
                    posts = [partial(client.post, sandbox.graphql_endpoint, json=QUERY)] * 4
                    statuses += [response.status_code for response in await gather(posts)]
            return statuses

        return anyio.run(main)

    threads = Threads([with_requests, with_requests, with_httpx2])
    wait_until(lambda: sandbox.api_requests > 10)
    for _ in range(100):
        known.add(source.renew().access_token)
    stop.set()
    assert {status for statuses in threads.outcomes() for status in statuses} == {200}
    carried = {each.headers["Authorization"] for each in sandbox.requests if each.path == "/graphql"}
    assert len(carried) > 10
    assert carried <= {f"Bearer {token}" for token in known}
    assert sandbox.token_requests == 101
