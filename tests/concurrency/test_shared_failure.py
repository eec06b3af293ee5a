"""A fetch fails: everyone who waited for it is told, and nobody makes it again in a queue."""

from functools import partial
from typing import Any

import anyio
import httpx2
import pytest
import requests

from bitquery_auth import ConfigurationError, HTTPXAuth, RequestsAuth, TokenEndpointError, TokenRequestError
from bitquery_auth.sandbox import Sandbox
from tests.concurrency.crowd import (
    BACKENDS,
    NEVER,
    QUERY,
    Boarding,
    Gate,
    Threads,
    attempt,
    gather,
    gather_on,
    source_with,
)


async def failure_of(call: Any) -> Any:
    try:
        return await call()
    except Exception as error:  # noqa: BLE001 - handed to the test, whatever it is
        return error


def failures_of_a_crowd(sandbox: Sandbox, gate: Gate) -> list[Any]:
    """What threads, an asyncio loop and a trio loop get that all wait for one failing fetch."""
    source = source_with(sandbox, gate)
    boarding = Boarding(source)
    loops = [partial(gather_on, backend, [partial(failure_of, source.atoken)] * 10) for backend in BACKENDS]
    threads = Threads([*[source.token] * 10, *loops])
    boarding.wait_for(30)
    gate.open()
    *failures, by_asyncio, by_trio = threads.outcomes()
    return [*failures, *by_asyncio, *by_trio]


def test_everyone_who_waited_gets_the_failure_and_nobody_repeats_the_fetch(sandbox: Sandbox) -> None:
    """Hazards F3, C1: no queue of callers that each ask in vain."""
    sandbox.outage = 503
    failures = failures_of_a_crowd(sandbox, Gate(sandbox))
    assert [type(failure) for failure in failures] == [TokenEndpointError] * 30
    assert {failure.status_code for failure in failures} == {503}
    assert sandbox.token_requests == 1


def test_each_waiter_gets_a_copy_of_its_own_with_the_cause(sandbox: Sandbox) -> None:
    sandbox.outage = "drop"
    failures = failures_of_a_crowd(sandbox, Gate(sandbox))
    assert {type(failure) for failure in failures} == {TokenRequestError}
    assert len({id(failure) for failure in failures}) == 30
    assert all(failure.__cause__ is not None for failure in failures)


def test_a_secret_that_cannot_be_read_fails_everyone_who_waited_once(sandbox: Sandbox) -> None:
    class BrokenVault(Gate):
        def __call__(self) -> str:
            super().__call__()
            msg = "the vault is sealed"
            raise OSError(msg)

    failures = failures_of_a_crowd(sandbox, BrokenVault(sandbox))
    assert {type(failure) for failure in failures} == {ConfigurationError}
    assert {str(failure.__cause__) for failure in failures} == {"the vault is sealed"}
    assert sandbox.token_requests == 0


def test_threads_that_waited_with_requests_get_errors_of_requests(sandbox: Sandbox) -> None:
    """Hazard F6."""
    sandbox.outage = 500
    source = source_with(sandbox, gate := Gate(sandbox))
    boarding = Boarding(source)
    auth = RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts)
    threads = Threads([lambda: requests.post(sandbox.graphql_endpoint, json=QUERY, auth=auth, timeout=20)] * 8)
    boarding.wait_for(8)
    gate.open()
    assert [isinstance(error, requests.RequestException) for error in threads.outcomes()] == [True] * 8
    assert sandbox.token_requests == 1
    assert sandbox.api_requests == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_tasks_that_waited_with_httpx2_get_errors_of_httpx2(sandbox: Sandbox, backend: str) -> None:
    """Hazard F6."""
    sandbox.outage = 500
    source = source_with(sandbox, gate := Gate(sandbox))
    boarding = Boarding(source)
    auth = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts)

    async def post_all() -> list[Any]:
        async with httpx2.AsyncClient(auth=auth, timeout=20) as client:
            post = partial(client.post, sandbox.graphql_endpoint, json=QUERY)
            return await gather([partial(failure_of, post)] * 8)

    async def main() -> list[Any]:
        async def opened() -> None:
            await boarding.async_wait_for(8)
            gate.open()

        failures: list[Any] = (await gather([post_all, opened]))[0]
        return failures

    assert [isinstance(error, httpx2.HTTPError) for error in anyio.run(main, backend=backend)] == [True] * 8
    assert sandbox.token_requests == 1


def test_a_failed_renewal_for_some_is_the_living_token_for_others(sandbox: Sandbox) -> None:
    """Hazard F2: who insists on a new token hears that there is none, who only wants one goes on."""
    source = source_with(sandbox, gate := Gate(sandbox))
    gate.open()
    kept = source.token()
    gate.shut()
    sandbox.outage = 503
    thread = Threads([source.renew])
    assert gate.reached.wait(NEVER)
    assert source.token() is kept
    gate.open()
    assert isinstance(thread.outcomes()[0], TokenEndpointError)
    assert source.token() is kept
    assert sandbox.token_requests == 2


def test_a_waiter_of_a_later_fetch_does_not_get_an_earlier_failure(sandbox: Sandbox) -> None:
    sandbox.outage = 503
    source = sandbox.credentials()
    assert isinstance(attempt(source.token), TokenEndpointError)
    sandbox.outage = None
    assert source.renew() is source.token()
    assert sandbox.token_requests == 2
