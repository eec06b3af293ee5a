"""The API fails during recovery from a 401: the caller sees what it would see without an auth."""

import time
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import httpx2
import pytest
import requests

from bitquery_auth import BitqueryAuthError, ClientCredentials, HTTPXAuth, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.kit import faults
from tests.kit.clients import Client, OpenClient
from tests.kit.origin import Gate, Handler, Origin, answering

BREAKS: dict[str, Handler] = {
    "reset": faults.reset,
    "closed": faults.closed,
    "reset in the response": faults.reset_in_the_response,
    "closed in the response": faults.closed_in_the_response,
    "closed between chunks": faults.closed_between_chunks,
    "not HTTP": faults.not_http,
}


@pytest.fixture
def api(origin: Origin, gate: Gate) -> Origin:
    """The sandbox's API behind a server that can misbehave."""
    return origin


@pytest.fixture
def call(open_client: OpenClient, source: ClientCredentials, api: Origin) -> Callable[[], Any]:
    """One request to the API behind the api."""
    client = open_client(source, allowed_hosts=[api.allowed_host])
    return lambda: client.get(api.at("/graphql"))


@pytest.mark.parametrize("fault", BREAKS.values(), ids=BREAKS.keys())
def test_a_second_try_that_breaks_is_the_clients_own_error_and_is_not_repeated(
    call: Callable[[], Any], api: Origin, sandbox: Sandbox, kind: type[Client], fault: Handler
) -> None:
    call()
    sandbox.revoke_all()
    api.requests.clear()
    api.plan.extend([api.handler, fault])
    with pytest.raises(kind.base_error) as caught:
        call()
    assert not isinstance(caught.value, BitqueryAuthError)
    assert len(api.requests) == 2
    assert call().status == 200
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("status", [503, 403, 302])
def test_whatever_the_second_try_brings_is_returned(
    call: Callable[[], Any], api: Origin, sandbox: Sandbox, status: int
) -> None:
    call()
    sandbox.revoke_all()
    api.requests.clear()
    api.plan.extend([api.handler, answering(status)])
    outcome = call()
    assert (outcome.status, outcome.history) == (status, (401,))
    assert len(api.requests) == 2
    assert call().status == 200
    assert sandbox.token_requests == 2


def test_an_api_that_breaks_before_it_responds_costs_no_token(
    call: Callable[[], Any], api: Origin, sandbox: Sandbox, kind: type[Client]
) -> None:
    behaving, api.handler = api.handler, faults.closed
    for _ in range(3):
        with pytest.raises(kind.base_error) as caught:
            call()
        assert not isinstance(caught.value, BitqueryAuthError)
    api.handler = behaving
    assert call().status == 200
    assert sandbox.token_requests == 1


def _get_with_requests(source: ClientCredentials, api: Origin, url: str) -> None:
    auth = RequestsAuth(source, allowed_hosts=[api.allowed_host])
    requests.get(url, auth=auth, timeout=0.3)


def _get_with_httpx(source: ClientCredentials, api: Origin, url: str) -> None:
    httpx.get(url, auth=HTTPXAuth(source, allowed_hosts=[api.allowed_host]), timeout=0.3)


def _get_with_httpx2_on_asyncio(source: ClientCredentials, api: Origin, url: str) -> None:
    async def main() -> None:
        auth = HTTPXAuth(source, allowed_hosts=[api.allowed_host])
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
    get: Any, error: type[Exception], source: ClientCredentials, api: Origin, sandbox: Sandbox
) -> None:
    source.token()
    sandbox.revoke_all()
    api.plan.extend([api.handler, faults.silent])
    began = time.monotonic()
    with pytest.raises(error):
        get(source, api, api.at("/graphql"))
    assert time.monotonic() - began < 5
    assert len(api.requests) == 2
