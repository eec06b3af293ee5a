"""The OAuth endpoints, word for word as Ory Hydra responds.

`tests/contract` compares more of their responses with a running Hydra.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
import requests

from bitquery_auth.sandbox import Sandbox
from tests.sandbox.calls import call_api, new_token, request_token, token_form

INVALID_CLIENT = (
    "Client authentication failed (e.g., unknown client, no client authentication included, or "
    "unsupported authentication method)."
)
WRONG_METHOD = (
    " The OAuth 2.0 Client supports client authentication method '{0}', but method '{1}' was "
    "requested. You must configure the OAuth 2.0 client's 'token_endpoint_auth_method' value to "
    "accept '{1}'."
)
NO_CREDENTIALS = (
    "Client credentials missing or malformed in both HTTP Authorization header and HTTP POST body."
)
GENERAL_HINT = "has exactly whitelisted the redirect_uri you specified."
POST, BASIC = "client_secret_post", "client_secret_basic"
WRONG_SECRET = {"client_secret": "wrong"}
NOBODY = {"client_id": None, "client_secret": None}
REFRESH = {"grant_type": "refresh_token"}

Fields = Mapping[str, str | None]


def send_basic(
    sandbox: Sandbox, credentials: str | bytes, scheme: str = "Basic", **fields: str | None
) -> requests.Response:
    raw = credentials.encode() if isinstance(credentials, str) else credentials
    headers = {"Authorization": f"{scheme} {base64.b64encode(raw).decode()}"}
    form = token_form(sandbox, **(NOBODY | fields))
    return requests.post(sandbox.token_endpoint, form, headers=headers, timeout=10)


def assert_error(response: requests.Response, error: str, hint: str) -> None:
    body = response.json()
    assert list(body) == ["error", "error_description"]
    assert body["error"] == error
    assert body["error_description"].endswith(hint)
    assert response.status_code == (401 if error == "invalid_client" else 400)
    assert_headers_of_hydra(response)


def assert_headers_of_hydra(response: requests.Response) -> None:
    assert response.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Pragma"] == "no-cache"
    assert "WWW-Authenticate" not in response.headers


def test_a_token_response_has_the_shape_order_and_headers_of_hydras(sandbox: Sandbox) -> None:
    response = request_token(sandbox)
    assert response.status_code == 200
    assert re.fullmatch(
        r'\{"access_token":"ory_at_[\w-]{43}\.[\w-]{43}","expires_in":3599,"scope":"api",'
        r'"token_type":"bearer"\}',
        response.text,
    )
    assert_headers_of_hydra(response)


def test_every_request_gets_a_new_token_and_earlier_ones_stay_valid(sandbox: Sandbox) -> None:
    tokens = {new_token(sandbox) for _ in range(3)}
    assert [call_api(sandbox, token).status_code for token in tokens] == [200, 200, 200]


@pytest.mark.parametrize(
    ("lifetime", "expires_in"), [(3600, 3599), (3, 2), (3.5, 3), (0.5, 0), (0, 0), (-5, 0)]
)
def test_expires_in_is_what_is_left_just_after_issue_rounded_down(
    sandbox: Sandbox, lifetime: float, expires_in: int
) -> None:
    sandbox.lifetime = lifetime
    assert request_token(sandbox).json()["expires_in"] == expires_in


def test_generated_credentials_have_bitquerys_format() -> None:
    for _ in range(100):
        sandbox = Sandbox()
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", sandbox.client_id)
        assert re.fullmatch(r"[A-Za-z0-9_.~][A-Za-z0-9_.~-]{25}", sandbox.client_secret)


UNKNOWN_GRANT = {"grant_type": "urn:x"}
ERRORS: dict[str, tuple[Fields, str, str]] = {
    "wrong secret": (WRONG_SECRET, "invalid_client", INVALID_CLIENT),
    "no secret": ({"client_secret": None}, "invalid_client", INVALID_CLIENT),
    "unknown client": ({"client_id": "nobody"}, "invalid_client", INVALID_CLIENT),
    "no credentials": (NOBODY, "invalid_request", NO_CREDENTIALS),
    "no grant type and a wrong secret": (
        {"grant_type": None, **WRONG_SECRET},
        "invalid_request",
        "Request parameter 'grant_type' is missing",
    ),
    "unknown grant type": (UNKNOWN_GRANT | WRONG_SECRET, "invalid_request", GENERAL_HINT),
    "two grant types": (
        {"grant_type": "client_credentials password"},
        "invalid_request",
        GENERAL_HINT,
    ),
    "another grant type": (
        REFRESH,
        "unauthorized_client",
        "The OAuth 2.0 Client is not allowed to use authorization grant 'refresh_token'.",
    ),
    "another grant type and a wrong secret": (
        REFRESH | WRONG_SECRET,
        "invalid_client",
        INVALID_CLIENT,
    ),
    "scope before audience": (
        {"scope": "api nope other", "audience": "other"},
        "invalid_scope",
        "The OAuth 2.0 Client is not allowed to request scope 'nope'.",
    ),
    "scopes with a tab": (
        {"scope": "api\tread"},
        "invalid_scope",
        "The OAuth 2.0 Client is not allowed to request scope 'api\tread'.",
    ),
    "audience": (
        {"audience": "https://api.example other"},
        "invalid_request",
        "Requested audience 'other' has not been whitelisted by the OAuth 2.0 Client.",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_a_token_request_that_fails_gets_hydras_error(sandbox: Sandbox, case: str) -> None:
    sandbox.allowed_audiences = ("https://api.example",)
    fields, error, hint = ERRORS[case]
    assert_error(request_token(sandbox, **fields), error, hint)


@pytest.mark.parametrize(
    ("requested", "issued"),
    [(None, ""), ("", ""), (" ", ""), ("\tapi ", "api"), ("read  api read", "read api")],
)
@pytest.mark.parametrize("allowed", [("api", "read"), "api read"])
def test_a_token_has_each_scope_that_was_requested_once(
    sandbox: Sandbox, allowed: Any, requested: str | None, issued: str
) -> None:
    sandbox.allowed_scopes = allowed
    sandbox.allowed_audiences = ("https://api.example",)
    response = request_token(sandbox, scope=requested, audience="https://api.example")
    assert response.json()["scope"] == issued


def test_a_description_is_escaped_as_go_escapes_json(sandbox: Sandbox) -> None:
    response = request_token(sandbox, scope='<"&ü>')
    assert "request scope '\\u003c'\\u0026ü\\u003e'." in response.content.decode()


@pytest.mark.parametrize(("registered", "used"), [(POST, BASIC), (BASIC, POST)])
@pytest.mark.parametrize("secret", [None, "wrong"])
def test_the_other_method_is_an_error_whatever_the_secret_and_beside_the_right_one(
    sandbox: Sandbox, registered: Any, used: str, secret: str | None
) -> None:
    sandbox.token_endpoint_auth_method = registered
    secret = secret or sandbox.client_secret
    credentials = f"{sandbox.client_id}:{secret}"
    both = send_basic(sandbox, credentials, client_id=sandbox.client_id, client_secret=secret)
    by_form = request_token(sandbox, client_secret=secret)
    by_header = send_basic(sandbox, credentials)
    description = INVALID_CLIENT + WRONG_METHOD.format(registered, used)
    for response in (both, by_header if used == BASIC else by_form):
        assert_error(response, "invalid_client", description)


def test_an_unknown_client_is_reported_before_a_wrong_method(sandbox: Sandbox) -> None:
    assert_error(send_basic(sandbox, "nobody:x"), "invalid_client", INVALID_CLIENT)


@pytest.mark.parametrize("header", ["Basic !!!", "Basic bm9jb2xvbg==", "Basic", "Bearer x"])
def test_a_header_without_basic_credentials_does_not_count(sandbox: Sandbox, header: str) -> None:
    headers = {"Authorization": header}
    form = token_form(sandbox, **NOBODY)
    response = requests.post(sandbox.token_endpoint, form, headers=headers, timeout=10)
    assert_error(response, "invalid_request", NO_CREDENTIALS)


@pytest.mark.parametrize("send_form", ["params", "json", "data"])
def test_a_form_counts_only_in_a_body_with_its_content_type(
    sandbox: Sandbox, send_form: str
) -> None:
    form = token_form(sandbox)
    options: Any = {send_form: urlencode(form).encode() if send_form == "data" else form}
    response = requests.request("POST", sandbox.token_endpoint, timeout=10, **options)
    assert_error(response, "invalid_request", "The POST body can not be empty.")


def test_a_multipart_body_is_a_form_as_well(sandbox: Sandbox) -> None:
    files = {name: (None, value) for name, value in token_form(sandbox).items()}
    response = requests.post(sandbox.token_endpoint, files=files, timeout=10)
    assert response.json()["scope"] == "api"


def test_a_field_that_cannot_be_decoded_counts_as_missing(sandbox: Sandbox) -> None:
    body = f"{urlencode(token_form(sandbox, client_secret=None))}&&client_secret=%zz"
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    response = requests.post(sandbox.token_endpoint, body, headers=headers, timeout=10)
    assert_error(response, "invalid_client", INVALID_CLIENT)


def test_the_first_value_of_a_repeated_field_counts(sandbox: Sandbox) -> None:
    fields = [*token_form(sandbox).items(), ("client_secret", "wrong"), ("scope", "nope")]
    response = requests.post(sandbox.token_endpoint, fields, timeout=10)
    assert response.json()["scope"] == "api"


@pytest.mark.parametrize(
    ("secret", "status"),
    [("se:cret", 200), ("se%cret", 400), ("se%41cret", 401), ("se+cret", 401), ("se c/~ü", 200)],
)
def test_basic_credentials_are_decoded_as_form_encoded(
    sandbox: Sandbox, secret: str, status: int
) -> None:
    sandbox.token_endpoint_auth_method = "client_secret_basic"
    sandbox.client_secret = secret
    not_encoded = send_basic(sandbox, f"{sandbox.client_id}:{secret}")
    assert not_encoded.status_code == status
    if status == 400:
        assert not_encoded.json()["error_description"].endswith(
            "The client secret in the HTTP authorization header could not be decoded from "
            "'application/x-www-form-urlencoded'."
        )
    sandbox.client_id = "sp:ec%41+/ id ü"
    encoded = f"{quote_plus(sandbox.client_id)}:{quote_plus(secret)}"
    assert send_basic(sandbox, encoded, "basic").status_code == 200
    assert send_basic(sandbox, encoded.replace("+", "%20"), "BASIC").status_code == 200


def test_basic_credentials_in_latin_1_are_not_accepted(sandbox: Sandbox) -> None:
    sandbox.token_endpoint_auth_method = "client_secret_basic"
    sandbox.client_secret = "sücret"
    credentials = f"{sandbox.client_id}:sücret".encode("latin-1")
    assert send_basic(sandbox, credentials).status_code == 401


PATHS = ("/oauth2/token", "/oauth2/revoke")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE"])
def test_methods_other_than_post_are_not_allowed(sandbox: Sandbox, method: str, path: str) -> None:
    response = requests.request(method, sandbox.url + path, data={"token": "x"}, timeout=10)
    assert response.status_code == 405
    assert response.text == ("" if method == "HEAD" else "Method Not Allowed\n")
    assert response.headers["Allow"] == "OPTIONS, POST"
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert sandbox.token_requests + sandbox.revocation_requests == 1


@pytest.mark.parametrize("path", PATHS)
def test_options_get_an_empty_response(sandbox: Sandbox, path: str) -> None:
    response = requests.options(sandbox.url + path, timeout=10)
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("path", ["/oauth2/token/other", "/other", "/"])
def test_another_path_is_not_found(sandbox: Sandbox, path: str) -> None:
    response = requests.post(sandbox.url + path, timeout=10)
    assert (response.status_code, response.text) == (404, "404 page not found\n")
