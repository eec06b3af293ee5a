"""A token that is still valid: nobody waits for its successor (hazard C4)."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox import Sandbox
from tests.concurrency.crowds import IN_TASKS, IN_THREADS
from tests.kit.clock import Clock
from tests.kit.crowd import BACKENDS, NEVER, HeldSecret, Threads, at_once, distinct, gather_on
from tests.kit.waiting import until

# An hour's token is refreshed in the background from 3210 to 3240 s on, and replaced before use
# from 3540 s on.
REFRESH, LEEWAY = 3300, 3560

CROWDS: dict[str, Callable[[Any], list[Any]]] = {
    "threads": lambda source: at_once([source.token] * 20),
    **{
        backend: lambda source, backend=backend: gather_on(backend, [source.atoken] * 20)
        for backend in BACKENDS
    },
}


@pytest.mark.parametrize("crowd", CROWDS.values(), ids=CROWDS)
def test_nobody_waits_for_a_refresh_in_the_background(
    used: ClientCredentials,
    secret: HeldSecret,
    sandbox: Sandbox,
    clock: Clock,
    crowd: Callable[[Any], Any],
) -> None:
    token = used.token()
    clock.advance(REFRESH)
    assert crowd(used) == [token] * 20
    assert secret.reached.wait(NEVER)
    secret.release()
    until(lambda: used.token() is not token)
    assert sandbox.token_requests == 2


def test_inside_the_leeway_only_the_caller_who_fetches_waits(
    used: ClientCredentials, secret: HeldSecret, sandbox: Sandbox, clock: Clock
) -> None:
    """The others use the token until it expires."""
    token = used.token()
    clock.advance(LEEWAY)
    first = Threads([used.token])
    assert secret.reached.wait(NEVER)
    for crowd in CROWDS.values():
        assert crowd(used) == [token] * 20
    secret.release()
    assert first.outcomes() == [used.token()]
    assert used.token() is not token
    assert sandbox.token_requests == 2


def test_callers_whose_token_expires_during_a_refresh_wait_for_that_refresh(
    used: ClientCredentials, secret: HeldSecret, sandbox: Sandbox, clock: Clock
) -> None:
    token = used.token()
    clock.advance(REFRESH)
    used.token()
    assert secret.reached.wait(NEVER)
    clock.advance(300)
    waiters = Threads([used.token] * 8)
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

    def go_on(requests_at_once: Callable[..., list[Any]]) -> set[int]:
        statuses: set[int] = set()
        while not stop.is_set():
            responses = requests_at_once(sandbox, source, 4)
            statuses |= {response.status_code for response in responses}
        return statuses

    clients = (IN_THREADS["requests"], IN_TASKS["asyncio"])
    threads = Threads([partial(go_on, client) for client in clients])
    until(lambda: sandbox.api_requests > 10)
    for _ in range(100):
        known.add(source.renew().access_token)
    stop.set()
    assert threads.outcomes() == [{200}, {200}]
    carried = {
        each.headers["Authorization"] for each in sandbox.requests if each.path == "/graphql"
    }
    assert len(carried) > 10
    assert carried <= {f"Bearer {token}" for token in known}
    assert sandbox.token_requests == 101
