"""Bitquery's guide "Short-term Access Tokens": tokens exchanged for ones that expire soon."""

import json
import logging
import pickle

import pytest

from bitquery_auth import (
    BitqueryAuthError,
    ClientCredentials,
    ConfigurationError,
    InvalidTokenResponseError,
    RequestsAuth,
    ShortTermToken,
    StaticToken,
    Token,
    TokenEndpointError,
)
from bitquery_auth.sandbox import Recorded, Sandbox
from tests.kit import QUERY
from tests.kit.clients import OpenClient
from tests.kit.clock import Clock
from tests.kit.origin import Origin, answering
from tests.kit.recorded import api_calls
from tests.kit.waiting import until

ENDPOINT = "https://api.example.com/graphql"
REJECTED = "rejects the source's token: it has expired"
NOT_OFFERED = "no longer to offer short-term tokens"


def exchanges(sandbox: Sandbox) -> list[Recorded]:
    return [call for call in api_calls(sandbox) if b"expires_in" in call.body]


def test_a_token_is_exchanged_and_the_short_one_is_on_the_query(
    open_client: OpenClient, source: ClientCredentials, sandbox: Sandbox
) -> None:
    short = ShortTermToken(source, lifetime=3600, endpoint=sandbox.graphql_endpoint)
    assert open_client(short).post(sandbox.graphql_endpoint, json=QUERY).status == 200
    exchange, query = api_calls(sandbox)
    assert exchange.method == "POST"
    assert exchange.headers["authorization"] == f"Bearer {source.token().access_token}"
    assert exchange.headers["content-type"] == "application/json"
    assert json.loads(exchange.body) == {"expires_in": 3600}
    assert query.headers["authorization"] == f"Bearer {short.token().access_token}"
    assert short.token() != source.token()


def test_the_lifetime_counts_from_the_exchange_and_not_from_the_request_for_the_long_token(
    sandbox: Sandbox, clock: Clock
) -> None:
    class SlowSource(StaticToken):
        def token(self) -> Token:
            clock.advance(12)
            return super().token()

    slow = SlowSource(sandbox.credentials().token().access_token)
    short = ShortTermToken(slow, lifetime=10, endpoint=sandbox.graphql_endpoint)
    assert short.token() == short.token()
    assert len(exchanges(sandbox)) == 1


# -- expiry and renewal ----------------------------------------------------------------------------


@pytest.mark.parametrize(("long", "token_requests"), [(3600, 1), (300, 2)])
def test_a_short_token_expires_by_itself_or_with_the_long_one(
    sandbox: Sandbox, clock: Clock, long: int, token_requests: int
) -> None:
    sandbox.lifetime = long
    source = sandbox.credentials(renew_ahead=0)
    short = ShortTermToken(source, lifetime=600, endpoint=sandbox.graphql_endpoint, renew_ahead=0)
    first, lifetime = short.token(), min(long, 600)
    assert first.expires_in == pytest.approx(lifetime - 1, abs=1)
    clock.advance(lifetime)
    assert short.token() != first
    assert (sandbox.token_requests, sandbox.short_term_requests) == (token_requests, 2)


def test_a_short_token_is_renewed_in_the_background(
    source: ClientCredentials, sandbox: Sandbox, clock: Clock
) -> None:
    short = ShortTermToken(source, lifetime=600, endpoint=sandbox.graphql_endpoint)
    first = short.token()
    clock.advance(500)  # the leeway of 60 s begins at 540 s, renewal ahead of it at 480 s
    assert short.token() == first
    until(lambda: short.token() != first)
    assert (sandbox.token_requests, sandbox.short_term_requests) == (1, 2)


def test_retry_after_is_what_is_left_of_the_pause_of_its_source(
    sandbox: Sandbox, clock: Clock
) -> None:
    source = sandbox.credentials()
    sandbox.outage, sandbox.retry_after = 503, 100
    with pytest.raises(TokenEndpointError):
        source.token()
    short = ShortTermToken(source, endpoint=sandbox.graphql_endpoint)
    clock.advance(90)
    assert error_of(short).retry_after == pytest.approx(10, abs=0.01)
    sandbox.outage = None
    clock.advance(10.1)
    assert short.token().access_token


# -- tokens that are rejected ----------------------------------------------------------------------


def test_a_revoked_long_token_is_replaced_and_the_exchange_is_repeated(
    open_client: OpenClient, source: ClientCredentials, sandbox: Sandbox
) -> None:
    client = open_client(ShortTermToken(source, endpoint=sandbox.graphql_endpoint))
    client.post(sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    outcome = client.post(sandbox.graphql_endpoint, json=QUERY)
    assert (outcome.status, outcome.history) == (200, (401,))
    first, rejected, again = exchanges(sandbox)
    assert first.headers["authorization"] == rejected.headers["authorization"]
    assert rejected.headers["authorization"] != again.headers["authorization"]
    assert (rejected.status, again.status) == (401, 200)
    assert sandbox.token_requests == 2


class TwoTokens:
    """A source of the user's, which has a second token once the first is discarded."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)

    def token(self) -> Token:
        return Token(self.tokens[0])

    def discard(self, token: Token | str) -> None:
        del self.tokens[0]


@pytest.mark.parametrize(("tokens", "sent"), [(("a", "a"), ["a"]), (("a", "b"), ["a", "b"])])
def test_a_rejected_token_is_exchanged_once_more_if_the_source_has_another(
    tokens: tuple[str, str], sent: list[str], origin: Origin
) -> None:
    origin.handler = answering(401, '{"error": "x"}')
    error = error_of(ShortTermToken(TwoTokens(*tokens), endpoint=origin.at()))
    assert isinstance(error, TokenEndpointError)
    assert error.status_code == 401
    assert REJECTED in str(error)
    assert NOT_OFFERED not in str(error)
    assert origin.tokens == sent


# -- other responses -------------------------------------------------------------------------------


def error_of(short: ShortTermToken) -> BitqueryAuthError:
    with pytest.raises(BitqueryAuthError) as caught:
        short.token()
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, '{"error": "no such operation"}', TokenEndpointError),
        (403, "<html>", TokenEndpointError),
        (404, "<html>", TokenEndpointError),
        (200, '{"error": "no such operation"}', TokenEndpointError),
        (200, "<html>", InvalidTokenResponseError),
        (200, '{"token": null}', InvalidTokenResponseError),
    ],
)
def test_a_response_without_a_token_says_that_the_exchange_is_no_longer_offered(
    status: int, body: str, error: type[BitqueryAuthError], origin: Origin
) -> None:
    origin.handler = answering(status, body)
    raised = error_of(ShortTermToken(StaticToken("long"), endpoint=origin.at()))
    assert isinstance(raised, error)
    assert NOT_OFFERED in str(raised)
    assert "token_endpoint" not in str(raised)
    assert len(origin.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_an_error_that_may_pass_is_retryable(status: int, origin: Origin) -> None:
    origin.handler = answering(status, '{"error": "busy"}')
    error = error_of(ShortTermToken(StaticToken("long"), endpoint=origin.at()))
    assert error.retryable
    assert "try again later" in str(error)
    assert NOT_OFFERED not in str(error)


# -- settings --------------------------------------------------------------------------------------


def test_the_endpoint_is_required_with_tokens_of_another_server(sandbox: Sandbox) -> None:
    """By default they would be sent to Bitquery."""
    with pytest.raises(ConfigurationError, match="endpoint is required"):
        ShortTermToken(sandbox.credentials())


def test_the_hosts_of_the_api_are_required_with_another_endpoint() -> None:
    RequestsAuth(ShortTermToken(StaticToken("token")))
    with pytest.raises(ConfigurationError, match="allowed_hosts is required"):
        RequestsAuth(ShortTermToken(StaticToken("token"), endpoint=ENDPOINT))


def test_the_repr_names_the_endpoint_and_the_source_also_after_a_pickle() -> None:
    short = ShortTermToken(StaticToken("long"), lifetime=60, endpoint=ENDPOINT)
    for each in (short, pickle.loads(pickle.dumps(short))):
        assert repr(each) == (
            f"ShortTermToken(StaticToken(<hidden>), lifetime=60, endpoint={ENDPOINT!r})"
        )
    assert "'https://streaming.bitquery.io/graphql'" in repr(ShortTermToken(StaticToken("long")))


def test_tokens_over_plain_http_beyond_loopback_are_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    endpoint = "http://api.example.com/graphql"
    ShortTermToken(StaticToken("long"), endpoint=endpoint, insecure_http=True)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "unencrypted" in caplog.text
