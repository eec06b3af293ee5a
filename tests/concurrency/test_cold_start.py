"""Everyone comes at once and there is no token yet: one is fetched, and all go on with it."""

from functools import partial
from typing import Any

import anyio
import httpx
import httpx2
import pytest
import requests

from bitquery_auth import HTTPXAuth, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.concurrency.crowd import (
    BACKENDS,
    QUERY,
    Boarding,
    Gate,
    Threads,
    at_once,
    gather,
    gather_on,
    source_with,
)


def test_64_threads_share_one_fetch(sandbox: Sandbox) -> None:
    """Hazard C1: 20 threads used to make 20 token requests."""
    source = source_with(sandbox, gate := Gate(sandbox))
    boarding = Boarding(source)
    threads = Threads([source.token] * 64)
    boarding.wait_for(64)
    gate.open()
    assert len({token.access_token for token in threads.outcomes()}) == 1
    assert sandbox.token_requests == 1


def test_64_threads_with_requests_need_one_token(sandbox: Sandbox) -> None:
    """Hazard C1."""
    auth = RequestsAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)

    def post() -> int:
        with requests.Session() as session:
            session.auth = auth
            return session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20).status_code

    assert at_once([post] * 64) == [200] * 64
    assert sandbox.token_requests == 1
    assert sandbox.api_requests == 64


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_threads_on_one_httpx_client_need_one_token(sandbox: Sandbox, module: Any) -> None:
    """Hazard C1."""
    auth = HTTPXAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)
    with module.Client(auth=auth, timeout=20) as client:
        posts = [lambda: client.post(sandbox.graphql_endpoint, json=QUERY).status_code] * 24
        assert at_once(posts) == [200] * 24
    assert sandbox.token_requests == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_1000_tasks_share_one_fetch(sandbox: Sandbox, backend: str) -> None:
    """Hazards C1, A5."""
    source = sandbox.credentials()
    tokens = gather_on(backend, [source.atoken] * 1000)
    assert len({token.access_token for token in tokens}) == 1
    assert sandbox.token_requests == 1


@pytest.mark.parametrize("module", [httpx, httpx2])
@pytest.mark.parametrize("backend", BACKENDS)
def test_tasks_on_one_client_need_one_token(sandbox: Sandbox, module: Any, backend: str) -> None:
    """Hazards C1, A5."""
    auth = HTTPXAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)
    count = 200 if (module, backend) == (httpx2, "asyncio") else 40

    async def main() -> list[Any]:
        async with module.AsyncClient(auth=auth, timeout=20) as client:
            return await gather([partial(client.post, sandbox.graphql_endpoint, json=QUERY)] * count)

    assert [response.status_code for response in anyio.run(main, backend=backend)] == [200] * count
    assert sandbox.token_requests == 1


def test_three_loops_and_20_threads_share_one_fetch(sandbox: Sandbox) -> None:
    """Hazards C1, A3, A5: sync and async callers wait for the same fetch."""
    source = source_with(sandbox, gate := Gate(sandbox))
    boarding = Boarding(source)
    loops = [partial(gather_on, backend, [source.atoken] * 20) for backend in ("asyncio", "asyncio", "trio")]
    threads = Threads([*loops, *[source.token] * 20])
    boarding.wait_for(80)
    gate.open()
    *by_loop, first, second = threads.outcomes()[:5]
    assert {token.access_token for tokens in by_loop for token in tokens} == {first.access_token}
    assert second.access_token == first.access_token
    assert sandbox.token_requests == 1


def test_ten_auths_on_one_source_share_its_fetch(sandbox: Sandbox) -> None:
    """Hazard C2: what is shared is the source, not the object that is made for each request."""
    source = source_with(sandbox, gate := Gate(sandbox))
    boarding = Boarding(source)

    def post() -> int:
        auth = RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts)
        return requests.post(sandbox.graphql_endpoint, json=QUERY, auth=auth, timeout=20).status_code

    threads = Threads([post] * 10)
    boarding.wait_for(10)
    gate.open()
    assert threads.outcomes() == [200] * 10
    assert sandbox.token_requests == 1


def test_a_hung_fetch_of_one_source_does_not_delay_another(sandbox: Sandbox) -> None:
    """Hazard C3: there is no lock that unrelated credentials share."""
    hung = source_with(sandbox, gate := Gate(sandbox))
    thread = Threads([hung.token])
    assert gate.reached.wait(20)
    sandbox.credentials().token()
    assert sandbox.token_requests == 1
    gate.open()
    thread.outcomes()
    assert sandbox.token_requests == 2


def test_an_expired_token_is_replaced_once_for_50_threads(sandbox: Sandbox, clock: Clock) -> None:
    """Hazard C1."""
    source = source_with(sandbox, gate := Gate(sandbox))
    gate.open()
    first = source.token()
    gate.shut()
    clock.advance(3600)
    boarding = Boarding(source)
    threads = Threads([source.token] * 50)
    boarding.wait_for(50)
    gate.open()
    tokens = {token.access_token for token in threads.outcomes()}
    assert len(tokens) == 1
    assert first.access_token not in tokens
    assert sandbox.token_requests == 2


def test_callers_who_want_a_new_token_share_one_fetch(sandbox: Sandbox) -> None:
    """Hazard G4: renew() joins the fetch under way."""
    source = source_with(sandbox, gate := Gate(sandbox))
    gate.open()
    first = source.token()
    gate.shut()
    boarding = Boarding(source)
    threads = Threads([source.renew] * 8 + [partial(gather_on, "trio", [source.arenew] * 8)])
    boarding.wait_for(16)
    gate.open()
    *tokens, by_trio = threads.outcomes()
    renewed = {token.access_token for token in [*tokens, *by_trio]}
    assert len(renewed) == 1
    assert first.access_token not in renewed
    assert sandbox.token_requests == 2
