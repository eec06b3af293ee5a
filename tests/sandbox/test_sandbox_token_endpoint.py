"""The sandbox's token endpoint against what Ory Hydra's engine was measured to answer, word for word."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from bitquery_auth.sandbox import Sandbox

INVALID_REQUEST = (
    "The request is missing a required parameter, includes an invalid parameter value, includes a parameter more "
    "than once, or is otherwise malformed. "
)
INVALID_CLIENT = (
    "Client authentication failed (e.g., unknown client, no client authentication included, or unsupported "
    "authentication method)."
)
UNAUTHORIZED_CLIENT = "The client is not authorized to request a token using this method."
INVALID_SCOPE = "The requested scope is invalid, unknown, or malformed. "
MAKE_SURE = (
    "Make sure that the various parameters are correct, be aware of case sensitivity and trim your parameters. "
    "Make sure that the client you are using has exactly whitelisted the redirect_uri you specified."
)
NO_CREDENTIALS = "Client credentials missing or malformed in both HTTP Authorization header and HTTP POST body."
EMPTY = "The POST body can not be empty."


def wrong_method(registered: str, used: str) -> str:
    return (
        f"{INVALID_CLIENT} The OAuth 2.0 Client supports client authentication method '{registered}', but method "
        f"'{used}' was requested. You must configure the OAuth 2.0 client's 'token_endpoint_auth_method' value to "
        f"accept '{used}'."
    )


def form(sandbox: Sandbox, **fields: str | None) -> dict[str, str]:
    """Give a good form, with these fields instead or, where None, without."""
    ours = {
        "grant_type": "client_credentials",
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "scope": "api",
    }
    return {name: value for name, value in (ours | fields).items() if value is not None}


def without_credentials(sandbox: Sandbox, **fields: str | None) -> dict[str, str]:
    return form(sandbox, client_id=None, client_secret=None, **fields)


def ask(sandbox: Sandbox, data: Any, **options: Any) -> requests.Response:
    return requests.post(sandbox.token_endpoint, data=data, timeout=10, **options)


def assert_refused(answer: requests.Response, status: int, error: str, description: str) -> None:
    assert answer.status_code == status
    assert answer.json() == {"error": error, "error_description": description}
    assert answer.text.startswith(f'{{"error":"{error}","error_description":"')
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    assert "WWW-Authenticate" not in answer.headers


def test_a_token_has_hydras_shape_and_the_answer_its_order_and_headers(bitquery_sandbox: Sandbox) -> None:
    answer = ask(bitquery_sandbox, form(bitquery_sandbox))
    assert answer.status_code == 200
    assert re.fullmatch(
        r'\{"access_token":"ory_at_[\w-]{43}\.[\w-]{43}","expires_in":3599,"scope":"api","token_type":"bearer"\}',
        answer.text,
    )
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"


def test_every_request_gets_a_token_of_its_own_and_earlier_ones_stay_good(bitquery_sandbox: Sandbox) -> None:
    tokens = [ask(bitquery_sandbox, form(bitquery_sandbox)).json()["access_token"] for _ in range(3)]
    assert len(set(tokens)) == 3
    for token in tokens:
        headers = {"Authorization": f"Bearer {token}"}
        assert requests.get(bitquery_sandbox.graphql_endpoint, headers=headers, timeout=10).status_code == 200


@pytest.mark.parametrize(("lifetime", "expires_in"), [(3600, 3599), (3, 2), (3.5, 3), (0.5, 0), (0, 0), (-5, 0)])
def test_expires_in_is_what_is_left_just_after_issue_rounded_down(
    bitquery_sandbox: Sandbox, lifetime: float, expires_in: int
) -> None:
    bitquery_sandbox.lifetime = lifetime
    assert ask(bitquery_sandbox, form(bitquery_sandbox)).json()["expires_in"] == expires_in


def test_generated_credentials_look_like_bitquerys() -> None:
    for _ in range(100):
        sandbox = Sandbox()
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", sandbox.client_id)
        assert re.fullmatch(r"[A-Za-z0-9_.~][A-Za-z0-9_.~-]{25}", sandbox.client_secret)


def test_basic_for_a_client_of_the_form_body_is_refused(bitquery_sandbox: Sandbox) -> None:
    credentials = (bitquery_sandbox.client_id, bitquery_sandbox.client_secret)
    answer = ask(bitquery_sandbox, without_credentials(bitquery_sandbox), auth=credentials)
    assert_refused(answer, 401, "invalid_client", wrong_method("client_secret_post", "client_secret_basic"))


def test_the_form_body_for_a_client_of_basic_is_refused(bitquery_sandbox: Sandbox) -> None:
    bitquery_sandbox.token_endpoint_auth_method = "client_secret_basic"
    answer = ask(bitquery_sandbox, form(bitquery_sandbox))
    assert_refused(answer, 401, "invalid_client", wrong_method("client_secret_basic", "client_secret_post"))


def test_the_wrong_method_is_reported_before_a_wrong_secret(bitquery_sandbox: Sandbox) -> None:
    answer = ask(bitquery_sandbox, without_credentials(bitquery_sandbox), auth=(bitquery_sandbox.client_id, "wrong"))
    assert_refused(answer, 401, "invalid_client", wrong_method("client_secret_post", "client_secret_basic"))


def test_an_unknown_client_is_reported_before_a_wrong_method(bitquery_sandbox: Sandbox) -> None:
    answer = ask(bitquery_sandbox, without_credentials(bitquery_sandbox), auth=("nobody", "wrong"))
    assert_refused(answer, 401, "invalid_client", INVALID_CLIENT)


@pytest.mark.parametrize("fields", [{"client_secret": "wrong"}, {"client_secret": None}, {"client_id": "nobody"}])
def test_wrong_missing_and_unknown_credentials_in_the_body_look_alike(
    bitquery_sandbox: Sandbox, fields: dict[str, str | None]
) -> None:
    answer = ask(bitquery_sandbox, form(bitquery_sandbox, **fields))
    assert_refused(answer, 401, "invalid_client", INVALID_CLIENT)


@pytest.mark.parametrize("secret", ["wrong", ""])
def test_a_wrong_or_missing_secret_in_basic_is_refused(bitquery_sandbox: Sandbox, secret: str) -> None:
    bitquery_sandbox.token_endpoint_auth_method = "client_secret_basic"
    answer = ask(bitquery_sandbox, without_credentials(bitquery_sandbox), auth=(bitquery_sandbox.client_id, secret))
    assert_refused(answer, 401, "invalid_client", INVALID_CLIENT)


@pytest.mark.parametrize("registered", ["client_secret_post", "client_secret_basic"])
def test_both_styles_at_once_never_pass(bitquery_sandbox: Sandbox, registered: Any) -> None:
    bitquery_sandbox.token_endpoint_auth_method = registered
    used = {"client_secret_post": "client_secret_basic", "client_secret_basic": "client_secret_post"}[registered]
    for basic_secret in (bitquery_sandbox.client_secret, "wrong"):
        for body_secret in (bitquery_sandbox.client_secret, "wrong"):
            answer = ask(
                bitquery_sandbox,
                form(bitquery_sandbox, client_secret=body_secret),
                auth=(bitquery_sandbox.client_id, basic_secret),
            )
            assert_refused(answer, 401, "invalid_client", wrong_method(registered, used))


def test_a_client_id_in_the_body_beside_basic_is_accepted(bitquery_sandbox: Sandbox) -> None:
    bitquery_sandbox.token_endpoint_auth_method = "client_secret_basic"
    credentials = (bitquery_sandbox.client_id, bitquery_sandbox.client_secret)
    assert ask(bitquery_sandbox, form(bitquery_sandbox, client_secret=None), auth=credentials).status_code == 200


def test_no_credentials_at_all_are_a_bad_request(bitquery_sandbox: Sandbox) -> None:
    answer = ask(bitquery_sandbox, without_credentials(bitquery_sandbox))
    assert_refused(answer, 400, "invalid_request", INVALID_REQUEST + NO_CREDENTIALS)


@pytest.mark.parametrize("header", ["Basic !!!", "Basic bm9jb2xvbg==", "Basic", "Basic  YTpi", "Bearer x", "Basic ü"])
def test_a_header_that_is_no_basic_counts_as_none(bitquery_sandbox: Sandbox, header: str) -> None:
    headers = {"Authorization": header.encode("latin-1")}
    answer = ask(bitquery_sandbox, without_credentials(bitquery_sandbox), headers=headers)
    assert_refused(answer, 400, "invalid_request", INVALID_REQUEST + NO_CREDENTIALS)


def test_credentials_in_the_url_count_as_none(bitquery_sandbox: Sandbox) -> None:
    url = f"{bitquery_sandbox.token_endpoint}?{urlencode(form(bitquery_sandbox))}"
    answer = requests.post(url, data={"grant_type": "client_credentials"}, timeout=10)
    assert_refused(answer, 400, "invalid_request", INVALID_REQUEST + NO_CREDENTIALS)
    answer = requests.post(url, timeout=10)
    assert_refused(answer, 400, "invalid_request", INVALID_REQUEST + EMPTY)


def test_a_json_body_counts_as_empty(bitquery_sandbox: Sandbox) -> None:
    answer = requests.post(bitquery_sandbox.token_endpoint, json=form(bitquery_sandbox), timeout=10)
    assert_refused(answer, 400, "invalid_request", INVALID_REQUEST + EMPTY)


def test_a_body_without_a_content_type_counts_as_empty(bitquery_sandbox: Sandbox) -> None:
    answer = ask(bitquery_sandbox, urlencode(form(bitquery_sandbox)).encode())
    assert_refused(answer, 400, "invalid_request", INVALID_REQUEST + EMPTY)


def test_a_multipart_body_is_a_form_too(bitquery_sandbox: Sandbox) -> None:
    files = {name: (None, value) for name, value in form(bitquery_sandbox).items()}
    assert requests.post(bitquery_sandbox.token_endpoint, files=files, timeout=10).json()["scope"] == "api"


def test_a_charset_beside_the_content_type_changes_nothing(bitquery_sandbox: Sandbox) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    assert ask(bitquery_sandbox, urlencode(form(bitquery_sandbox)), headers=headers).status_code == 200


@pytest.mark.parametrize("broken", ["client_secret=%zz", "client_secret={};", "client_secret=%"])
def test_a_field_that_cannot_be_decoded_counts_as_missing(bitquery_sandbox: Sandbox, broken: str) -> None:
    fields = urlencode(form(bitquery_sandbox, client_secret=None))
    body = f"{fields}&&{broken.format(bitquery_sandbox.client_secret)}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert_refused(ask(bitquery_sandbox, body, headers=headers), 401, "invalid_client", INVALID_CLIENT)


def test_of_a_repeated_field_the_first_counts(bitquery_sandbox: Sandbox) -> None:
    fields = [*form(bitquery_sandbox).items(), ("client_secret", "wrong"), ("scope", "nope")]
    assert ask(bitquery_sandbox, fields).json()["scope"] == "api"


def test_a_missing_grant_type_is_reported_before_the_credentials(bitquery_sandbox: Sandbox) -> None:
    answer = ask(bitquery_sandbox, form(bitquery_sandbox, grant_type=None, client_secret="wrong"))
    assert_refused(answer, 400, "invalid_request", f"{INVALID_REQUEST}Request parameter 'grant_type' is missing")


@pytest.mark.parametrize("grant_type", ["urn:x", "Client_Credentials", "client_credentials password"])
def test_an_unknown_grant_type_is_a_bad_request_whatever_the_credentials(
    bitquery_sandbox: Sandbox, grant_type: str
) -> None:
    for secret in (bitquery_sandbox.client_secret, "wrong"):
        answer = ask(bitquery_sandbox, form(bitquery_sandbox, grant_type=grant_type, client_secret=secret))
        assert_refused(answer, 400, "invalid_request", INVALID_REQUEST + MAKE_SURE)


@pytest.mark.parametrize("grant_type", ["refresh_token", "urn:ietf:params:oauth:grant-type:jwt-bearer"])
def test_a_grant_that_hydra_knows_is_refused_after_the_credentials(bitquery_sandbox: Sandbox, grant_type: str) -> None:
    hint = f" The OAuth 2.0 Client is not allowed to use authorization grant '{grant_type}'."
    answer = ask(bitquery_sandbox, form(bitquery_sandbox, grant_type=grant_type))
    assert_refused(answer, 400, "unauthorized_client", UNAUTHORIZED_CLIENT + hint)
    answer = ask(bitquery_sandbox, form(bitquery_sandbox, grant_type=grant_type, client_secret="wrong"))
    assert_refused(answer, 401, "invalid_client", INVALID_CLIENT)


@pytest.mark.parametrize("scope", [None, "", " "])
def test_no_scope_gets_a_token_with_an_empty_one(bitquery_sandbox: Sandbox, scope: str | None) -> None:
    answer = ask(bitquery_sandbox, form(bitquery_sandbox, scope=scope))
    assert answer.status_code == 200
    assert answer.json()["scope"] == ""


def test_the_first_scope_that_is_not_allowed_is_named(bitquery_sandbox: Sandbox) -> None:
    for scope in ("nope", "api nope other"):
        answer = ask(bitquery_sandbox, form(bitquery_sandbox, scope=scope))
        hint = "The OAuth 2.0 Client is not allowed to request scope 'nope'."
        assert_refused(answer, 400, "invalid_scope", INVALID_SCOPE + hint)


def test_a_client_may_ask_for_its_own_scopes_only(bitquery_sandbox: Sandbox) -> None:
    bitquery_sandbox.allowed_scopes = ("read",)
    hint = "The OAuth 2.0 Client is not allowed to request scope 'api'."
    answer = ask(bitquery_sandbox, form(bitquery_sandbox))
    assert_refused(answer, 400, "invalid_scope", INVALID_SCOPE + hint)


@pytest.mark.parametrize("allowed", [("api", "read"), "api read"])
def test_several_scopes_are_granted_once_each_in_the_order_asked(bitquery_sandbox: Sandbox, allowed: Any) -> None:
    bitquery_sandbox.allowed_scopes = allowed
    answer = ask(bitquery_sandbox, form(bitquery_sandbox, scope="read  api read"))
    assert answer.json()["scope"] == "read api"


def test_a_description_is_written_as_go_writes_json(bitquery_sandbox: Sandbox) -> None:
    answer = ask(bitquery_sandbox, form(bitquery_sandbox, scope='<"&ü>'))
    assert "request scope '\\u003c'\\u0026ü\\u003e'." in answer.content.decode()


def test_only_a_space_separates_scopes(bitquery_sandbox: Sandbox) -> None:
    hint = "The OAuth 2.0 Client is not allowed to request scope 'api\tread'."
    answer = ask(bitquery_sandbox, form(bitquery_sandbox, scope="api\tread"))
    assert_refused(answer, 400, "invalid_scope", INVALID_SCOPE + hint)
    assert ask(bitquery_sandbox, form(bitquery_sandbox, scope="\tapi ")).json()["scope"] == "api"


@pytest.mark.parametrize("audience", ["https://other.example", "https://api.example https://other.example"])
def test_an_audience_that_is_not_allowed_is_named(bitquery_sandbox: Sandbox, audience: str) -> None:
    bitquery_sandbox.allowed_audiences = ("https://api.example",)
    hint = "Requested audience 'https://other.example' has not been whitelisted by the OAuth 2.0 Client."
    answer = ask(bitquery_sandbox, form(bitquery_sandbox, audience=audience))
    assert_refused(answer, 400, "invalid_request", INVALID_REQUEST + hint)


@pytest.mark.parametrize("audience", ["", "https://api.example", "two https://api.example"])
def test_an_audience_that_is_allowed_changes_nothing(bitquery_sandbox: Sandbox, audience: str) -> None:
    bitquery_sandbox.allowed_audiences = ("https://api.example", "two")
    assert ask(bitquery_sandbox, form(bitquery_sandbox, audience=audience)).json()["scope"] == "api"


def test_the_scope_is_looked_at_before_the_audience(bitquery_sandbox: Sandbox) -> None:
    answer = ask(bitquery_sandbox, form(bitquery_sandbox, scope="nope", audience="https://other.example"))
    assert answer.json()["error"] == "invalid_scope"
