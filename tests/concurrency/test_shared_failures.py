"""A fetch fails: everyone who waited for it gets the failure, and nobody repeats the fetch."""

from collections.abc import Callable
from functools import partial
from typing import Any

import httpx2
import pytest
import requests

from bitquery_auth import ClientCredentials, TokenEndpointError, TokenRequestError
from bitquery_auth.sandbox import Sandbox
from tests.concurrency.crowds import RequestsAtOnce
from tests.kit.clock import Clock
from tests.kit.crowd import (
    BACKENDS,
    NEVER,
    Callers,
    HeldSecret,
    Threads,
    async_attempt,
    distinct,
    gather_on,
)
from tests.kit.waiting import until

REFRESH, EXPIRED = 3300, 3600


def outcomes_of_a_crowd(source: Any, release: Callable[[], None]) -> list[Any]:
    """Return what 30 callers get, in threads and two event loops, who wait for one fetch."""
    callers = Callers(source)
    loops = [
        partial(gather_on, backend, [partial(async_attempt, source.atoken)] * 10)
        for backend in BACKENDS
    ]
    threads = Threads([*[source.token] * 10, *loops])
    callers.wait_for(30)
    release()
    *outcomes, by_asyncio, by_trio = threads.outcomes()
    return [*outcomes, *by_asyncio, *by_trio]


@pytest.mark.parametrize(
    ("outage", "kind"), [(503, TokenEndpointError), ("drop", TokenRequestError)]
)
def test_everyone_who_waited_gets_a_copy_of_the_failure_of_one_request(
    source: ClientCredentials,
    secret: HeldSecret,
    sandbox: Sandbox,
    outage: Any,
    kind: type[Exception],
) -> None:
    """Also a server that is down is asked once (hazards C1 and F3)."""
    sandbox.outage = outage
    failures = outcomes_of_a_crowd(source, secret.release)
    assert {type(failure) for failure in failures} == {kind}
    assert len({id(failure) for failure in failures}) == 30
    assert all(0 < failure.retry_after <= 0.25 for failure in failures)
    assert all(failure.__cause__ is None for failure in failures)
    assert sandbox.token_requests == 1


@pytest.mark.parametrize("recovers", [False, True])
def test_callers_who_joined_a_refresh_that_fails_share_one_fetch_of_their_own(
    used: ClientCredentials, secret: HeldSecret, sandbox: Sandbox, clock: Clock, *, recovers: bool
) -> None:
    """The refresh was begun for nobody, and the outcome of their own fetch is final."""
    clock.advance(REFRESH)
    sandbox.outage = 503
    used.token()  # begins the refresh
    assert secret.reached.wait(NEVER)
    clock.advance(EXPIRED - REFRESH)

    def release() -> None:
        if recovers:
            # The refresh fails at the server; then it is back.
            sandbox.on_request = lambda _: setattr(sandbox, "outage", None)
        secret.release()

    outcomes = outcomes_of_a_crowd(used, release)
    if recovers:
        assert len(distinct(outcomes)) == 1
    else:
        assert {type(outcome) for outcome in outcomes} == {TokenEndpointError}
    assert sandbox.token_requests == 3


def test_a_refresh_that_failed_does_not_fail_the_next_caller_without_a_token(
    sandbox: Sandbox, clock: Clock
) -> None:
    """The token is rejected in the pause after the refresh, which was no caller's failure."""
    source = sandbox.credentials()
    source.token()
    clock.advance(REFRESH)
    sandbox.outage = "drop"
    source.token()
    until(lambda: sandbox.token_requests == 2)
    sandbox.outage = None
    source.discard(source.token())
    assert source.token()
    assert sandbox.token_requests == 3


def test_requests_that_waited_get_errors_of_their_client(
    requests_at_once: RequestsAtOnce,
    source: ClientCredentials,
    secret: HeldSecret,
    callers: Callers,
    sandbox: Sandbox,
) -> None:
    """Handlers that people have catch it (hazard F6)."""
    sandbox.outage = 500
    requests_sent = Threads([partial(requests_at_once, source, 8)])
    callers.wait_for(8)
    secret.release()
    (errors,) = requests_sent.outcomes()
    assert len(errors) == 8
    of_client = (requests.RequestException, httpx2.HTTPError)
    assert all(isinstance(error, of_client) for error in errors)
    assert (sandbox.token_requests, sandbox.api_requests) == (1, 0)
