"""Each fault of the wire: without a token, after a 401, and in the background."""

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
from tests.kit.clients import OpenClient
from tests.kit.clock import Clock
from tests.kit.faults import PAGE, TOKEN
from tests.kit.origin import Connection, Handler, Origin, answering, on_the_wire
from tests.kit.waiting import until
from tests.token_endpoint.conftest import SourceOf

TIMEOUT = 0.3
"""Seconds of a token request that only its timeout ends."""
MARGIN = 2.0
"""Seconds that a busy machine may take in addition."""
REFRESH = 3300
"""Seconds after which a token of an hour is refreshed in the background."""


class Case(NamedTuple):
    """A fault, and the error that it leads to."""

    handler: Handler | None  # None refuses connections
    error: type[BitqueryAuthError]
    why: str
    retryable: bool

    @property
    def is_timed(self) -> bool:
        """Whether only the timeout ends it."""
        return "timeout" in self.why


def no_response(handler: Handler | None, why: str = "No response from") -> Case:
    return Case(handler, TokenRequestError, why, retryable=True)


def endless(handler: Handler) -> Case:
    return no_response(handler, rf"no complete response within {TIMEOUT} s \(timeout\)")


def error_response(status: int, body: str, *, retryable: bool, **headers: str) -> Case:
    handler = answering(status, body, **headers)
    return Case(handler, TokenEndpointError, f"responded {status}", retryable=retryable)


def unusable(handler: Handler, why: str = "it is longer than 1 MiB") -> Case:
    return Case(handler, InvalidTokenResponseError, why, retryable=False)


CASES = {
    "connection refused": no_response(None, "refused"),
    "reset before a response": no_response(faults.reset, "reset"),
    "closed without a response": no_response(faults.closed),
    "reset in the response": no_response(faults.reset_in_the_response),
    "closed in the response": no_response(faults.closed_in_the_response),
    "closed between chunks": no_response(faults.closed_between_chunks),
    "silent": endless(faults.silent),
    "dripping headers": endless(faults.dripping_headers),
    "dripping interim responses": endless(faults.dripping_interim_responses),
    "dripping body": endless(faults.dripping_body),
    "dripping chunks": endless(faults.dripping_chunks),
    "dripping without a length": endless(faults.dripping_without_length),
    "not HTTP": no_response(faults.not_http, "the response is not HTTP"),
    "endless": unusable(faults.endless),
    "over 1 MiB": unusable(answering(200, json.dumps(TOKEN | {"padding": "x" * (1 << 20)}))),
    "gzip bomb": unusable(faults.gzip_bomb),
    "page of HTML": unusable(answering(200, PAGE), "it is not a JSON object"),
    "500": error_response(500, '{"error": "server_error"}', retryable=True),
    "502 with HTML": error_response(502, PAGE, retryable=True),
    "503": error_response(503, PAGE, retryable=True, Retry_After="7"),
    "429": error_response(429, PAGE, retryable=True, Retry_After="7"),
    "400": error_response(400, '{"error": "invalid_request"}', retryable=False),
}
each_fault = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
KINDS = ["connection refused", "silent", "page of HTML", "503", "400"]
each_kind = pytest.mark.parametrize("case", [CASES[name] for name in KINDS], ids=KINDS)
"""One for each class of error: what the source then does depends on nothing else."""


@pytest.fixture
def source_for(source_with: SourceOf) -> Callable[[Case], ClientCredentials]:
    """Make a source that gives up soon if only its timeout ends the fault."""
    return lambda case: source_with(**({"timeout": TIMEOUT} if case.is_timed else {}))


@contextmanager
def fault_at(endpoint: Origin, case: Case) -> Iterator[None]:
    """Let the endpoint have the fault for a while, which one token request must meet."""
    good = endpoint.handler
    endpoint.requests.clear()
    if case.handler is None:
        endpoint.refuse_connections()
    else:
        endpoint.handler = case.handler
    yield
    # A busy machine may use up the time of a timed one before the request is read.
    allowed = {0} if case.handler is None else {0, 1} if case.is_timed else {1}
    assert len(endpoint.requests) in allowed
    endpoint.handler = good
    if case.handler is None:
        endpoint.accept_connections()


def error_in_time(call: Callable[[], Any], case: Case) -> BitqueryAuthError:
    """Return the error of a call, which must be the case's and come in time."""
    began = time.monotonic()
    with pytest.raises(case.error, match=case.why) as caught:
        call()
    took = time.monotonic() - began
    assert caught.value.retryable is case.retryable
    assert caught.value.retry_after is not None
    assert took < TIMEOUT + MARGIN
    assert not case.is_timed or took >= TIMEOUT * 0.9
    return caught.value


@each_fault
def test_without_a_token_a_fault_is_one_typed_error_in_time(
    case: Case,
    source_for: Callable[[Case], ClientCredentials],
    endpoint: Origin,
    clock: Clock,
) -> None:
    """Hazards F1, F3, F5, G7: it says why; during the backoff nobody is asked."""
    source = source_for(case)
    with fault_at(endpoint, case):
        error_in_time(source.token, case)
        with pytest.raises(case.error, match="No further token request is made until"):
            source.token()
    clock.advance(8)
    assert source.token().access_token.startswith("ory_at_")


@each_kind
def test_inside_a_request_a_fault_is_the_clients_own_error_and_the_next_one_gets_a_token(
    case: Case,
    open_client: OpenClient,
    source_for: Callable[[Case], ClientCredentials],
    endpoint: Origin,
    sandbox: Sandbox,
    clock: Clock,
) -> None:
    """Hazards F6, R1: before the first token, and after a 401, whose token is not used again."""
    client = open_client(source_for(case))
    for refusals in (0, 1):
        with fault_at(endpoint, case):
            error = error_in_time(lambda: client.get(sandbox.graphql_endpoint), case)
            assert isinstance(error, client.base_error)
        assert (sandbox.api_requests, sandbox.api_refusals) == (2 * refusals, refusals)
        clock.advance(8)
        assert client.get(sandbox.graphql_endpoint).status == 200
        sandbox.revoke_all()


@each_kind
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
    clock.advance(8)
    assert source.token() == token
    until(lambda: [each.levelname for each in caplog.records] == ["WARNING", "INFO"])
    assert source.token() != token
    assert sandbox.tokens_issued == 2


@pytest.mark.parametrize("greeting", [faults.reset, faults.closed], ids=["reset", "closed"])
def test_a_server_that_ends_every_connection_gets_one(
    greeting: Handler, source: ClientCredentials, endpoint: Origin
) -> None:
    """Hazard F3: a request that failed is not repeated within the call."""
    endpoint.greeting = greeting
    with pytest.raises(TokenRequestError):
        source.token()
    assert endpoint.connections == 1


OK = "HTTP/1.1 200 OK\r\n"
QUOTING = {
    "truncated body": OK + "Content-Length: 4000\r\n\r\n{}",
    "no chunks": OK + "Transfer-Encoding: chunked\r\n\r\n{}\r\n",
    "bad status line": "{}\r\n\r\n",
    "bad gzip": OK + "Content-Encoding: gzip\r\n\r\n{}",
}


@pytest.mark.parametrize("template", QUOTING.values(), ids=QUOTING)
def test_what_is_not_http_is_not_quoted(
    template: str, source: ClientCredentials, endpoint: Origin, sandbox: Sandbox
) -> None:
    """Hazard S5: the server may quote the request."""

    @on_the_wire
    def quoting(connection: Connection) -> None:
        connection.send(template.format(f"qu0ted {connection.request.body.decode()}").encode())
        connection.close()

    endpoint.handler = quoting
    with pytest.raises(TokenRequestError, match=f"^No response from {endpoint.allowed_host}: "):
        source.token()
    with pytest.raises(TokenRequestError) as caught:
        source.token()
    for hidden in ("qu0ted", sandbox.client_secret):
        assert hidden not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
