"""An exchange for a short-term token that fails: how often it is tried, and what the error says."""

import logging
import pickle

import pytest

from bitquery_auth import (
    BitqueryAuthError,
    ConfigurationError,
    InvalidTokenResponseError,
    RequestsAuth,
    ShortTermToken,
    StaticToken,
    Token,
    TokenEndpointError,
)
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.kit.origin import Origin, answering

REJECTED = "rejects the source's token, too"
NOT_OFFERED = "no longer to offer short-term tokens"


def error_of(short: ShortTermToken) -> BitqueryAuthError:
    with pytest.raises(BitqueryAuthError) as caught:
        short.token()
    return caught.value


@pytest.mark.parametrize("body", ["Unauthorized", '{"error": "x"}'])
def test_a_second_401_is_about_the_token_of_the_source(body: str, origin: Origin) -> None:
    origin.handler = answering(401, body)
    error = error_of(ShortTermToken(TwoTokens("a", "b"), endpoint=origin.at()))
    assert isinstance(error, TokenEndpointError)
    assert error.status_code == 401
    assert REJECTED in str(error)
    assert NOT_OFFERED not in str(error)


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
    origin.handler = answering(401, "Unauthorized")
    error_of(ShortTermToken(TwoTokens(*tokens), endpoint=origin.at()))
    assert origin.tokens == sent


@pytest.mark.parametrize("status", [400, 403, 404])
@pytest.mark.parametrize("body", ['{"error": "no such operation"}', "<html>"])
def test_another_error_response_says_that_the_exchange_is_no_longer_offered(
    status: int, body: str, origin: Origin
) -> None:
    origin.handler = answering(status, body)
    error = error_of(ShortTermToken(StaticToken("long"), endpoint=origin.at()))
    assert isinstance(error, TokenEndpointError)
    assert error.status_code == status
    assert NOT_OFFERED in str(error)
    assert "token_endpoint" not in str(error)
    assert len(origin.requests) == 1


def test_an_error_with_status_200_says_that_the_exchange_is_no_longer_offered(
    origin: Origin,
) -> None:
    origin.handler = answering(200, '{"error": "no such operation"}')
    error = error_of(ShortTermToken(StaticToken("long"), endpoint=origin.at()))
    assert isinstance(error, TokenEndpointError)
    assert (error.error, error.status_code) == ("no such operation", 200)
    assert NOT_OFFERED in str(error)


@pytest.mark.parametrize("body", ["", "<html>", "{}", '{"token": null}'])
def test_a_response_without_a_token_says_that_the_exchange_is_no_longer_offered(
    body: str, origin: Origin
) -> None:
    origin.handler = answering(200, body)
    error = error_of(ShortTermToken(StaticToken("long"), endpoint=origin.at()))
    assert isinstance(error, InvalidTokenResponseError)
    assert NOT_OFFERED in str(error)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_error_that_may_pass_is_retryable(status: int, origin: Origin) -> None:
    origin.handler = answering(status, '{"error": "busy"}')
    error = error_of(ShortTermToken(StaticToken("long"), endpoint=origin.at()))
    assert error.retryable
    assert "try again later" in str(error)
    assert NOT_OFFERED not in str(error)


def test_the_endpoint_is_required_with_tokens_of_another_server(sandbox: Sandbox) -> None:
    """By default they would be sent to Bitquery."""
    with pytest.raises(ConfigurationError, match="endpoint is required"):
        ShortTermToken(sandbox.credentials())


def test_the_hosts_of_the_api_are_required_with_another_endpoint() -> None:
    RequestsAuth(ShortTermToken(StaticToken("token")))
    short = ShortTermToken(StaticToken("token"), endpoint="https://api.example.com/graphql")
    with pytest.raises(ConfigurationError, match="allowed_hosts is required"):
        RequestsAuth(short)


def test_a_pickle_keeps_the_endpoint() -> None:
    short = ShortTermToken(StaticToken("long"), endpoint="https://api.example.com/graphql")
    assert repr(pickle.loads(pickle.dumps(short))) == repr(short)


def test_the_repr_names_the_endpoint_and_the_source() -> None:
    assert repr(ShortTermToken(StaticToken("long"), lifetime=60)) == (
        "ShortTermToken(StaticToken(<hidden>), lifetime=60, "
        "endpoint='https://streaming.bitquery.io/graphql')"
    )


def test_tokens_over_plain_http_beyond_loopback_are_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    endpoint = "http://api.example.com/graphql"
    ShortTermToken(StaticToken("long"), endpoint=endpoint, insecure_http=True)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "unencrypted" in caplog.text


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
