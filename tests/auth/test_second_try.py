"""The API fails during recovery from a 401: the caller sees what it would see without an auth."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from bitquery_auth import BitqueryAuthError, ClientCredentials
from bitquery_auth.sandbox import Sandbox
from tests.kit import faults
from tests.kit.clients import Client, OpenClient
from tests.kit.origin import Gate, Handler, Origin, answering

BREAKS: dict[str, Handler] = {
    "reset": faults.reset,
    "closed": faults.closed,
    "reset in the response": faults.reset_in_the_response,
    "closed between chunks": faults.closed_between_chunks,
    "not HTTP": faults.not_http,
}


@pytest.mark.parametrize("fault", BREAKS.values(), ids=BREAKS)
def test_a_second_try_that_breaks_is_the_clients_own_error_and_is_not_repeated(
    call: Callable[[], Any], origin: Origin, sandbox: Sandbox, kind: type[Client], fault: Handler
) -> None:
    call()
    sandbox.revoke_all()
    origin.requests.clear()
    origin.plan.extend([origin.handler, fault])
    with pytest.raises(kind.base_error) as caught:
        call()
    assert not isinstance(caught.value, BitqueryAuthError)
    assert len(origin.requests) == 2
    assert call().status == 200
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("status", [503, 403, 302])
def test_whatever_the_second_try_brings_is_returned(
    call: Callable[[], Any], origin: Origin, sandbox: Sandbox, status: int
) -> None:
    call()
    sandbox.revoke_all()
    origin.requests.clear()
    origin.plan.extend([origin.handler, answering(status)])
    outcome = call()
    assert (outcome.status, outcome.history) == (status, (401,))
    assert len(origin.requests) == 2
    assert call().status == 200
    assert sandbox.token_requests == 2


def test_an_api_that_breaks_before_it_responds_costs_no_token(
    call: Callable[[], Any], origin: Origin, gate: Gate, sandbox: Sandbox, kind: type[Client]
) -> None:
    origin.handler = faults.closed
    for _ in range(3):
        with pytest.raises(kind.base_error) as caught:
            call()
        assert not isinstance(caught.value, BitqueryAuthError)
    origin.handler = gate
    assert call().status == 200
    assert sandbox.token_requests == 1


def test_the_timeout_of_the_client_holds_for_the_second_try(
    open_client: OpenClient, source: ClientCredentials, origin: Origin, gate: Gate, kind: Any
) -> None:
    client = open_client(source, allowed_hosts=[origin.allowed_host])
    origin.plan.extend([answering(401), faults.silent])
    began = time.monotonic()
    with pytest.raises(kind.base_error) as caught:
        client.get(origin.at("/graphql"), timeout=0.3)
    assert type(caught.value).__name__ == "ReadTimeout"
    assert time.monotonic() - began < 5
    assert len(origin.requests) == 2
