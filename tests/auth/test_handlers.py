"""Handlers and retry rules that people have for their client work for our errors as well.

Hazard F6.
"""

import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import httpx2
import httpx_retries
import pytest
import requests
import tenacity

from bitquery_auth import (
    BitqueryAuthError,
    ClientCredentials,
    TokenEndpointError,
    TokenRequestError,
)
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clients import HTTPX, Client, OpenClient, only
from tests.kit.clock import Clock

HANDLED: dict[Any, dict[type[BitqueryAuthError], tuple[type[Exception], ...]]] = {
    requests: {
        TokenRequestError: (requests.ConnectionError, requests.RequestException, OSError),
        TokenEndpointError: (requests.RequestException, OSError),
    },
    **{
        module: {
            TokenRequestError: (
                module.ConnectError,
                module.NetworkError,
                module.TransportError,
                module.RequestError,
                module.HTTPError,
            ),
            TokenEndpointError: (module.RequestError, module.HTTPError),
        }
        for module in (httpx, httpx2)
    },
}
"""What the errors are, by the client's library."""


@pytest.fixture
def handled(kind: type[Client]) -> dict[type[BitqueryAuthError], tuple[type[Exception], ...]]:
    return HANDLED[getattr(kind, "module", requests)]


@pytest.fixture
def down() -> Iterator[str]:
    """The URL of a token endpoint at a port where nobody listens."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}/token"


@pytest.fixture
def call(open_client: OpenClient, sandbox: Sandbox, source: ClientCredentials) -> Callable[[], int]:
    """One request to the sandbox's API."""
    client = open_client(source)
    return lambda: client.post(sandbox.graphql_endpoint, json=QUERY).status


def test_an_endpoint_that_is_down_is_an_error_of_the_connection(
    open_client: OpenClient, sandbox: Sandbox, down: str, handled: Any
) -> None:
    client = open_client(ClientCredentials("id", "secret", token_endpoint=down))
    for expected in handled[TokenRequestError]:
        with pytest.raises(expected) as raised:
            client.get(sandbox.graphql_endpoint)
        assert isinstance(raised.value, TokenRequestError)


def test_an_error_response_is_an_error_of_the_request_but_not_of_the_connection(
    call: Callable[[], int], sandbox: Sandbox, handled: Any
) -> None:
    sandbox.outage = 503
    for expected in handled[TokenEndpointError]:
        with pytest.raises(expected) as raised:
            call()
        assert isinstance(raised.value, TokenEndpointError)
        assert not isinstance(raised.value, handled[TokenRequestError][0])


@only(HTTPX)
def test_the_two_handlers_of_the_quick_start_of_httpx_catch_an_endpoint_that_is_down(
    open_client: OpenClient, sandbox: Sandbox, down: str, kind: Any
) -> None:
    client = open_client(ClientCredentials("id", "secret", token_endpoint=down))
    try:
        client.get(sandbox.graphql_endpoint).raw.raise_for_status()
    except kind.module.RequestError as error:
        caught = error
    except kind.module.HTTPStatusError:
        pytest.fail("there was no status")
    else:
        pytest.fail("there was no error")
    assert str(caught.request.url) == sandbox.graphql_endpoint


@only(["httpx"])
def test_the_default_rule_of_httpx_retries_accepts_an_endpoint_that_is_down(
    open_client: OpenClient, sandbox: Sandbox, down: str
) -> None:
    client = open_client(ClientCredentials("id", "secret", token_endpoint=down))
    with pytest.raises(TokenRequestError) as raised:
        client.get(sandbox.graphql_endpoint)
    assert httpx_retries.Retry().is_retryable_exception(raised.value)


def test_three_tries_one_second_apart_are_served_after_an_outage_of_1_3_seconds(
    call: Callable[[], int], sandbox: Sandbox, clock: Clock, handled: Any
) -> None:
    """By a rule of tenacity for the client's error of the connection."""
    sandbox.outage = "drop"

    def sleep(_: float) -> None:
        clock.advance(0.5)
        if clock.time() >= began + 1.3:
            sandbox.outage = None
        clock.advance(0.5)

    began = clock.time()
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(handled[TokenRequestError][0]),
        stop=tenacity.stop_after_attempt(3),
        wait=tenacity.wait_fixed(1),
        sleep=sleep,
    )
    assert retrying(call) == 200
    assert sandbox.token_requests == 3


@pytest.mark.parametrize("outage", [429, 500, 503, "drop"])
def test_a_rule_for_retryable_errors_that_waits_for_retry_after_is_served(
    call: Callable[[], int], sandbox: Sandbox, clock: Clock, outage: Any
) -> None:
    sandbox.outage = outage

    def wait(state: tenacity.RetryCallState) -> float:
        error: Any = state.outcome and state.outcome.exception()
        sandbox.outage = None
        return error.retry_after

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: getattr(error, "retryable", False)),
        stop=tenacity.stop_after_attempt(2),
        wait=wait,
        sleep=clock.advance,
    )
    assert retrying(call) == 200
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("retry_after", [None, 100])
def test_retry_after_is_the_time_that_is_left(
    call: Callable[[], int],
    sandbox: Sandbox,
    clock: Clock,
    retry_after: int | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Also on the errors of callers who come during the backoff and cost no token request."""
    caplog.set_level(logging.ERROR)
    sandbox.outage, sandbox.retry_after = 503, retry_after
    left = []
    for _ in range(3):
        with pytest.raises(BitqueryAuthError) as raised:
            call()
        left.append(raised.value.retry_after)
        clock.advance(0.05)
    first = left[0]
    assert first is not None
    assert left == pytest.approx([first, first - 0.05, first - 0.1])
    assert sandbox.token_requests == 1
    sandbox.outage = None
    clock.advance(first - 0.14)
    assert call() == 200
