"""The ways of working that Bitquery's guides describe (hazards G3, G8 and K5)."""

import json

import pytest

from bitquery_auth import ClientCredentials, from_env
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clients import OpenClient
from tests.kit.recorded import api_calls, form_of, token_posts


def test_generating_a_token_programmatically(
    open_client: OpenClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Id, secret and scope=api in the form; the query carries the token as Bearer."""
    monkeypatch.setenv("BITQUERY_CLIENT_ID", sandbox.client_id)
    monkeypatch.setenv("BITQUERY_CLIENT_SECRET", sandbox.client_secret)
    monkeypatch.setenv("BITQUERY_TOKEN_ENDPOINT", sandbox.token_endpoint)
    monkeypatch.setenv("BITQUERY_SCOPE", "api")
    source = ClientCredentials.from_env()
    outcome = open_client(source).post(sandbox.graphql_endpoint, json=QUERY)
    assert json.loads(outcome.text)["data"]["EVM"]["DEXTrades"]
    (post,) = token_posts(sandbox)
    assert post.method == "POST"
    assert post.headers["content-type"].partition(";")[0] == "application/x-www-form-urlencoded"
    assert "authorization" not in post.headers
    assert form_of(post) == {
        "grant_type": "client_credentials",
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "scope": "api",
    }
    (call,) = api_calls(sandbox)
    assert call.headers["authorization"] == f"Bearer {source.token().access_token}"
    assert call.headers["content-type"] == "application/json"
    assert json.loads(call.body) == QUERY


def test_every_later_token_request_is_like_the_first(
    open_client: OpenClient, sandbox: Sandbox
) -> None:
    client = open_client(sandbox.credentials(token_params={"region": "eu"}))
    for _ in range(3):
        client.post(sandbox.graphql_endpoint, json=QUERY)
        sandbox.revoke_all()
    first, second, third = token_posts(sandbox)
    assert form_of(first)["region"] == "eu"
    assert form_of(first) == form_of(second) == form_of(third)
    assert first.headers == third.headers


@pytest.mark.parametrize("name", ["BITQUERY_TOKEN", "BITQUERY_ACCESS_TOKEN", "BITQUERY_API_KEY"])
def test_a_token_copied_from_the_account_page(
    open_client: OpenClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    copied = sandbox.credentials().token().access_token
    sandbox.reset_counts()
    monkeypatch.setenv(name, f'"Authorization: Bearer {copied}"')
    assert open_client(from_env()).post(sandbox.graphql_endpoint, json=QUERY).status == 200
    (call,) = api_calls(sandbox)
    assert call.headers["authorization"] == f"Bearer {copied}"
    assert sandbox.token_requests == 0
