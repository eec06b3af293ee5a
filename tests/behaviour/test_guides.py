"""Each way of working that Bitquery's guides and the generic client-credentials guide describe, over real HTTP."""

import base64
import json

import pytest

from bitquery_auth import ClientCredentials, StaticToken, TokenEndpointError, from_env
from bitquery_auth.sandbox import Recorded, Sandbox
from tests.behaviour.conftest import QUERY, Open, api_calls, form_of, token_posts
from tests.kit.clients import Client

FORM = "application/x-www-form-urlencoded"


def basic(client_id: str, client_secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()


def headers_but(request: Recorded, *left_out: str) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if name not in left_out}


# -- "Generating a Token Programmatically": id and secret in the form, scope=api --------------------


def test_a_token_is_generated_with_id_and_secret_in_the_form(open_client: Open, sandbox: Sandbox) -> None:
    """Hazards K3, G1: the credentials stand in one place only, and the first request fetches."""
    source = ClientCredentials(
        sandbox.client_id, sandbox.client_secret, token_endpoint=sandbox.token_endpoint, scope="api"
    )
    assert open_client(source).post(sandbox.graphql_endpoint, json=QUERY).status == 200
    (asked,) = token_posts(sandbox)
    assert asked.method == "POST"
    assert asked.headers["content-type"].partition(";")[0] == FORM
    assert "authorization" not in asked.headers
    assert form_of(asked) == {
        "grant_type": "client_credentials",
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "scope": "api",
    }


def test_the_query_carries_the_generated_token_as_bearer(open_client: Open, sandbox: Sandbox) -> None:
    source = sandbox.credentials()
    open_client(source).post(sandbox.graphql_endpoint, json=QUERY)
    (call,) = api_calls(sandbox)
    assert call.headers["authorization"] == f"Bearer {source.token().access_token}"
    assert call.headers["content-type"] == "application/json"
    assert json.loads(call.body) == QUERY


def test_every_later_token_is_asked_for_as_the_first_was(open_client: Open, sandbox: Sandbox) -> None:
    """Hazard K5: nothing of the token request is lost when it is renewed."""
    client = open_client(sandbox.credentials(token_params={"region": "eu"}))
    for _ in range(3):
        client.post(sandbox.graphql_endpoint, json=QUERY)
        sandbox.revoke_all()
    first, second, third = token_posts(sandbox)
    assert form_of(first)["region"] == "eu"
    assert form_of(first) == form_of(second) == form_of(third)
    assert headers_but(first, "content-length") == headers_but(third, "content-length")


# -- "Short-term Access Tokens", its first half: Basic, and grant_type alone in the form ------------


def test_a_token_is_generated_with_basic_and_grant_type_alone(open_client: Open, sandbox: Sandbox) -> None:
    """Hazard K3: the credentials stand in one place only."""
    sandbox.token_endpoint_auth_method = "client_secret_basic"
    source = ClientCredentials(
        sandbox.client_id,
        sandbox.client_secret,
        token_endpoint=sandbox.token_endpoint,
        token_endpoint_auth_method="client_secret_basic",
        scope=None,
    )
    assert open_client(source).post(sandbox.graphql_endpoint, json=QUERY).status == 200
    (asked,) = token_posts(sandbox)
    assert asked.headers["authorization"] == basic(sandbox.client_id, sandbox.client_secret)
    assert form_of(asked) == {"grant_type": "client_credentials"}
    (call,) = api_calls(sandbox)
    assert call.headers["authorization"] == f"Bearer {source.token().access_token}"


# -- the generic guide: Basic, client_id in the form as well, and a bare token ----------------------

OTHER_HEADERS = {"x-api-key": "MY_API_KEY", "Referer": "https://app.example.com/", "Origin": "https://app.example.com"}


def generic(sandbox: Sandbox) -> ClientCredentials:
    sandbox.token_endpoint_auth_method = "client_secret_basic"
    return ClientCredentials(
        sandbox.client_id,
        sandbox.client_secret,
        token_endpoint=sandbox.token_endpoint,  # "MY_AUTHENTICATION_URL"
        token_endpoint_auth_method="client_secret_basic",
        scope=None,
        token_params={"client_id": sandbox.client_id},
    )


def test_a_generic_server_gets_basic_and_the_client_id_in_the_form(open_client: Open, sandbox: Sandbox) -> None:
    client = open_client(generic(sandbox), allowed_hosts=sandbox.allowed_hosts, scheme="")
    assert client.get(sandbox.graphql_endpoint, headers=OTHER_HEADERS).status == 200
    (asked,) = token_posts(sandbox)
    assert asked.headers["content-type"].partition(";")[0] == FORM
    assert asked.headers["authorization"] == basic(sandbox.client_id, sandbox.client_secret)
    assert form_of(asked) == {"grant_type": "client_credentials", "client_id": sandbox.client_id}


def test_a_generic_api_gets_the_bare_token_next_to_the_callers_headers(open_client: Open, sandbox: Sandbox) -> None:
    """Hazard G3: header and scheme are settings."""
    source = generic(sandbox)
    open_client(source, scheme="").get(sandbox.graphql_endpoint, headers=OTHER_HEADERS)
    (call,) = api_calls(sandbox)
    assert call.headers["authorization"] == source.token().access_token
    assert {name: call.headers[name] for name in OTHER_HEADERS} == OTHER_HEADERS


def test_a_generic_api_that_says_401_gets_the_request_again_with_all_its_headers(
    open_client: Open, sandbox: Sandbox
) -> None:
    """Hazard R1: "Perform reauthentication. Try to get data with new authorization"."""
    client = open_client(generic(sandbox), scheme="")
    client.get(sandbox.graphql_endpoint, headers=OTHER_HEADERS)
    sandbox.revoke_all()
    outcome = client.get(sandbox.graphql_endpoint, headers=OTHER_HEADERS)
    assert (outcome.status, outcome.history) == (200, (401,))
    _, refused, again = api_calls(sandbox)
    assert headers_but(again, "authorization") == headers_but(refused, "authorization")
    assert again.headers["authorization"] != refused.headers["authorization"]
    assert (again.method, again.path) == (refused.method, refused.path)


# -- "Using the token": one that was copied from the account page -----------------------------------


@pytest.mark.parametrize(
    "pasted",
    ["{}", " {}\n", '"{}"', "Bearer {}", "'Bearer {}'", "bearer Bearer {}"],
    ids=["bare", "line end", "quotes", "scheme", "quotes and scheme", "scheme twice"],
)
def test_a_copied_token_is_sent_whatever_came_along_with_it(open_client: Open, sandbox: Sandbox, pasted: str) -> None:
    copied = sandbox.credentials().token().access_token
    sandbox.reset_counts()
    outcome = open_client(StaticToken(pasted.format(copied))).post(sandbox.graphql_endpoint, json=QUERY)
    (call,) = api_calls(sandbox)
    assert outcome.status == 200
    assert call.headers["authorization"] == f"Bearer {copied}"
    assert sandbox.token_requests == 0


# -- "If the token is invalid, you get "Unauthorized" message", revoking, deleting ------------------


def test_unauthorized_in_plain_text_is_answered_with_a_new_token(open_client: Open, sandbox: Sandbox) -> None:
    client = open_client(sandbox.credentials())
    client.post(sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    outcome = client.post(sandbox.graphql_endpoint, json=QUERY)
    (unauthorized,) = outcome.raw.history
    assert (unauthorized.status_code, unauthorized.text) == (401, "Unauthorized")
    assert json.loads(outcome.text)["data"]["EVM"]["DEXTrades"]


def test_a_token_revoked_on_the_account_page_is_replaced_and_its_successor_used_from_then_on(
    open_client: Open, sandbox: Sandbox
) -> None:
    source = sandbox.credentials()
    client = open_client(source)
    client.post(sandbox.graphql_endpoint, json=QUERY)
    revoked = source.token()
    source.revoke()
    for _ in range(3):
        assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    assert sandbox.token_requests == 2
    assert {call.headers["authorization"] for call in api_calls(sandbox)[1:]} == {
        f"Bearer {source.token().access_token}"
    }
    assert source.token() != revoked


def test_a_deleted_application_is_told_by_name(open_client: Open, sandbox: Sandbox, kind: type[Client]) -> None:
    """Hazard G7: the error says what the server said, and what to do."""
    client = open_client(sandbox.credentials())
    client.post(sandbox.graphql_endpoint, json=QUERY)
    sandbox.delete_application()
    with pytest.raises(kind.base_error, match=r"invalid_client.*type Automatic") as raised:
        client.post(sandbox.graphql_endpoint, json=QUERY)
    error = raised.value
    assert isinstance(error, TokenEndpointError)
    assert (error.error, error.status_code, error.retryable) == ("invalid_client", 401, False)


# -- credentials and tokens from the environment ----------------------------------------------------


def test_credentials_from_the_environment_are_used(
    open_client: Open, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BITQUERY_CLIENT_ID", sandbox.client_id)
    monkeypatch.setenv("BITQUERY_CLIENT_SECRET", sandbox.client_secret)
    monkeypatch.setenv("BITQUERY_TOKEN_ENDPOINT", sandbox.token_endpoint)
    monkeypatch.setenv("BITQUERY_SCOPE", "api")
    client = open_client(ClientCredentials.from_env())
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    assert form_of(token_posts(sandbox)[0])["client_secret"] == sandbox.client_secret


@pytest.mark.parametrize("name", ["BITQUERY_TOKEN", "BITQUERY_ACCESS_TOKEN", "BITQUERY_API_KEY"])
def test_a_token_from_the_environment_is_used_where_there_are_no_credentials(
    open_client: Open, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    token = sandbox.credentials().token().access_token
    monkeypatch.setenv(name, f'"Bearer {token}"')
    assert open_client(from_env()).post(sandbox.graphql_endpoint, json=QUERY).status == 200
    assert api_calls(sandbox)[-1].headers["authorization"] == f"Bearer {token}"
