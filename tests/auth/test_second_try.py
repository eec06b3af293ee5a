"""The API fails during recovery from a 401: the caller sees what it would see without an auth."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import httpx
import httpx2
import pytest
import requests

from bitquery_auth import BitqueryAuthError, ClientCredentials, HTTPXAuth, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.faults import faults
from tests.faults.faults import answering
from tests.faults.proxy import Fault, FaultProxy, forward
from tests.kit.clients import Client, OpenClient

BREAKS: dict[str, Fault] = {
    "reset": faults.reset,
    "closed": faults.closed,
    "reset in the response": faults.reset_in_the_answer,
    "closed in the response": faults.closed_in_the_answer,
    "closed between chunks": faults.closed_between_chunks,
    "not HTTP": faults.garbage,
}


@pytest.fixture
def proxy(sandbox: Sandbox) -> Iterator[FaultProxy]:
    """The sandbox's API behind a proxy that can respond with a fault."""
    with FaultProxy(lambda request: sandbox.answer(request, lambda _: False)) as proxy:
        yield proxy


@pytest.fixture
def call(
    open_client: OpenClient, source: ClientCredentials, proxy: FaultProxy
) -> Callable[[], Any]:
    """One request to the API behind the proxy."""
    client = open_client(source, allowed_hosts=[proxy.host])
    return lambda: client.get(f"{proxy.url}/graphql")


@pytest.mark.parametrize("fault", BREAKS.values(), ids=BREAKS.keys())
def test_a_second_try_that_breaks_is_the_clients_own_error_and_is_not_repeated(
    call: Callable[[], Any], proxy: FaultProxy, sandbox: Sandbox, kind: type[Client], fault: Fault
) -> None:
    call()
    sandbox.revoke_all()
    proxy.requests.clear()
    proxy.plan.extend([forward, fault])
    with pytest.raises(kind.base_error) as caught:
        call()
    assert not isinstance(caught.value, BitqueryAuthError)
    assert len(proxy.requests) == 2
    assert call().status == 200
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("status", [500, 503, 429, 403, 402, 302])
def test_whatever_the_second_try_brings_is_returned(
    call: Callable[[], Any], proxy: FaultProxy, sandbox: Sandbox, status: int
) -> None:
    call()
    sandbox.revoke_all()
    proxy.requests.clear()
    proxy.plan.extend([forward, answering(status)])
    outcome = call()
    assert (outcome.status, outcome.history) == (status, (401,))
    assert len(proxy.requests) == 2
    assert call().status == 200
    assert sandbox.token_requests == 2


def test_an_api_that_breaks_before_it_responds_costs_no_token(
    call: Callable[[], Any], proxy: FaultProxy, sandbox: Sandbox, kind: type[Client]
) -> None:
    proxy.mode = faults.closed
    for _ in range(3):
        with pytest.raises(kind.base_error) as caught:
            call()
        assert not isinstance(caught.value, BitqueryAuthError)
    proxy.mode = forward
    assert call().status == 200
    assert sandbox.token_requests == 1


def _get_with_requests(source: ClientCredentials, proxy: FaultProxy, url: str) -> None:
    auth = RequestsAuth(source, allowed_hosts=[proxy.host])
    requests.get(url, auth=auth, timeout=0.3)


def _get_with_httpx(source: ClientCredentials, proxy: FaultProxy, url: str) -> None:
    httpx.get(url, auth=HTTPXAuth(source, allowed_hosts=[proxy.host]), timeout=0.3)


def _get_with_httpx2_on_asyncio(source: ClientCredentials, proxy: FaultProxy, url: str) -> None:
    async def main() -> None:
        auth = HTTPXAuth(source, allowed_hosts=[proxy.host])
        async with httpx2.AsyncClient(auth=auth, timeout=0.3) as client:
            await client.get(url)

    anyio.run(main)


@pytest.mark.parametrize(
    ("get", "error"),
    [
        (_get_with_requests, requests.ReadTimeout),
        (_get_with_httpx, httpx.ReadTimeout),
        (_get_with_httpx2_on_asyncio, httpx2.ReadTimeout),
    ],
)
def test_the_timeout_of_the_client_holds_for_the_second_try(
    get: Any, error: type[Exception], source: ClientCredentials, proxy: FaultProxy, sandbox: Sandbox
) -> None:
    source.token()
    sandbox.revoke_all()
    proxy.plan.extend([forward, faults.silent])
    began = time.monotonic()
    with pytest.raises(error):
        get(source, proxy, f"{proxy.url}/graphql")
    assert time.monotonic() - began < 5
    assert len(proxy.requests) == 2
