"""Many callers at once, and no token yet: one is fetched, and all go on with it (hazard C1)."""

from functools import partial
from typing import Any

import anyio
import pytest
import requests

from bitquery_auth import HTTPXAuth, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clock import Clock
from tests.kit.crowd import (
    Callers,
    HeldSecret,
    Threads,
    async_client,
    at_once,
    distinct,
    each_backend,
    each_module,
    gather,
    gather_on,
    source_with,
    sync_client,
)


def test_64_threads_share_one_fetch(sandbox: Sandbox) -> None:
    source = source_with(sandbox, secret := HeldSecret(sandbox))
    callers = Callers(source)
    threads = Threads([source.token] * 64)
    callers.wait_for(64)
    secret.release()
    assert len(distinct(threads.outcomes())) == 1
    assert sandbox.token_requests == 1


def test_64_threads_with_requests_need_one_token(sandbox: Sandbox) -> None:
    auth = RequestsAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)

    def post() -> int:
        with requests.Session() as session:
            session.auth = auth
            return session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20).status_code

    assert at_once([post] * 64) == [200] * 64
    assert (sandbox.token_requests, sandbox.api_requests) == (1, 64)


@each_module
def test_threads_on_one_httpx_client_need_one_token(sandbox: Sandbox, module: Any) -> None:
    auth = HTTPXAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)
    with sync_client(module, auth) as client:
        posts = [lambda: client.post(sandbox.graphql_endpoint, json=QUERY).status_code] * 24
        assert at_once(posts) == [200] * 24
    assert sandbox.token_requests == 1


@each_backend
def test_1000_tasks_share_one_fetch(sandbox: Sandbox, backend: str) -> None:
    source = sandbox.credentials()
    assert len(distinct(gather_on(backend, [source.atoken] * 1000))) == 1
    assert sandbox.token_requests == 1


@each_module
@each_backend
def test_40_tasks_on_one_httpx_client_need_one_token(
    sandbox: Sandbox, module: Any, backend: str
) -> None:
    auth = HTTPXAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)

    async def main() -> list[Any]:
        async with async_client(module, auth) as client:
            return await gather([partial(client.post, sandbox.graphql_endpoint, json=QUERY)] * 40)

    responses = anyio.run(main, backend=backend)
    assert [response.status_code for response in responses] == [200] * 40
    assert sandbox.token_requests == 1


def test_three_event_loops_and_20_threads_share_one_fetch(sandbox: Sandbox) -> None:
    """Sync and async callers wait for the same fetch (hazards A3 and A5)."""
    source = source_with(sandbox, secret := HeldSecret(sandbox))
    callers = Callers(source)
    loops = [
        partial(gather_on, backend, [source.atoken] * 20)
        for backend in ("asyncio", "asyncio", "trio")
    ]
    threads = Threads([*loops, *[source.token] * 20])
    callers.wait_for(80)
    secret.release()
    assert len(distinct(threads.outcomes())) == 1
    assert sandbox.token_requests == 1


def test_ten_auths_over_one_source_share_its_fetch(sandbox: Sandbox) -> None:
    """A new auth for each request is no reason for a new token (hazard C2)."""
    source = source_with(sandbox, secret := HeldSecret(sandbox))
    callers = Callers(source)

    def post() -> int:
        auth = RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts)
        url = sandbox.graphql_endpoint
        return requests.post(url, json=QUERY, auth=auth, timeout=20).status_code

    threads = Threads([post] * 10)
    callers.wait_for(10)
    secret.release()
    assert threads.outcomes() == [200] * 10
    assert sandbox.token_requests == 1


def test_a_fetch_of_one_source_that_hangs_does_not_delay_another_source(sandbox: Sandbox) -> None:
    """There is no lock that unrelated credentials share (hazard C3)."""
    source = source_with(sandbox, secret := HeldSecret(sandbox))
    thread = Threads([source.token])
    assert secret.reached.wait(20)
    sandbox.credentials().token()
    assert sandbox.token_requests == 1
    secret.release()
    thread.outcomes()
    assert sandbox.token_requests == 2


def test_an_expired_token_is_replaced_once_for_50_threads(sandbox: Sandbox, clock: Clock) -> None:
    source = source_with(sandbox, secret := HeldSecret(sandbox, released=True))
    first = source.token()
    secret.hold()
    clock.advance(3600)
    callers = Callers(source)
    threads = Threads([source.token] * 50)
    callers.wait_for(50)
    secret.release()
    tokens = distinct(threads.outcomes())
    assert len(tokens) == 1
    assert first.access_token not in tokens
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("in_progress", ["renew", "token"])
def test_renew_joins_a_fetch_in_progress(sandbox: Sandbox, clock: Clock, in_progress: str) -> None:
    """It does not matter who began that fetch, and why (hazard G4)."""
    source = source_with(sandbox, secret := HeldSecret(sandbox, released=True))
    first = source.token()
    secret.hold()
    clock.advance(3600)
    leader = Threads([getattr(source, in_progress)])
    assert secret.reached.wait(20)
    callers = Callers(source)
    threads = Threads([source.renew] * 8 + [partial(gather_on, "trio", [source.arenew] * 8)])
    callers.wait_for(16)
    secret.release()
    renewed = distinct([*leader.outcomes(), *threads.outcomes()])
    assert len(renewed) == 1
    assert first.access_token not in renewed
    assert sandbox.token_requests == 2
