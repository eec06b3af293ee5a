"""Bitquery's guide, "Short-term Access Tokens": a long token, exchanged at the API for one that ends soon."""

import json

import pytest
import requests

from bitquery_auth import InvalidTokenResponseError, ShortTermToken, StaticToken, TokenEndpointError
from bitquery_auth.sandbox import Recorded, Sandbox
from tests.behaviour.conftest import QUERY, Open, api_calls, until
from tests.kit.clients import Client
from tests.kit.clock import Clock


def exchanges(sandbox: Sandbox) -> list[Recorded]:
    return [call for call in api_calls(sandbox) if b"expires_in" in call.body]


def bearer(token: str) -> str:
    return f"Bearer {token}"


def test_a_long_token_is_exchanged_and_the_short_one_carries_the_query(open_client: Open, sandbox: Sandbox) -> None:
    long = sandbox.credentials()
    short = ShortTermToken(long, lifetime=3600, endpoint=sandbox.graphql_endpoint)
    assert open_client(short).post(sandbox.graphql_endpoint, json=QUERY).status == 200
    exchange, query = api_calls(sandbox)
    assert exchange.method == "POST"
    assert exchange.headers["authorization"] == bearer(long.token().access_token)
    assert exchange.headers["content-type"] == "application/json"
    assert json.loads(exchange.body) == {"expires_in": 3600}
    assert query.headers["authorization"] == bearer(short.token().access_token)
    assert short.token() != long.token()


def test_a_copied_token_is_exchanged_just_as_well(open_client: Open, sandbox: Sandbox) -> None:
    copied = sandbox.credentials().token().access_token
    short = ShortTermToken(StaticToken(copied), lifetime=60, endpoint=sandbox.graphql_endpoint)
    assert open_client(short).post(sandbox.graphql_endpoint, json=QUERY).status == 200
    assert exchanges(sandbox)[0].headers["authorization"] == bearer(copied)
    assert sandbox.token_requests == 1


def test_a_short_token_at_its_end_is_exchanged_for_with_the_same_long_one(
    open_client: Open, sandbox: Sandbox, clock: Clock
) -> None:
    short = ShortTermToken(sandbox.credentials(), lifetime=600, endpoint=sandbox.graphql_endpoint, renew_ahead=0)
    client = open_client(short)
    client.post(sandbox.graphql_endpoint, json=QUERY)
    clock.advance(600)
    assert client.post(sandbox.graphql_endpoint, json=QUERY).history == ()
    assert (sandbox.token_requests, sandbox.short_term_requests, sandbox.api_refusals) == (1, 2, 0)


def test_a_short_token_is_renewed_ahead_while_requests_go_on(open_client: Open, sandbox: Sandbox, clock: Clock) -> None:
    short = ShortTermToken(sandbox.credentials(), lifetime=600, endpoint=sandbox.graphql_endpoint)
    client = open_client(short)
    client.post(sandbox.graphql_endpoint, json=QUERY)
    first = short.token()
    clock.advance(500)  # the leeway of 60 s begins at 540, renewal ahead at 480
    client.post(sandbox.graphql_endpoint, json=QUERY)
    until(lambda: sandbox.short_term_requests == 2)
    until(lambda: short.token() != first)
    assert client.post(sandbox.graphql_endpoint, json=QUERY).history == ()
    assert (sandbox.token_requests, sandbox.short_term_requests) == (1, 2)


def test_a_revoked_long_token_is_replaced_and_the_exchange_made_again(open_client: Open, sandbox: Sandbox) -> None:
    short = ShortTermToken(sandbox.credentials(), endpoint=sandbox.graphql_endpoint)
    client = open_client(short)
    client.post(sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    outcome = client.post(sandbox.graphql_endpoint, json=QUERY)
    assert (outcome.status, outcome.history) == (200, (401,))
    first, refused, again = exchanges(sandbox)
    assert refused.headers["authorization"] == first.headers["authorization"] != again.headers["authorization"]
    assert (refused.status, again.status) == (401, 200)
    assert sandbox.token_requests == 2


def test_only_the_long_token_revoked_shows_at_the_next_exchange(
    open_client: Open, sandbox: Sandbox, clock: Clock
) -> None:
    long = sandbox.credentials()
    client = open_client(ShortTermToken(long, lifetime=600, endpoint=sandbox.graphql_endpoint, renew_ahead=0))
    client.post(sandbox.graphql_endpoint, json=QUERY)
    revocation = {
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "token": long.token().access_token,
    }
    assert requests.post(sandbox.revocation_endpoint, data=revocation, timeout=20).status_code == 200
    assert client.post(sandbox.graphql_endpoint, json=QUERY).history == ()  # the short one is good still
    clock.advance(600)
    assert client.post(sandbox.graphql_endpoint, json=QUERY).history == ()
    assert [exchange.status for exchange in exchanges(sandbox)] == [200, 401, 200]


def test_a_long_token_refused_twice_is_an_error(open_client: Open, sandbox: Sandbox, kind: type[Client]) -> None:
    sandbox.accept_nothing = True
    client = open_client(ShortTermToken(sandbox.credentials(), endpoint=sandbox.graphql_endpoint))
    with pytest.raises(kind.base_error) as raised:
        client.post(sandbox.graphql_endpoint, json=QUERY)
    assert isinstance(raised.value, TokenEndpointError)
    assert raised.value.status_code == 401
    assert len(exchanges(sandbox)) == 2


def test_a_server_that_no_longer_offers_the_exchange_is_named_as_such(
    open_client: Open, sandbox: Sandbox, kind: type[Client]
) -> None:
    sandbox.short_term = False
    client = open_client(ShortTermToken(sandbox.credentials(), endpoint=sandbox.graphql_endpoint))
    with pytest.raises(kind.base_error, match=r"no longer to offer short-term tokens.*use the source itself") as raised:
        client.post(sandbox.graphql_endpoint, json=QUERY)
    assert isinstance(raised.value, InvalidTokenResponseError)


def test_a_short_token_ends_with_the_long_one(open_client: Open, sandbox: Sandbox, clock: Clock) -> None:
    sandbox.lifetime = 300
    short = ShortTermToken(sandbox.credentials(renew_ahead=0), endpoint=sandbox.graphql_endpoint, renew_ahead=0)
    client = open_client(short)
    client.post(sandbox.graphql_endpoint, json=QUERY)
    assert short.token().expires_in == pytest.approx(299, abs=1)
    clock.advance(300)
    assert client.post(sandbox.graphql_endpoint, json=QUERY).history == ()
    assert (sandbox.token_requests, sandbox.short_term_requests) == (2, 2)
