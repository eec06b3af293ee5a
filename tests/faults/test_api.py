"""The API misbehaves while a refusal is answered: the caller hears of it from the client, as without this library."""

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
from tests.kit.clock import Clock
from tests.faults import faults
from tests.faults.conftest import Open
from tests.faults.faults import answering
from tests.faults.proxy import Fault, FaultProxy, forward

BREAKS: dict[str, Fault] = {
    "reset": faults.reset,
    "closed": faults.closed,
    "reset in the answer": faults.reset_in_the_answer,
    "closed in the answer": faults.closed_in_the_answer,
    "closed between chunks": faults.closed_between_chunks,
    "no HTTP": faults.garbage,
}


@pytest.mark.parametrize("fault", BREAKS.values(), ids=BREAKS.keys())
def test_a_second_try_that_breaks_is_the_clients_own_error_and_is_not_repeated(
    fault: Fault, open_client: Open, source: ClientCredentials, api_proxy: FaultProxy, api: str, sandbox: Sandbox
) -> None:
    client = open_client(source)
    client.get(api)
    sandbox.revoke_all()
    api_proxy.requests.clear()
    api_proxy.plan.extend([forward, fault])
    with pytest.raises(client.base_error) as caught:
        client.get(api)
    assert not isinstance(caught.value, BitqueryAuthError)
    assert len(api_proxy.requests) == 2
    assert client.get(api).status == 200
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("status", [500, 502, 503, 429, 403, 402, 302])
def test_whatever_the_second_try_answers_is_handed_over(
    status: int, open_client: Open, source: ClientCredentials, api_proxy: FaultProxy, api: str, sandbox: Sandbox
) -> None:
    client = open_client(source)
    client.get(api)
    sandbox.revoke_all()
    api_proxy.requests.clear()
    api_proxy.plan.extend([forward, answering(status)])
    outcome = client.get(api)
    assert (outcome.status, outcome.history) == (status, (401,))
    assert len(api_proxy.requests) == 2
    assert client.get(api).status == 200
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("status", [500, 502, 503, 429, 403, 402])
def test_a_failing_api_costs_no_token(
    status: int, open_client: Open, source: ClientCredentials, api_proxy: FaultProxy, api: str, sandbox: Sandbox
) -> None:
    client = open_client(source)
    api_proxy.mode = answering(status)
    for _ in range(3):
        assert client.get(api).status == status
    assert len(api_proxy.requests) == 3
    assert sandbox.token_requests == 1


def test_an_api_that_breaks_before_any_answer_costs_no_token(
    open_client: Open, source: ClientCredentials, api_proxy: FaultProxy, api: str, sandbox: Sandbox, clock: Clock
) -> None:
    client = open_client(source)
    api_proxy.mode = faults.closed
    for _ in range(3):
        with pytest.raises(client.base_error) as caught:
            client.get(api)
        assert not isinstance(caught.value, BitqueryAuthError)
    api_proxy.mode = forward
    assert client.get(api).status == 200
    assert sandbox.token_requests == 1


def _with_requests(source: ClientCredentials, host: str, url: str, timeout: float) -> None:
    with requests.Session() as session:
        session.auth = RequestsAuth(source, allowed_hosts=[host])
        session.get(url, timeout=timeout)


def _with_httpx(module: Any) -> Callable[..., None]:
    def get(source: ClientCredentials, host: str, url: str, timeout: float) -> None:
        with module.Client(auth=HTTPXAuth(source, allowed_hosts=[host]), timeout=timeout) as client:
            client.get(url)

    return get


def _with_async_httpx(module: Any, backend: str) -> Callable[..., None]:
    def get(source: ClientCredentials, host: str, url: str, timeout: float) -> None:
        async def main() -> None:
            async with module.AsyncClient(auth=HTTPXAuth(source, allowed_hosts=[host]), timeout=timeout) as client:
                await client.get(url)

        anyio.run(main, backend=backend)

    return get


@pytest.mark.parametrize(
    ("get", "error"),
    [
        pytest.param(_with_requests, requests.ReadTimeout, id="requests"),
        pytest.param(_with_httpx(httpx), httpx.ReadTimeout, id="httpx"),
        pytest.param(_with_httpx(httpx2), httpx2.ReadTimeout, id="httpx2"),
        pytest.param(_with_async_httpx(httpx, "asyncio"), httpx.ReadTimeout, id="httpx-asyncio"),
        pytest.param(_with_async_httpx(httpx2, "trio"), httpx2.ReadTimeout, id="httpx2-trio"),
    ],
)
def test_the_clients_timeout_holds_for_the_second_try(
    get: Callable[..., None],
    error: type[Exception],
    source: ClientCredentials,
    api_proxy: FaultProxy,
    api: str,
    sandbox: Sandbox,
) -> None:
    """Hazard F5."""
    source.token()
    sandbox.revoke_all()
    api_proxy.plan.extend([forward, faults.silent])
    began = time.monotonic()
    with pytest.raises(error):
        get(source, api_proxy.host, api, timeout=0.3)
    assert time.monotonic() - began < 2.5
    assert len(api_proxy.requests) == 2
