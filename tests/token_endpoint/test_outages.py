"""A token endpoint that is down for a while: a valid token is used, and few ask."""

import logging
from email.utils import formatdate
from unittest.mock import Mock

import pytest

from bitquery_auth import ClientCredentials, TokenEndpointError
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clients import Client, OpenClient
from tests.kit.clock import Clock
from tests.kit.faults import PAGE
from tests.kit.origin import Connection, Handler, Origin, answering, on_the_wire
from tests.kit.waiting import until

REFRESH, LEEWAY = 3240, 3540
"""Seconds after which a token of an hour is refreshed, and within its leeway."""


def used(open_client: OpenClient, sandbox: Sandbox) -> Client:
    """Return a client that has its first token."""
    client = open_client(sandbox.credentials())
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    return client


# -- with a valid token ----------------------------------------------------------------------------


@pytest.mark.parametrize("outage", [503, "drop"])
def test_an_outage_within_the_leeway_is_not_noticed_by_requests(
    open_client: OpenClient, sandbox: Sandbox, clock: Clock, outage: int | str
) -> None:
    """Hazard F2: the token is used until it expires."""
    client = used(open_client, sandbox)
    sandbox.outage = outage  # type: ignore[assignment]  # parametrize knows no literals
    clock.advance(LEEWAY)
    for seconds in (0, 1, 10, 20, 20, 7.9):
        clock.advance(seconds)
        assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    assert sandbox.token_requests > 2
    assert sandbox.api_refusals == 0


def test_an_outage_during_refreshes_is_not_noticed_by_requests(
    open_client: OpenClient, sandbox: Sandbox, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Hazard F2."""
    caplog.set_level(logging.DEBUG, logger="bitquery_auth")
    client = used(open_client, sandbox)
    sandbox.outage = 503
    clock.advance(REFRESH)

    def failures() -> int:
        return sum("responded 503" in message for message in caplog.messages)

    for attempts in (1, 2, 3):
        assert client.post(sandbox.graphql_endpoint, json=QUERY).history == ()
        until(lambda wanted=attempts: failures() == wanted)  # type: ignore[misc]  # its default
        clock.advance(60)  # no pause is longer
    assert sandbox.api_refusals == 0


def test_a_secret_callable_that_fails_while_a_token_is_valid_is_called_once_a_pause(
    sandbox: Sandbox, clock: Clock
) -> None:
    """Hazards F2, F3."""
    secret = Mock(side_effect=[sandbox.client_secret, LookupError("no"), sandbox.client_secret])
    source = ClientCredentials(sandbox.client_id, secret, token_endpoint=sandbox.token_endpoint)
    first = source.token()
    clock.advance(LEEWAY)
    assert [source.token() for _ in range(5)] == [first] * 5
    assert secret.call_count == 2
    clock.advance(1)
    assert source.token() != first


# -- without a token -------------------------------------------------------------------------------


def requests_of_a_failing_call(source: ClientCredentials, endpoint: Origin) -> int:
    """Return how many token requests one call makes, which must fail."""
    before = len(endpoint.requests)
    with pytest.raises(TokenEndpointError):
        source.token()
    return len(endpoint.requests) - before


def test_calls_during_the_backoff_fail_at_once_without_a_token_request(
    open_client: OpenClient, sandbox: Sandbox, kind: type[Client]
) -> None:
    """Hazard F3: the later ones say when the endpoint is asked again."""
    sandbox.outage = 503
    client = open_client(sandbox.credentials())
    messages = []
    for _ in range(100):
        with pytest.raises(kind.base_error) as caught:
            client.post(sandbox.graphql_endpoint, json=QUERY)
        assert isinstance(caught.value, TokenEndpointError)
        assert caught.value.status_code == 503
        assert caught.value.retry_after is not None
        assert 0.2 <= caught.value.retry_after <= 0.25
        messages.append(str(caught.value))
    assert sandbox.token_requests == 1
    assert "No further token request" not in messages[0]
    assert "is made until 2027-01-15 08:00:00 UTC (in 0.2 s)" in messages[1]
    assert sandbox.api_requests == 0


def test_the_pauses_double_from_a_quarter_of_a_second_to_a_minute(
    source: ClientCredentials, endpoint: Origin, clock: Clock
) -> None:
    """Hazards F3, C7: each is shortened by up to a fifth at random, which spreads a fleet."""
    endpoint.handler = answering(500)
    for pause in (0.25, 0.5, 1, 2, 4, 8, 16, 32, 60, 60):
        assert requests_of_a_failing_call(source, endpoint) == 1
        clock.advance(pause * 0.79)
        assert requests_of_a_failing_call(source, endpoint) == 0
        clock.advance(pause * 0.22)


@on_the_wire
def until_a_date(connection: Connection) -> None:
    """Respond with a date that counts from the server's own clock, which is years late."""
    date, retry_after = formatdate(1e9, usegmt=True), formatdate(1e9 + 120, usegmt=True)
    head = f"HTTP/1.1 503 No\r\nDate: {date}\r\nRetry-After: {retry_after}\r\n"
    connection.send(f"{head}Content-Length: 0\r\n\r\n".encode())


@pytest.mark.parametrize(
    "handler",
    [*(answering(status, PAGE, Retry_After="120") for status in (429, 503)), until_a_date],
    ids=["429", "503", "date"],
)
def test_retry_after_is_obeyed(
    handler: Handler, source: ClientCredentials, endpoint: Origin, clock: Clock
) -> None:
    """Hazard F3."""
    good, endpoint.handler = endpoint.handler, handler
    with pytest.raises(TokenEndpointError) as caught:
        source.token()
    assert caught.value.retry_after == 120
    clock.advance(119)
    with pytest.raises(TokenEndpointError, match=r"08:02:00 UTC \(in 1\.0 s\)") as caught:
        source.token()
    assert caught.value.retry_after == 1
    assert len(endpoint.requests) == 1
    endpoint.handler = good
    assert source.renew() == source.token(), "renew asks in spite of the pause"
