"""A fetch fails: everyone who waited for it gets the failure, and nobody repeats the fetch."""

from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import httpx2
import pytest
import requests

from bitquery_auth import HTTPXAuth, RequestsAuth, TokenEndpointError, TokenRequestError
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clock import Clock
from tests.kit.crowd import (
    BACKENDS,
    NEVER,
    Callers,
    HeldSecret,
    Threads,
    async_attempt,
    async_client,
    distinct,
    each_backend,
    gather,
    gather_on,
    source_with,
)
from tests.kit.waiting import until

REFRESH, EXPIRED = 3300, 3600


@pytest.fixture
def secret(sandbox: Sandbox) -> HeldSecret:
    return HeldSecret(sandbox)


def failures_of_a_crowd(source: Any, release: Callable[[], None]) -> list[Any]:
    """Return what 30 callers get, in threads and two event loops, who wait for one fetch."""
    callers = Callers(source)
    loops = [
        partial(gather_on, backend, [partial(async_attempt, source.atoken)] * 10)
        for backend in BACKENDS
    ]
    threads = Threads([*[source.token] * 10, *loops])
    callers.wait_for(30)
    release()
    *failures, by_asyncio, by_trio = threads.outcomes()
    return [*failures, *by_asyncio, *by_trio]


@pytest.mark.parametrize(
    ("outage", "kind"), [(503, TokenEndpointError), ("drop", TokenRequestError)]
)
def test_everyone_who_waited_gets_a_copy_of_the_failure_of_one_request(
    sandbox: Sandbox, secret: HeldSecret, outage: Any, kind: type[Exception]
) -> None:
    """Also a server that is down is asked once (hazards C1 and F3)."""
    sandbox.outage = outage
    failures = failures_of_a_crowd(source_with(sandbox, secret), secret.release)
    assert {type(failure) for failure in failures} == {kind}
    assert len({id(failure) for failure in failures}) == 30
    assert all(0 < failure.retry_after <= 0.25 for failure in failures)
    assert all(failure.__cause__ is None for failure in failures)
    assert sandbox.token_requests == 1


def test_64_threads_cost_an_endpoint_that_is_down_one_request(sandbox: Sandbox) -> None:
    sandbox.outage = "drop"
    sandbox.delay = 0.1
    outcomes = Threads([sandbox.credentials().token] * 64).outcomes()
    assert {type(outcome) for outcome in outcomes} == {TokenRequestError}
    assert sandbox.token_requests == 1


@pytest.mark.parametrize("recovers", [False, True])
def test_callers_who_joined_a_refresh_that_fails_share_one_fetch_of_their_own(
    sandbox: Sandbox, secret: HeldSecret, clock: Clock, *, recovers: bool
) -> None:
    """The refresh was begun for nobody, and the outcome of their own fetch is final."""
    source = source_with(sandbox, secret)
    secret.release()
    first = source.token()
    clock.advance(REFRESH)
    secret.hold()
    sandbox.outage = 503
    assert source.token() is first  # begins the refresh
    assert secret.reached.wait(NEVER)
    clock.advance(EXPIRED - REFRESH)

    def release() -> None:
        if recovers:
            # The refresh fails at the server; then it is back.
            sandbox.on_request = lambda _: setattr(sandbox, "outage", None)
        secret.release()

    outcomes = failures_of_a_crowd(source, release)
    if recovers:
        assert len(distinct(outcomes)) == 1
    else:
        assert {type(outcome) for outcome in outcomes} == {TokenEndpointError}
    assert sandbox.token_requests == 3


def test_a_refresh_that_failed_does_not_fail_the_next_caller_without_a_token(
    sandbox: Sandbox, clock: Clock
) -> None:
    """The token expires in the pause after the refresh, which was no caller's failure."""
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


def test_threads_that_waited_with_requests_get_errors_of_requests(
    sandbox: Sandbox, secret: HeldSecret
) -> None:
    """Handlers that people have catch it (hazard F6)."""
    sandbox.outage = 500
    source = source_with(sandbox, secret)
    callers = Callers(source)
    auth = RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts)
    post = partial(requests.post, sandbox.graphql_endpoint, json=QUERY, auth=auth, timeout=20)
    threads = Threads([post] * 8)
    callers.wait_for(8)
    secret.release()
    assert all(isinstance(error, requests.RequestException) for error in threads.outcomes())
    assert (sandbox.token_requests, sandbox.api_requests) == (1, 0)


@each_backend
def test_tasks_that_waited_with_httpx2_get_errors_of_httpx2(
    sandbox: Sandbox, secret: HeldSecret, backend: str
) -> None:
    sandbox.outage = 500
    source = source_with(sandbox, secret)
    callers = Callers(source)
    auth = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts)

    async def release() -> None:
        await callers.async_wait_for(8)
        secret.release()

    async def main() -> list[Any]:
        async with async_client(httpx2, auth) as client:
            post = partial(client.post, sandbox.graphql_endpoint, json=QUERY)
            return await gather([release, *[partial(async_attempt, post)] * 8])

    failures = anyio.run(main, backend=backend)[1:]
    assert all(isinstance(error, httpx2.HTTPError) for error in failures)
    assert (sandbox.token_requests, sandbox.api_requests) == (1, 0)
