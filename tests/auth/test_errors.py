"""Errors inside a request are ours and the client's own, for handlers that exist (hazard F6)."""

import asyncio
from collections.abc import Callable
from typing import Any, NoReturn

import httpx
import httpx2
import httpx_retries
import pytest
import requests
import tenacity

from bitquery_auth import (
    BitqueryAuthError,
    ClientCredentials,
    RequestsAuth,
    ShortTermToken,
    StaticToken,
    TokenEndpointError,
    TokenRequestError,
)
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clients import Client, OpenClient
from tests.kit.clock import Clock
from tests.kit.origin import Handler, Origin, answering

CONNECTION_ERRORS: dict[Any, tuple[type[Exception], ...]] = {
    requests: (requests.ConnectionError, OSError),
    **{
        module: (module.ConnectError, module.NetworkError, module.TransportError)
        for module in (httpx, httpx2)
    },
}
REQUEST_ERRORS = {
    requests: (requests.RequestException, OSError),
    httpx: (httpx.RequestError, httpx.HTTPError),
    httpx2: (httpx2.RequestError, httpx2.HTTPError),
}


@pytest.fixture
def library(kind: type[Client]) -> Any:
    """The module of the client."""
    return getattr(kind, "module", requests)


@pytest.fixture
def send(open_client: OpenClient, sandbox: Sandbox, source: ClientCredentials) -> Callable[[], int]:
    """One request to the sandbox's API."""
    client = open_client(source)
    return lambda: client.post(sandbox.graphql_endpoint, json=QUERY).status


def test_an_endpoint_that_is_down_is_an_error_of_the_connection(
    open_client: OpenClient, sandbox: Sandbox, origin: Origin, library: Any
) -> None:
    origin.refuse_connections()
    client = open_client(ClientCredentials("id", "secret", token_endpoint=origin.at()))
    for expected in CONNECTION_ERRORS[library] + REQUEST_ERRORS[library]:
        with pytest.raises(expected) as raised:
            client.post(sandbox.graphql_endpoint)
        assert isinstance(raised.value, TokenRequestError)
        request = getattr(raised.value, "request", None)
        assert request is not None
        assert (request.method, str(request.url)) == ("POST", sandbox.graphql_endpoint)
        if library is httpx:
            assert httpx_retries.Retry().is_retryable_exception(raised.value)
    assert sandbox.api_requests == 0


def test_an_error_response_is_an_error_of_the_request_but_not_of_the_connection(
    send: Callable[[], int], sandbox: Sandbox, library: Any
) -> None:
    sandbox.outage = 503
    for expected in REQUEST_ERRORS[library]:
        with pytest.raises(expected) as raised:
            send()
        assert isinstance(raised.value, TokenEndpointError)
        assert not isinstance(raised.value, CONNECTION_ERRORS[library][0])
    assert sandbox.token_requests == 1


def test_three_tries_one_second_apart_are_served_after_an_outage_of_1_3_seconds(
    send: Callable[[], int], sandbox: Sandbox, clock: Clock, library: Any
) -> None:
    """By a rule for the client's error of the connection."""
    sandbox.outage = "drop"

    def sleep(_: float) -> None:
        clock.advance(0.5)
        if clock.time() >= began + 1.3:
            sandbox.outage = None
        clock.advance(0.5)

    began = clock.time()
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(CONNECTION_ERRORS[library][0]),
        stop=tenacity.stop_after_attempt(3),
        wait=tenacity.wait_fixed(1),
        sleep=sleep,
    )
    assert retrying(send) == 200
    assert sandbox.token_requests == 3


@pytest.mark.parametrize("outage", [429, 503, "drop"])
def test_a_rule_for_retryable_errors_that_waits_for_retry_after_is_served(
    send: Callable[[], int], sandbox: Sandbox, clock: Clock, outage: Any
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
    assert retrying(send) == 200
    assert sandbox.token_requests == 2


# -- while the caller handles an exception ---------------------------------------------------------


class CallersError(requests.ConnectionError):
    """An exception of the caller, who is in the middle of handling it."""


def _fail(request: requests.PreparedRequest, cause: OSError) -> NoReturn:
    raise CallersError(cause, request=request) from cause


def _fetch(sandbox: Sandbox, endpoint: str) -> Callable[[], object]:
    return sandbox.credentials(token_endpoint=endpoint).token


def _async_fetch(sandbox: Sandbox, endpoint: str) -> Callable[[], object]:
    source = sandbox.credentials(token_endpoint=endpoint)
    return lambda: asyncio.run(source.atoken())


def _revocation(sandbox: Sandbox, endpoint: str) -> Callable[[], object]:
    source = sandbox.credentials(revocation_endpoint=endpoint)
    source.token()
    return source.revoke


def _exchange(_: Sandbox, endpoint: str) -> Callable[[], object]:
    return ShortTermToken(StaticToken("long"), endpoint=endpoint).token


def _request(sandbox: Sandbox, endpoint: str) -> Callable[[], object]:
    source = sandbox.credentials(token_endpoint=endpoint)
    auth = RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts)
    return lambda: requests.get(sandbox.graphql_endpoint, auth=auth, timeout=20)


@pytest.mark.parametrize("make", [_fetch, _async_fetch, _revocation, _exchange, _request])
@pytest.mark.parametrize("handler", [answering(503), answering(401), lambda _: None])
def test_an_error_leaves_an_exception_alone_that_is_being_handled(
    sandbox: Sandbox, origin: Origin, make: Any, handler: Handler
) -> None:
    """The caller is in the middle of a fallback, or of a retry written by hand."""
    origin.handler = handler
    call = make(sandbox, origin.at())
    cause = FileNotFoundError(2, "No such file or directory", "/my/own/file")
    request = requests.PreparedRequest()
    try:
        _fail(request, cause)
    except CallersError as error:
        own, traceback = error, error.__traceback__
        with pytest.raises(BitqueryAuthError) as raised:
            call()
    assert "/my/own" not in str(raised.value)
    assert raised.value is not own
    assert not isinstance(raised.value.__cause__, CallersError)
    assert (own.__traceback__, own.__cause__, own.request) == (traceback, cause, request)
