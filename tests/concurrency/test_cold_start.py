"""Many callers at once, and no token: one is fetched, and all go on with it (hazard C1)."""

from functools import partial

import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox import Sandbox
from tests.concurrency.crowds import RequestsAtOnce
from tests.kit.clock import Clock
from tests.kit.crowd import Callers, HeldSecret, Threads, distinct, each_backend, gather_on


@pytest.mark.parametrize("has_expired", [False, True])
def test_64_threads_share_one_fetch(
    source: ClientCredentials,
    secret: HeldSecret,
    sandbox: Sandbox,
    clock: Clock,
    *,
    has_expired: bool,
) -> None:
    """There was no token yet, or it has expired."""
    expired = set()
    if has_expired:
        secret.release()
        expired.add(source.token().access_token)
        secret.hold()
        clock.advance(3600)
    callers = Callers(source)
    threads = Threads([source.token] * 64)
    callers.wait_for(64)
    secret.release()
    assert len(distinct(threads.outcomes()) - expired) == 1
    assert sandbox.token_requests == 1 + has_expired


@each_backend
def test_1000_tasks_share_one_fetch(sandbox: Sandbox, backend: str) -> None:
    source = sandbox.credentials()
    assert len(distinct(gather_on(backend, [source.atoken] * 1000))) == 1
    assert sandbox.token_requests == 1


def test_three_event_loops_and_20_threads_share_one_fetch(
    source: ClientCredentials, secret: HeldSecret, callers: Callers, sandbox: Sandbox
) -> None:
    """Sync and async callers wait for the same fetch (hazards A3 and A5)."""
    loops = [
        partial(gather_on, backend, [source.atoken] * 20)
        for backend in ("asyncio", "asyncio", "trio")
    ]
    threads = Threads([*loops, *[source.token] * 20])
    callers.wait_for(80)
    secret.release()
    assert len(distinct(threads.outcomes())) == 1
    assert sandbox.token_requests == 1


def test_32_requests_need_one_token(requests_at_once: RequestsAtOnce, sandbox: Sandbox) -> None:
    """Nor is a new auth for each request a reason for a new token (hazard C2)."""
    responses = requests_at_once(sandbox.credentials(), 32)
    assert [response.status_code for response in responses] == [200] * 32
    assert (sandbox.token_requests, sandbox.api_requests) == (1, 32)


def test_a_fetch_of_one_source_that_hangs_does_not_delay_another_source(
    source: ClientCredentials, secret: HeldSecret, sandbox: Sandbox
) -> None:
    """There is no lock that unrelated credentials share (hazard C3)."""
    thread = Threads([source.token])
    assert secret.reached.wait(20)
    sandbox.credentials().token()
    assert sandbox.token_requests == 1
    secret.release()
    thread.outcomes()
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("in_progress", ["renew", "token"])
def test_renew_joins_a_fetch_in_progress(
    used: ClientCredentials, secret: HeldSecret, sandbox: Sandbox, clock: Clock, in_progress: str
) -> None:
    """It does not matter who began that fetch, and why (hazard G4)."""
    first = used.token()
    clock.advance(3600)
    leader = Threads([getattr(used, in_progress)])
    assert secret.reached.wait(20)
    callers = Callers(used)
    threads = Threads([used.renew] * 8 + [partial(gather_on, "trio", [used.arenew] * 8)])
    callers.wait_for(16)
    secret.release()
    renewed = distinct([*leader.outcomes(), *threads.outcomes()])
    assert len(renewed) == 1
    assert first.access_token not in renewed
    assert sandbox.token_requests == 2
