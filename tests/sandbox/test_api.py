"""Who may use the API, and short-term tokens."""

from typing import Any

import pytest
import requests

from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.sandbox.calls import call_api, new_token


def assert_unauthorized(response: requests.Response) -> None:
    assert response.status_code == 401
    assert response.headers["Content-Type"] == "text/plain"
    assert response.text == "Unauthorized"
    assert "WWW-Authenticate" not in response.headers


def request_short_term_token(sandbox: Sandbox, expires_in: object) -> requests.Response:
    return call_api(sandbox, new_token(sandbox), "POST", json={"expires_in": expires_in})


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER  {}", "{}", None])
def test_a_valid_token_is_accepted_in_the_header_and_in_the_url(
    sandbox: Sandbox, form: str | None
) -> None:
    token = new_token(sandbox)
    headers = {} if form is None else {"Authorization": form.format(token)}
    parameters = {"a": "b", "token": token if form is None else "ory_at_unknown"}
    url = sandbox.graphql_endpoint
    response = requests.get(url, headers=headers, params=parameters, timeout=10)
    assert (response.status_code, response.json()) == (200, {"data": {"ok": True}})


@pytest.mark.parametrize(
    "form", ["Bearer ory_at_unknown", "Basic {}", "Token {}", "Bearer", "Bearer {} x", "", "é"]
)
def test_every_other_header_is_unauthorized_whatever_the_url_has(
    sandbox: Sandbox, form: str
) -> None:
    token = new_token(sandbox)
    headers = {"Authorization": form.format(token).encode("latin-1")}
    url = f"{sandbox.graphql_endpoint}?token={token}"
    assert_unauthorized(requests.get(url, headers=headers, timeout=10))


def test_a_request_without_a_token_is_unauthorized_before_its_body_is_read(
    sandbox: Sandbox,
) -> None:
    assert_unauthorized(call_api(sandbox, None))
    assert_unauthorized(call_api(sandbox, None, "POST", data=b"{not json"))
    assert sandbox.api_refusals == sandbox.api_requests == 2


def test_a_token_is_valid_until_it_expires(sandbox: Sandbox, clock: Clock) -> None:
    sandbox.lifetime = 3
    token = new_token(sandbox)
    sandbox.lifetime = 1
    clock.advance(2.999)
    assert call_api(sandbox, token).status_code == 200
    clock.advance(0.002)
    assert_unauthorized(call_api(sandbox, token))


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE"])
@pytest.mark.parametrize("path", ["/graphql", "/eap"])
def test_methods_other_than_post_get_the_response_to_get(
    sandbox: Sandbox, path: str, method: str
) -> None:
    url = f"{sandbox.url}{path}?token={new_token(sandbox)}"
    response = requests.request(method, url, timeout=10)
    assert response.status_code == 200
    assert response.text == ("" if method == "HEAD" else '{"data":{"ok":true}}')
    assert sandbox.api_requests == 1


def test_a_token_without_the_required_scope_is_forbidden(sandbox: Sandbox) -> None:
    sandbox.required_scope = "api"
    response = call_api(sandbox, new_token(sandbox, scope=""))
    assert (response.status_code, response.text) == (403, "Forbidden")
    assert response.headers["Content-Type"] == "text/plain"
    assert call_api(sandbox, new_token(sandbox)).status_code == 200
    assert sandbox.api_refusals == 0


def test_accept_nothing_rejects_valid_tokens_while_it_is_set(sandbox: Sandbox) -> None:
    token = new_token(sandbox)
    sandbox.accept_nothing = True
    assert_unauthorized(call_api(sandbox, token))
    sandbox.accept_nothing = False
    assert call_api(sandbox, token).status_code == 200


def test_a_short_term_token_is_valid_for_the_requested_time_and_has_the_scope_of_the_long_lived_one(
    sandbox: Sandbox, clock: Clock
) -> None:
    sandbox.required_scope = "api"
    response = request_short_term_token(sandbox, 60)
    assert (response.status_code, list(response.json())) == (200, ["token"])
    clock.advance(59.9)
    assert call_api(sandbox, response.json()["token"]).status_code == 200
    clock.advance(0.2)
    assert_unauthorized(call_api(sandbox, response.json()["token"]))


def test_a_short_term_token_ends_with_its_application(sandbox: Sandbox) -> None:
    token = request_short_term_token(sandbox, 60).json()["token"]
    assert call_api(sandbox, token).status_code == 200
    sandbox.delete_application()
    assert_unauthorized(call_api(sandbox, token))


def test_a_short_term_token_needs_a_valid_long_lived_one(sandbox: Sandbox) -> None:
    assert_unauthorized(call_api(sandbox, "ory_at_unknown", "POST", json={"expires_in": 60}))
    counts = (sandbox.short_term_requests, sandbox.api_refusals, sandbox.tokens_issued)
    assert counts == (1, 1, 0)


@pytest.mark.parametrize("lifetime", ['"60"', "0", "-1", "null", "true", "Infinity", "NaN"])
def test_a_lifetime_that_is_not_positive_seconds_is_an_error(
    sandbox: Sandbox, lifetime: str
) -> None:
    body = f'{{"expires_in": {lifetime}}}'
    response = call_api(sandbox, new_token(sandbox), "POST", data=body)
    assert response.status_code == 400
    assert "expires_in" in response.json()["errors"][0]["message"]


def test_an_api_without_short_term_tokens_reports_a_missing_query(sandbox: Sandbox) -> None:
    sandbox.short_term = False
    response = request_short_term_token(sandbox, 60)
    assert response.status_code == 200
    assert response.json() == {"errors": [{"message": "Must provide query string."}]}
    assert (sandbox.short_term_requests, sandbox.tokens_issued) == (1, 1)


def test_a_query_beside_expires_in_is_a_query(sandbox: Sandbox) -> None:
    body: dict[str, Any] = {"query": "{ x }", "variables": {"expires_in": 5}, "expires_in": 5}
    response = call_api(sandbox, new_token(sandbox), "POST", json=body)
    assert response.json() == {"data": {}}
    assert sandbox.short_term_requests == 0
