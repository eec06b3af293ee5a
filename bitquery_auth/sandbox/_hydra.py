"""The token and revocation endpoints of Ory Hydra: a request in, a response out, no I/O, no clock.

Order of the checks, error codes and wording follow Hydra's OAuth engine (``ory/hydra``, directory
``fosite``: ``access_request_handler.go``, ``client_authentication.go``, ``revoke_handler.go``,
``errors.go``), because a client's reaction to an error depends on all three. The responses of the
router in front of it are those of a running Hydra v2.3.0.
"""

from __future__ import annotations

import hmac
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from bitquery_auth.sandbox._forms import basic_credentials, parse_form, query_unescape
from bitquery_auth.sandbox._messages import Request, Response
from bitquery_auth.sandbox._tokens import IssuedToken, new_token_value

AuthMethod = Literal["client_secret_post", "client_secret_basic"]
"""How a client authenticates (RFC 7591 §2): in the form body, or in a Basic header."""

FORM_BODY: Final = "client_secret_post"
BASIC: Final = "client_secret_basic"

_NOT_STORED = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
_JSON = (("Content-Type", "application/json;charset=UTF-8"), *_NOT_STORED)

_UNDECODABLE = (
    "The client {part} in the HTTP authorization header could not be decoded from "
    "'application/x-www-form-urlencoded'."
)
_WRONG_METHOD = (
    "The OAuth 2.0 Client supports client authentication method '{registered}', but method "
    "'{used}' was requested. You must configure the OAuth 2.0 client's "
    "'token_endpoint_auth_method' value to accept '{used}'."
)


@dataclass(frozen=True, slots=True)
class Client:
    """A registered application."""

    client_id: str
    client_secret: str = field(repr=False)
    auth_method: AuthMethod
    scopes: tuple[str, ...]
    audiences: tuple[str, ...] = ()
    lifetime: float | None = None
    """Seconds that its tokens are valid; None: the sandbox's lifetime."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """A token that a client wants revoked."""

    client_id: str
    token: str = field(repr=False)


FindClient = Callable[[str], Client | None]
"""Returns the client with this id."""


@dataclass(frozen=True, slots=True)
class _ErrorKind:
    """One of fosite's errors. The hint is used where a check has no hint of its own."""

    code: str
    status: int
    description: str
    hint: str = ""


_INVALID_REQUEST = _ErrorKind(
    "invalid_request",
    400,
    "The request is missing a required parameter, includes an invalid parameter value, "
    "includes a parameter more than once, or is otherwise malformed.",
    "Make sure that the various parameters are correct, be aware of case sensitivity and trim "
    "your parameters. Make sure that the client you are using has exactly whitelisted the "
    "redirect_uri you specified.",
)
_INVALID_CLIENT = _ErrorKind(
    "invalid_client",
    401,
    "Client authentication failed (e.g., unknown client, no client authentication included, "
    "or unsupported authentication method).",
)
_INVALID_SCOPE = _ErrorKind(
    "invalid_scope", 400, "The requested scope is invalid, unknown, or malformed."
)
_UNAUTHORIZED_CLIENT = _ErrorKind(
    "unauthorized_client",
    400,
    "The client is not authorized to request a token using this method.",
)

_CLIENT_CREDENTIALS = ["client_credentials"]
_OTHER_GRANTS = [
    ["authorization_code"],
    ["refresh_token"],
    ["urn:ietf:params:oauth:grant-type:jwt-bearer"],
]
"""Grant types that Hydra supports and that the applications here may not use."""


def _go_error(status: int, text: str, *headers: tuple[str, str]) -> Response:
    """Return what Go's ``http.Error`` sends."""
    plain = (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"))
    return Response(status, (*headers, *plain), f"{text}\n".encode())


NOT_FOUND: Final = _go_error(404, "404 page not found")
"""The response of Hydra's router to a path that it does not know."""
_METHOD_NOT_ALLOWED = _go_error(405, "Method Not Allowed", ("Allow", "OPTIONS, POST"))
_OPTIONS = Response(200, (("Cache-Control", "private, no-cache, no-store, must-revalidate"),))


class _OAuthError(Exception):
    """A check failed."""

    def __init__(self, kind: _ErrorKind, hint: str = "") -> None:
        super().__init__(kind.code)
        self.kind = kind
        self.hint = hint or kind.hint


def respond_to_token_request(
    request: Request, find_client: FindClient, *, lifetime: float, now: float
) -> tuple[Response, IssuedToken | None]:
    """Respond at the token endpoint (RFC 6749 §4.4).

    Args:
        request: The request.
        find_client: Finds the registered clients.
        lifetime: Seconds that a token is valid if its client has no lifetime of its own.
        now: The time, in seconds.

    Returns:
        The response, and the token in it, if any, which the caller keeps.
    """
    if request.method != "POST":
        return _wrong_http_method(request), None
    try:
        client, scope = _check_token_request(request, find_client)
    except _OAuthError as error:
        return _error_response(error.kind, error.hint), None
    lifetime = lifetime if client.lifetime is None else client.lifetime
    token = IssuedToken(new_token_value(), client.client_id, scope, now + lifetime)
    body = {
        "access_token": token.value,
        "expires_in": _expires_in(lifetime),
        "scope": scope,
        "token_type": "bearer",
    }
    return Response(200, _JSON, _go_json(body)), token


def respond_to_revocation_request(
    request: Request, find_client: FindClient
) -> tuple[Response, Revocation | None]:
    """Respond at the revocation endpoint (RFC 7009).

    Returns:
        The response, and what to revoke, if anything. The response is the same for a token of
        this client, for one of another client and for an unknown token.
    """
    if request.method != "POST":
        return _wrong_http_method(request), None
    try:
        form = _check_form(request)
        client = _authenticate(request, form, find_client)
    except _OAuthError as error:
        # revoke_handler.go writes the error without the hint of the check that failed.
        return _error_response(error.kind, error.kind.hint), None
    return Response(200, _NOT_STORED), Revocation(client.client_id, form.get("token", ""))


def _wrong_http_method(request: Request) -> Response:
    return _OPTIONS if request.method == "OPTIONS" else _METHOD_NOT_ALLOWED


def _check_token_request(request: Request, find_client: FindClient) -> tuple[Client, str]:
    form = _check_form(request)
    grant_types = _split(form.get("grant_type", ""))
    if not grant_types:
        raise _OAuthError(_INVALID_REQUEST, "Request parameter 'grant_type' is missing")
    if grant_types not in [_CLIENT_CREDENTIALS, *_OTHER_GRANTS]:
        # Not `unsupported_grant_type`, and before the client is authenticated, as in fosite.
        raise _OAuthError(_INVALID_REQUEST)
    client = _authenticate(request, form, find_client)
    if grant_types != _CLIENT_CREDENTIALS:
        raise _OAuthError(
            _UNAUTHORIZED_CLIENT,
            f"The OAuth 2.0 Client is not allowed to use authorization grant '{grant_types[0]}'.",
        )
    scopes = dict.fromkeys(_split(form.get("scope", "")))
    for scope in scopes:
        if scope not in client.scopes:
            hint = f"The OAuth 2.0 Client is not allowed to request scope '{scope}'."
            raise _OAuthError(_INVALID_SCOPE, hint)
    for audience in _split(form.get("audience", "")):
        if audience not in client.audiences:
            raise _OAuthError(
                _INVALID_REQUEST,
                f"Requested audience '{audience}' has not been whitelisted by the "
                "OAuth 2.0 Client.",
            )
    return client, " ".join(scopes)


def _split(text: str) -> list[str]:
    """Split a list as fosite does: at spaces only, but other white space around an item goes."""
    return [item.strip() for item in text.split(" ") if item.strip()]


def _check_form(request: Request) -> dict[str, str]:
    form = parse_form(request)
    if not form:
        raise _OAuthError(_INVALID_REQUEST, "The POST body can not be empty.")
    return form


def _authenticate(request: Request, form: Mapping[str, str], find_client: FindClient) -> Client:
    basic = basic_credentials(request.headers.get("authorization", ""))
    if basic is not None:
        client_id, client_secret = _unescape(basic[0], "id"), _unescape(basic[1], "secret")
    elif form.get("client_id"):
        client_id, client_secret = form["client_id"], form.get("client_secret", "")
    else:
        raise _OAuthError(
            _INVALID_REQUEST,
            "Client credentials missing or malformed in both HTTP Authorization header and "
            "HTTP POST body.",
        )
    client = find_client(client_id)
    if client is None:
        raise _OAuthError(_INVALID_CLIENT)
    # Each method that is present is checked by itself, so both at once are never accepted.
    if form.get("client_id") and form.get("client_secret"):
        _check_method(client, FORM_BODY)
    if basic is not None and basic[1]:
        _check_method(client, BASIC)
    if not hmac.compare_digest(_raw(client_secret), _raw(client.client_secret)):
        raise _OAuthError(_INVALID_CLIENT)
    return client


def _unescape(raw: bytes, part: str) -> str:
    try:
        return query_unescape(raw)
    except ValueError:
        raise _OAuthError(_INVALID_REQUEST, _UNDECODABLE.format(part=part)) from None


def _check_method(client: Client, used: AuthMethod) -> None:
    if client.auth_method != used:
        hint = _WRONG_METHOD.format(registered=client.auth_method, used=used)
        raise _OAuthError(_INVALID_CLIENT, hint)


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _expires_in(lifetime: float) -> int:
    """Return the whole seconds left just after the token was issued: 3599 of 3600."""
    return math.ceil(lifetime) - 1 if lifetime > 0 else 0


def _error_response(kind: _ErrorKind, hint: str) -> Response:
    description = f"{kind.description} {hint}".rstrip().replace('"', "'")
    body = {"error": kind.code, "error_description": description}
    return Response(kind.status, _JSON, _go_json(body))


def _go_json(value: Mapping[str, object]) -> bytes:
    """Write JSON as Go's ``json.Marshal`` does: compact, UTF-8, and safe inside HTML."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text.encode("utf-8", "replace")
