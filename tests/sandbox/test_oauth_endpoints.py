"""The OAuth endpoints, word for word as Ory Hydra responds; `tests/contract` compares with it."""

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
GENERAL_HINT = "has exactly whitelisted the redirect_uri you specified."
POST, BASIC = "client_secret_post", "client_secret_basic"
WRONG_SECRET = {"client_secret": "wrong"}
NOBODY = {"client_id": None, "client_secret": None}
REFRESH = {"grant_type": "refresh_token"}


def basic(client_id: str, secret: str, encoding: str = "utf-8", scheme: str = "Basic") -> str:
    return f"{scheme} {base64.b64encode(f'{client_id}:{secret}'.encode(encoding)).decode()}"


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


# -- tokens ----------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("requested", "issued"),
    [(None, ""), (" ", ""), ("\tapi ", "api"), ("read  api read", "read api")],
)
@pytest.mark.parametrize("allowed", [("api", "read"), "api read"])
def test_a_token_has_each_scope_that_was_requested_once(
    sandbox: Sandbox, allowed: Any, requested: str | None, issued: str
) -> None:
    sandbox.allowed_scopes = allowed
    sandbox.allowed_audiences = ("https://api.example",)
    response = request_token(sandbox, scope=requested, audience="https://api.example")
    assert response.json()["scope"] == issued


# -- errors ----------------------------------------------------------------------------------------

BAD_CLIENT = ("invalid_client", INVALID_CLIENT)
BAD_REQUEST = ("invalid_request", GENERAL_HINT)
NO_CREDENTIALS = (
    "invalid_request",
    "Client credentials missing or malformed in both HTTP Authorization header and HTTP POST body.",
)
NO_GRANT_TYPE = ("invalid_request", "Request parameter 'grant_type' is missing")
NOT_ALLOWED = "The OAuth 2.0 Client is not allowed to "
BAD_GRANT = ("unauthorized_client", f"{NOT_ALLOWED}use authorization grant 'refresh_token'.")
BAD_SCOPE = ("invalid_scope", f"{NOT_ALLOWED}request scope 'nope'.")
BAD_SCOPE_WITH_TAB = ("invalid_scope", f"{NOT_ALLOWED}request scope 'api\tread'.")
BAD_AUDIENCE = (
    "invalid_request",
    "Requested audience 'other' has not been whitelisted by the OAuth 2.0 Client.",
)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        (WRONG_SECRET, BAD_CLIENT),
        ({"client_secret": None}, BAD_CLIENT),
        ({"client_id": "nobody"}, BAD_CLIENT),
        (NOBODY | {"authorization": basic("nobody", "x")}, BAD_CLIENT),
        (NOBODY, NO_CREDENTIALS),
        (NOBODY | {"authorization": "Basic !!!"}, NO_CREDENTIALS),
        (NOBODY | {"authorization": "Basic bm9jb2xvbg=="}, NO_CREDENTIALS),
        (NOBODY | {"authorization": "Basic  YTpi"}, NO_CREDENTIALS),
        (NOBODY | {"authorization": "Bearer x"}, NO_CREDENTIALS),
        ({"grant_type": None, **WRONG_SECRET}, NO_GRANT_TYPE),
        ({"grant_type": "urn:x", **WRONG_SECRET}, BAD_REQUEST),
        ({"grant_type": "client_credentials password"}, BAD_REQUEST),
        (REFRESH, BAD_GRANT),
        (REFRESH | WRONG_SECRET, BAD_CLIENT),
        ({"scope": "api nope other", "audience": "other"}, BAD_SCOPE),
        ({"scope": "api\tread"}, BAD_SCOPE_WITH_TAB),
        ({"audience": "https://api.example other"}, BAD_AUDIENCE),
    ],
)
def test_a_token_request_that_fails_gets_hydras_error(
    sandbox: Sandbox, fields: Mapping[str, str | None], error: tuple[str, str]
) -> None:
    sandbox.allowed_audiences = ("https://api.example",)
    assert_error(request_token(sandbox, **fields), *error)


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
    header = basic(sandbox.client_id, secret)
    both = request_token(sandbox, header, client_secret=secret)
    by_header = request_token(sandbox, header, **NOBODY)
    by_form = request_token(sandbox, client_secret=secret)
    description = INVALID_CLIENT + WRONG_METHOD.format(registered, used)
    for response in (both, by_header if used == BASIC else by_form):
        assert_error(response, "invalid_client", description)
    no_secret = request_token(sandbox, basic(sandbox.client_id, ""), **NOBODY)
    assert_error(no_secret, *BAD_CLIENT)


# -- encodings -------------------------------------------------------------------------------------


@pytest.mark.parametrize("send_form", ["params", "json", "data"])
@pytest.mark.parametrize("endpoint", ["token_endpoint", "revocation_endpoint"])
def test_a_form_counts_only_in_a_body_with_its_content_type(
    sandbox: Sandbox, endpoint: str, send_form: str
) -> None:
    form = token_form(sandbox)
    options: Any = {send_form: urlencode(form).encode() if send_form == "data" else form}
    response = requests.request("POST", getattr(sandbox, endpoint), timeout=10, **options)
    is_token = endpoint == "token_endpoint"
    hint = "The POST body can not be empty." if is_token else GENERAL_HINT
    assert_error(response, "invalid_request", hint)


def test_a_form_is_decoded_as_go_decodes_it(sandbox: Sandbox) -> None:
    form = token_form(sandbox)
    files = {name: (None, value) for name, value in form.items()}
    repeated = [*form.items(), ("client_secret", "wrong"), ("scope", "nope")]
    for response in (
        requests.post(sandbox.token_endpoint, files=files, timeout=10),
        requests.post(sandbox.token_endpoint, repeated, timeout=10),
    ):
        assert response.json()["scope"] == "api"
    undecodable = f"{urlencode(token_form(sandbox, client_secret=None))}&&client_secret=%zz"
    headers = {"Content-Type": "Application/X-WWW-Form-URLencoded ; charset=UTF-8"}
    response = requests.post(sandbox.token_endpoint, undecodable, headers=headers, timeout=10)
    assert_error(response, "invalid_client", INVALID_CLIENT)


@pytest.mark.parametrize(
    ("secret", "status"),
    [("se:cret", 200), ("se%cret", 400), ("se%41cret", 401), ("se+cret", 401), ("se c/~ü", 200)],
)
def test_basic_credentials_are_decoded_as_form_encoded(
    sandbox: Sandbox, secret: str, status: int
) -> None:
    sandbox.token_endpoint_auth_method = "client_secret_basic"
    sandbox.client_secret = secret
    not_encoded = request_token(sandbox, basic(sandbox.client_id, secret), **NOBODY)
    assert not_encoded.status_code == status
    if status == 400:
        assert not_encoded.json()["error_description"].endswith(
            "The client secret in the HTTP authorization header could not be decoded from "
            "'application/x-www-form-urlencoded'."
        )
    latin_1 = request_token(sandbox, basic(sandbox.client_id, secret, "latin-1"), **NOBODY)
    assert latin_1.status_code == (401 if "ü" in secret else status)
    sandbox.client_id = "sp:ec%41+/ id ü"
    encoded = quote_plus(sandbox.client_id), quote_plus(secret)
    assert request_token(sandbox, basic(*encoded, scheme="basic"), **NOBODY).ok
    with_spaces = (text.replace("+", "%20") for text in encoded)
    assert request_token(sandbox, basic(*with_spaces, scheme="BASIC"), **NOBODY).ok


@pytest.mark.parametrize("path", ["/oauth2/token", "/oauth2/revoke"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS"])
def test_methods_other_than_post_are_not_allowed(sandbox: Sandbox, method: str, path: str) -> None:
    response = requests.request(method, sandbox.url + path, data={"token": "x"}, timeout=10)
    assert sandbox.token_requests + sandbox.revocation_requests == 1
    if method == "OPTIONS":
        assert (response.status_code, response.content) == (200, b"")
        return
    assert response.status_code == 405
    assert response.text == ("" if method == "HEAD" else "Method Not Allowed\n")
    assert response.headers["Allow"] == "OPTIONS, POST"
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_another_path_is_not_found(sandbox: Sandbox) -> None:
    response = requests.post(f"{sandbox.token_endpoint}/other", timeout=10)
    assert (response.status_code, response.text) == (404, "404 page not found\n")


# -- revocation (RFC 7009) -------------------------------------------------------------------------

OTHER: dict[str, str | None] = {"client_id": "other", "client_secret": "other-secret"}


def revoke(sandbox: Sandbox, data: Any, **options: Any) -> requests.Response:
    return requests.post(sandbox.revocation_endpoint, data, timeout=10, **options)


def credentials(sandbox: Sandbox) -> dict[str, str]:
    return {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret}


def api_statuses(sandbox: Sandbox, *tokens: str) -> list[int]:
    return [call_api(sandbox, token).status_code for token in tokens]


def test_a_revocation_ends_only_the_clients_own_token_and_does_not_tell_which_there_are(
    sandbox: Sandbox,
) -> None:
    sandbox.add_client("other", "other-secret")
    revoked, another, of_other = (new_token(sandbox, **client) for client in ({}, {}, OTHER))
    for token in (revoked, revoked, "ory_at_unknown", of_other, None):
        fields = {} if token is None else {"token": token}
        response = revoke(sandbox, fields | credentials(sandbox))
        assert (response.status_code, response.content) == (200, b"")
        assert "Content-Type" not in response.headers
        assert response.headers["Cache-Control"] == "no-store"
    assert sandbox.revocation_requests == 5
    assert api_statuses(sandbox, revoked, another, of_other) == [401, 200, 200]


def test_a_revocation_without_valid_credentials_fails_without_a_hint(sandbox: Sandbox) -> None:
    fields = {"token": new_token(sandbox)}
    wrong_method = revoke(sandbox, fields, auth=tuple(credentials(sandbox).values()))
    wrong_secret = revoke(sandbox, fields | credentials(sandbox) | {"client_secret": "wrong"})
    for response in (wrong_method, wrong_secret):
        assert response.status_code == 401
        assert response.json() == {"error": "invalid_client", "error_description": INVALID_CLIENT}
    assert_error(revoke(sandbox, fields), "invalid_request", GENERAL_HINT)
    assert api_statuses(sandbox, fields["token"]) == [200]


def test_revoke_all_ends_the_tokens_issued_so_far(sandbox: Sandbox) -> None:
    tokens = [new_token(sandbox) for _ in range(3)]
    sandbox.revoke_all()
    assert api_statuses(sandbox, *tokens, new_token(sandbox)) == [401, 401, 401, 200]


def test_an_application_is_rejected_while_it_is_revoked_and_a_deleted_ones_tokens_are_revoked(
    sandbox: Sandbox,
) -> None:
    sandbox.add_client("other", "other-secret")
    tokens = new_token(sandbox), new_token(sandbox, **OTHER)
    sandbox.revoked_client = True
    assert request_token(sandbox).json()["error_description"] == INVALID_CLIENT
    assert api_statuses(sandbox, *tokens) == [401, 200]
    sandbox.revoked_client = False
    assert api_statuses(sandbox, *tokens) == [200, 200]
    sandbox.delete_application()
    assert sandbox.revoked_client
    sandbox.revoked_client = False
    assert api_statuses(sandbox, *tokens) == [401, 200]
