"""Each fault of the wire: without a token, with a valid one, after a 401, and in the background."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from bitquery_auth import (
    BitqueryAuthError,
    ClientCredentials,
    InvalidTokenResponseError,
    TokenEndpointError,
    TokenRequestError,
)
from bitquery_auth.sandbox import Sandbox
from tests.kit import faults
from tests.kit.clients import OpenClient, only
from tests.kit.clock import Clock
from tests.kit.faults import PAGE, TOKEN
from tests.kit.origin import Connection, Handler, Origin, answering, on_the_wire
from tests.kit.waiting import until
from tests.token_endpoint.conftest import SourceOf

TIMEOUT = 0.5
"""Seconds of a token request that only its timeout ends."""
MARGIN = 2.0
"""Seconds that a busy machine may take in addition."""
REFRESH, LEEWAY = 3300, 3550
"""Seconds after which a token of an hour is refreshed in the background, and within its leeway."""


class Case(NamedTuple):
    """A fault, and what it leads to.

    Args:
        handler: The fault; None refuses connections.
        error: The class of the error.
        retryable: Whether the same call may succeed later.
        timed: Whether only the timeout ends it.
    """

    handler: Handler | None
    error: type[BitqueryAuthError]
    retryable: bool
    timed: bool = False


def no_response(handler: Handler | None, *, timed: bool = False) -> Case:
    return Case(handler, TokenRequestError, retryable=True, timed=timed)


def error_response(status: int, body: str, *, retryable: bool, **headers: str) -> Case:
    return Case(answering(status, body, **headers), TokenEndpointError, retryable=retryable)


def unusable(handler: Handler) -> Case:
    return Case(handler, InvalidTokenResponseError, retryable=False)


CASES = {
    "connection refused": no_response(None),
    "reset before a response": no_response(faults.reset),
    "closed without a response": no_response(faults.closed),
    "reset in the response": no_response(faults.reset_in_the_response),
    "closed in the response": no_response(faults.closed_in_the_response),
    "closed between chunks": no_response(faults.closed_between_chunks),
    "silent": no_response(faults.silent, timed=True),
    "dripping headers": no_response(faults.dripping_headers, timed=True),
    "dripping interim responses": no_response(faults.dripping_interim_responses, timed=True),
    "dripping body": no_response(faults.dripping_body, timed=True),
    "dripping chunks": no_response(faults.dripping_chunks, timed=True),
    "dripping without a length": no_response(faults.dripping_without_length, timed=True),
    "not HTTP": no_response(faults.not_http),
    "endless": unusable(faults.endless),
    "over 1 MiB": unusable(answering(200, json.dumps(TOKEN | {"padding": "x" * (1 << 20)}))),
    "gzip bomb": unusable(faults.gzip_bomb),
    "page of HTML": unusable(answering(200, PAGE)),
    "500": error_response(500, '{"error": "server_error"}', retryable=True),
    "502 with HTML": error_response(502, PAGE, retryable=True),
    "503": error_response(503, PAGE, retryable=True, Retry_After="7"),
    "429": error_response(429, PAGE, retryable=True, Retry_After="7"),
    "400": error_response(400, '{"error": "invalid_request"}', retryable=False),
}
each_fault = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


@pytest.fixture
def source_for(source_with: SourceOf) -> Callable[[Case], ClientCredentials]:
    """Make a source that gives up soon if only its timeout ends the fault."""
    return lambda case: source_with(**({"timeout": TIMEOUT} if case.timed else {}))


@contextmanager
def fault_at(endpoint: Origin, case: Case) -> Iterator[None]:
    """Let the endpoint have the fault for a while."""
    good = endpoint.handler
    endpoint.requests.clear()
    if case.handler is None:
        endpoint.refuse_connections()
    else:
        endpoint.handler = case.handler
    yield
    endpoint.handler = good
    if case.handler is None:
        endpoint.accept_connections()


def assert_requested_once(endpoint: Origin, case: Case) -> None:
    # A busy machine may use up the time of a timed one before the request is read.
    allowed = {0} if case.handler is None else {0, 1} if case.timed else {1}
    assert len(endpoint.requests) in allowed


def error_in_time(call: Callable[[], Any], case: Case) -> BitqueryAuthError:
    """Return the error of a call, which must be the case's and come in time."""
    began = time.monotonic()
    with pytest.raises(BitqueryAuthError) as caught:
        call()
    took = time.monotonic() - began
    assert isinstance(caught.value, case.error)
    assert caught.value.retryable is case.retryable
    assert caught.value.retry_after is not None
    assert took < TIMEOUT + MARGIN
    assert not case.timed or took >= TIMEOUT * 0.9
    return caught.value


@each_fault
def test_without_a_token_a_fault_is_one_typed_error_in_time(
    case: Case,
    open_client: OpenClient,
    source_for: Callable[[Case], ClientCredentials],
    endpoint: Origin,
    sandbox: Sandbox,
    clock: Clock,
) -> None:
    """Hazards F1, F3, F5, F6: the client's own error too; during the backoff nobody is asked."""
    client = open_client(source_for(case))
    with fault_at(endpoint, case):
        error = error_in_time(lambda: client.get(sandbox.graphql_endpoint), case)
        assert isinstance(error, client.base_error)
        with pytest.raises(case.error, match="is asked again at"):
            client.get(sandbox.graphql_endpoint)
        assert_requested_once(endpoint, case)
    assert sandbox.api_requests == 0
    clock.advance(8)
    assert client.get(sandbox.graphql_endpoint).status == 200


@each_fault
def test_while_a_token_is_valid_a_fault_is_not_noticed(
    case: Case,
    source_for: Callable[[Case], ClientCredentials],
    endpoint: Origin,
    clock: Clock,
) -> None:
    """Hazard F2: inside the leeway the caller who requests a token falls back on the valid one."""
    source = source_for(case)
    token = source.token()
    clock.advance(LEEWAY)
    with fault_at(endpoint, case):
        assert source.token() == token
        assert source.token() == token
        assert_requested_once(endpoint, case)
    clock.advance(8)
    assert source.token() != token


@each_fault
def test_in_the_background_a_fault_is_one_warning_and_its_end_one_info_line(
    case: Case,
    source_for: Callable[[Case], ClientCredentials],
    endpoint: Origin,
    sandbox: Sandbox,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Hazard F2."""
    source = source_for(case)
    token = source.token()
    clock.advance(REFRESH)
    caplog.set_level(logging.INFO, "bitquery_auth")
    with fault_at(endpoint, case):
        assert source.token() == token
        until(lambda: [each.levelname for each in caplog.records] == ["WARNING"])
        assert source.token() == token
        assert_requested_once(endpoint, case)
    clock.advance(8)
    assert source.token() == token
    until(lambda: [each.levelname for each in caplog.records] == ["WARNING", "INFO"])
    assert source.token() != token
    assert sandbox.tokens_issued == 2


@each_fault
@only(["requests", "httpx-asyncio"])
def test_after_a_401_a_fault_is_the_error_and_the_next_request_gets_a_token(
    case: Case,
    open_client: OpenClient,
    source_for: Callable[[Case], ClientCredentials],
    endpoint: Origin,
    sandbox: Sandbox,
    clock: Clock,
) -> None:
    """Hazard R1: the rejected token is not used again."""
    client = open_client(source_for(case))
    client.get(sandbox.graphql_endpoint)
    sandbox.revoke_all()
    with fault_at(endpoint, case):
        error = error_in_time(lambda: client.get(sandbox.graphql_endpoint), case)
        assert isinstance(error, client.base_error)
        assert_requested_once(endpoint, case)
    assert (sandbox.api_requests, sandbox.api_refusals) == (2, 1)
    clock.advance(8)
    assert client.get(sandbox.graphql_endpoint).status == 200
    assert (sandbox.api_requests, sandbox.api_refusals) == (3, 1)


@pytest.mark.parametrize("greeting", [faults.reset, faults.closed], ids=["reset", "closed"])
def test_a_server_that_ends_every_connection_gets_one(
    greeting: Handler, source: ClientCredentials, endpoint: Origin
) -> None:
    """Hazard F3: a request that failed is not repeated within the call."""
    endpoint.greeting = greeting
    with pytest.raises(TokenRequestError):
        source.token()
    assert endpoint.connections == 1


QUOTED = "qu0ted"
"""What the server sends where something else belongs."""


def quoting(template: str) -> Handler:
    """Send the server's own text and that of the request, and close the connection."""

    @on_the_wire
    def fault(connection: Connection) -> None:
        text = f"{QUOTED} {connection.request.body.decode()}"
        connection.send(template.format(text, long=text * 900).encode())
        connection.close()

    return fault


HEAD = "HTTP/1.1 200 OK\r\n"
QUOTING = {
    "truncated body": HEAD + "Content-Length: 4000\r\n\r\n{}",
    "cut chunks": HEAD + "Transfer-Encoding: chunked\r\n\r\nfff\r\n{}",
    "no chunks": HEAD + "Transfer-Encoding: chunked\r\n\r\n{}\r\n",
    "bad status line": "{}\r\n\r\n",
    "bad status": "HTTP/1.1 {}\r\n\r\n",
    "unknown protocol": "HTTP/{} 200 OK\r\n\r\n",
    "endless header": HEAD + "X-Words: {long}\r\n\r\n",
    "bad gzip": HEAD + "Content-Encoding: gzip\r\n\r\n{}",
}


@pytest.mark.parametrize("template", QUOTING.values(), ids=QUOTING.keys())
def test_what_is_not_http_is_not_quoted(
    template: str, source: ClientCredentials, endpoint: Origin, sandbox: Sandbox
) -> None:
    """Hazard S5: nor is what the server quotes."""
    endpoint.handler = quoting(template)
    with pytest.raises(TokenRequestError, match=f"^No response from {endpoint.allowed_host}: "):
        source.token()
    with pytest.raises(TokenRequestError) as caught:
        source.token()
    for hidden in (QUOTED, sandbox.client_secret):
        assert hidden not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("connection refused", "refused"),
        ("reset before a response", "reset"),
        ("silent", r"nothing complete within 0\.5 s \(timeout\)"),
        ("dripping body", r"nothing complete within 0\.5 s \(timeout\)"),
        ("not HTTP", "what it sent is not HTTP"),
    ],
)
def test_the_error_says_why_there_was_no_response(
    case: str, why: str, source_for: Callable[[Case], ClientCredentials], endpoint: Origin
) -> None:
    """Hazard G7."""
    source = source_for(CASES[case])
    with fault_at(endpoint, CASES[case]), pytest.raises(TokenRequestError, match=why):
        source.token()
