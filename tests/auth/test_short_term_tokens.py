"""Bitquery's guide "Short-term Access Tokens": tokens exchanged for ones that expire soon."""

import json

import pytest
import requests

from bitquery_auth import (
    ClientCredentials,
    InvalidTokenResponseError,
    ShortTermToken,
    StaticToken,
    TokenEndpointError,
)
from bitquery_auth.sandbox import Recorded, Sandbox
from tests.kit import QUERY
from tests.kit.clients import Client, OpenClient
from tests.kit.clock import Clock
from tests.kit.recorded import api_calls
from tests.kit.waiting import until


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


def test_a_copied_token_is_exchanged_as_well(open_client: OpenClient, sandbox: Sandbox) -> None:
    copied = sandbox.credentials().token().access_token
    short = ShortTermToken(StaticToken(copied), lifetime=60, endpoint=sandbox.graphql_endpoint)
    assert open_client(short).post(sandbox.graphql_endpoint, json=QUERY).status == 200
    assert exchanges(sandbox)[0].headers["authorization"] == f"Bearer {copied}"
    assert sandbox.token_requests == 1


def test_an_expired_short_token_is_replaced_by_one_for_the_same_long_token(
    open_client: OpenClient, source: ClientCredentials, sandbox: Sandbox, clock: Clock
) -> None:
    endpoint = sandbox.graphql_endpoint
    client = open_client(ShortTermToken(source, lifetime=600, endpoint=endpoint, renew_ahead=0))
    client.post(sandbox.graphql_endpoint, json=QUERY)
    clock.advance(600)
    assert client.post(sandbox.graphql_endpoint, json=QUERY).history == ()
    assert (sandbox.token_requests, sandbox.short_term_requests) == (1, 2)
    assert sandbox.api_refusals == 0


def test_a_short_token_is_renewed_in_the_background(
    open_client: OpenClient, source: ClientCredentials, sandbox: Sandbox, clock: Clock
) -> None:
    short = ShortTermToken(source, lifetime=600, endpoint=sandbox.graphql_endpoint)
    client = open_client(short)
    client.post(sandbox.graphql_endpoint, json=QUERY)
    first = short.token()
    clock.advance(500)  # the leeway of 60 s begins at 540 s, renewal ahead of it at 480 s
    client.post(sandbox.graphql_endpoint, json=QUERY)
    until(lambda: short.token() != first)
    assert client.post(sandbox.graphql_endpoint, json=QUERY).history == ()
    assert (sandbox.token_requests, sandbox.short_term_requests) == (1, 2)


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


def test_the_short_token_stays_in_use_when_only_the_long_token_is_revoked(
    open_client: OpenClient, source: ClientCredentials, sandbox: Sandbox, clock: Clock
) -> None:
    endpoint = sandbox.graphql_endpoint
    client = open_client(ShortTermToken(source, lifetime=600, endpoint=endpoint, renew_ahead=0))
    client.post(sandbox.graphql_endpoint, json=QUERY)
    revocation = {
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "token": source.token().access_token,
    }
    requests.post(sandbox.revocation_endpoint, data=revocation, timeout=20).raise_for_status()
    assert client.post(sandbox.graphql_endpoint, json=QUERY).history == ()
    clock.advance(600)
    assert client.post(sandbox.graphql_endpoint, json=QUERY).history == ()
    assert [exchange.status for exchange in exchanges(sandbox)] == [200, 401, 200]


def test_a_long_token_that_is_rejected_twice_is_an_error(
    open_client: OpenClient, source: ClientCredentials, sandbox: Sandbox, kind: type[Client]
) -> None:
    sandbox.accept_nothing = True
    client = open_client(ShortTermToken(source, endpoint=sandbox.graphql_endpoint))
    with pytest.raises(kind.base_error) as raised:
        client.post(sandbox.graphql_endpoint, json=QUERY)
    assert isinstance(raised.value, TokenEndpointError)
    assert raised.value.status_code == 401
    assert len(exchanges(sandbox)) == 2


def test_an_api_that_no_longer_offers_the_exchange_is_an_error_that_says_so(
    open_client: OpenClient, source: ClientCredentials, sandbox: Sandbox, kind: type[Client]
) -> None:
    sandbox.short_term = False
    client = open_client(ShortTermToken(source, endpoint=sandbox.graphql_endpoint))
    says = r"no longer to offer short-term tokens.*use the source itself"
    with pytest.raises(kind.base_error, match=says) as raised:
        client.post(sandbox.graphql_endpoint, json=QUERY)
    assert isinstance(raised.value, InvalidTokenResponseError)


def test_a_short_token_expires_with_the_long_one(
    open_client: OpenClient, sandbox: Sandbox, clock: Clock
) -> None:
    sandbox.lifetime = 300
    source = sandbox.credentials(renew_ahead=0)
    short = ShortTermToken(source, endpoint=sandbox.graphql_endpoint, renew_ahead=0)
    client = open_client(short)
    client.post(sandbox.graphql_endpoint, json=QUERY)
    assert short.token().expires_in == pytest.approx(299, abs=1)
    clock.advance(300)
    assert client.post(sandbox.graphql_endpoint, json=QUERY).history == ()
    assert (sandbox.token_requests, sandbox.short_term_requests) == (2, 2)
