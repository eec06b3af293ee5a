"""An exchange for a short-term token that fails: how often it is tried, and in which words it ends."""

import pickle

import pytest

from bitquery_auth import (
    ConfigurationError,
    InvalidTokenResponseError,
    ShortTermToken,
    StaticToken,
    Token,
    TokenEndpointError,
)
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.kit.origin import Origin, answering

REFUSED = "refuses the source's token, too"
NOT_OFFERED = "no longer to offer short-term tokens"


def refusal_of(short: ShortTermToken) -> TokenEndpointError:
    with pytest.raises(TokenEndpointError) as caught:
        short.token()
    return caught.value


def test_a_second_refusal_is_laid_to_the_sources_token(sandbox: Sandbox) -> None:
    sandbox.accept_nothing = True
    error = refusal_of(ShortTermToken(sandbox.credentials(), endpoint=sandbox.graphql_endpoint))
    assert error.status_code == 401
    assert REFUSED in str(error)
    assert NOT_OFFERED not in str(error)
    assert sandbox.short_term_requests == 2


@pytest.mark.parametrize("body", ["Unauthorized", '{"error": "invalid_token"}', '{"error": {"code": 16}}'])
def test_it_is_laid_to_it_whatever_the_refusal_says(body: str, origin: Origin) -> None:
    origin.handler = answering(401, body)
    error = refusal_of(ShortTermToken(StaticToken("long"), endpoint=origin.at()))
    assert str(error).endswith("or the application may not use this API.")
    assert REFUSED in str(error)
    assert NOT_OFFERED not in str(error)


def test_a_copied_token_that_is_refused_is_exchanged_once_only(sandbox: Sandbox) -> None:
    """Hazard R2: it has no successor, so a second try would be the same one."""
    error = refusal_of(ShortTermToken(StaticToken("ory_at_old"), endpoint=sandbox.graphql_endpoint))
    assert REFUSED in str(error)
    assert (sandbox.short_term_requests, sandbox.api_requests) == (1, 1)


class Vault:
    """A source of one's own, whose next token is the same for now, or another."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)

    def token(self) -> Token:
        return Token(self.tokens[0])

    def discard(self, token: Token | str) -> None:
        del self.tokens[0]


@pytest.mark.parametrize(("tokens", "exchanges"), [(("a", "a"), ["a"]), (("a", "b"), ["a", "b"])])
def test_a_source_of_ones_own_gets_a_second_try_if_it_has_another_token(
    tokens: tuple[str, ...], exchanges: list[str], origin: Origin
) -> None:
    origin.handler = answering(401, "Unauthorized")
    refusal_of(ShortTermToken(Vault(*tokens), endpoint=origin.at()))
    assert origin.tokens == exchanges


@pytest.mark.parametrize("status", [400, 403, 404, 405, 410, 422])
@pytest.mark.parametrize("body", ['{"error": "no such operation"}', '{"error": {"code": 5}}', "<html>"])
def test_another_refusal_says_that_it_is_no_longer_offered(status: int, body: str, origin: Origin) -> None:
    origin.handler = answering(status, body)
    error = refusal_of(ShortTermToken(StaticToken("long"), endpoint=origin.at()))
    assert error.status_code == status
    assert NOT_OFFERED in str(error)
    assert "token_endpoint" not in str(error)
    assert len(origin.requests) == 1


def test_so_does_a_success_with_an_error_in_it(origin: Origin) -> None:
    origin.handler = answering(200, '{"error": "no such operation"}')
    error = refusal_of(ShortTermToken(StaticToken("long"), endpoint=origin.at()))
    assert (error.error, error.status_code) == ("no such operation", 200)
    assert NOT_OFFERED in str(error)


@pytest.mark.parametrize("body", ["", "<html>", "{}", '{"token": null}'])
def test_so_does_a_success_without_a_token(body: str, origin: Origin) -> None:
    origin.handler = answering(200, body)
    with pytest.raises(InvalidTokenResponseError, match=NOT_OFFERED):
        ShortTermToken(StaticToken("long"), endpoint=origin.at()).token()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_said_to(status: int, origin: Origin) -> None:
    origin.handler = answering(status, '{"error": "busy"}')
    error = refusal_of(ShortTermToken(StaticToken("long"), endpoint=origin.at()))
    assert error.retryable
    assert str(error).endswith("That may pass: try again later.")


def test_another_servers_tokens_are_not_sent_to_bitquery(sandbox: Sandbox) -> None:
    """Hazard S2: without an endpoint they would be, as that is the default."""
    with pytest.raises(ConfigurationError, match="endpoint is required"):
        ShortTermToken(sandbox.credentials())


def test_unless_that_is_what_is_asked_for(sandbox: Sandbox) -> None:
    """As from an environment, or a pickle."""
    endpoint = b"https://streaming.bitquery.io/graphql".decode()
    short = ShortTermToken(sandbox.credentials(), endpoint=endpoint)
    assert pickle.loads(pickle.dumps(short)).token_endpoint == endpoint


def test_with_an_endpoint_of_its_own_they_are_exchanged_there(sandbox: Sandbox) -> None:
    assert ShortTermToken(sandbox.credentials(), endpoint=sandbox.graphql_endpoint).token().access_token
    assert (sandbox.token_requests, sandbox.short_term_requests) == (1, 1)


def test_its_repr_names_the_endpoint_and_the_source() -> None:
    short = ShortTermToken(StaticToken("long"), lifetime=60, endpoint="https://api.example.com/graphql")
    assert repr(short) == (
        "ShortTermToken(StaticToken(<hidden>), lifetime=60, endpoint='https://api.example.com/graphql')"
    )
    assert "endpoint='https://streaming.bitquery.io/graphql'" in repr(ShortTermToken(StaticToken("long")))


def test_the_pause_that_its_source_was_asked_for_is_not_counted_anew(sandbox: Sandbox, clock: Clock) -> None:
    """Hazard F3: who comes late in it waits for what is left."""
    source = sandbox.credentials()
    sandbox.outage, sandbox.retry_after = 503, 100
    with pytest.raises(TokenEndpointError):
        source.token()
    short = ShortTermToken(source, endpoint=sandbox.graphql_endpoint)
    clock.advance(90)
    assert refusal_of(short).retry_after == pytest.approx(10, abs=0.01)
    sandbox.outage = None
    clock.advance(10.1)
    assert short.token().access_token
