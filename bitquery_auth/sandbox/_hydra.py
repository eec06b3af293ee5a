"""The token and revocation endpoints of Ory Hydra: a request in, an answer out, no I/O and no clock.

Order of the checks, error codes and wording follow Hydra's OAuth engine (``ory/hydra``, directory
``fosite``: ``access_request_handler.go``, ``client_authentication.go``, ``revoke_handler.go``,
``errors.go``), because what a client makes of an error depends on all three. What the router in
front of it answers is that of a running Hydra v2.3.0.
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

__all__ = [
    "BASIC",
    "FORM_BODY",
    "NOT_FOUND",
    "AuthMethod",
    "Client",
    "answer_revocation_request",
    "answer_token_request",
]

AuthMethod = Literal["client_secret_post", "client_secret_basic"]
"""How a client proves itself (RFC 7591 §2): in the form body, or in a Basic header."""

FORM_BODY: Final = "client_secret_post"
BASIC: Final = "client_secret_basic"

_NOT_STORED = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
_JSON = (("Content-Type", "application/json;charset=UTF-8"), *_NOT_STORED)

_UNDECODABLE = (
    "The client {part} in the HTTP authorization header could not be decoded from 'application/x-www-form-urlencoded'."
)
_WRONG_METHOD = (
    "The OAuth 2.0 Client supports client authentication method '{registered}', but method '{used}' was requested. "
    "You must configure the OAuth 2.0 client's 'token_endpoint_auth_method' value to accept '{used}'."
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
    """Seconds that its tokens live; None: as long as everyone's."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """A token that a client wants revoked."""

    client_id: str
    token: str = field(repr=False)


FindClient = Callable[[str], Client | None]
"""Looks a client up by its id."""


@dataclass(frozen=True, slots=True)
class _ErrorKind:
    """One of fosite's errors: its code, its status, and what it says; the hint only where none is more exact."""

    code: str
    status: int
    description: str
    general_hint: str = ""


_INVALID_REQUEST = _ErrorKind(
    "invalid_request",
    400,
    "The request is missing a required parameter, includes an invalid parameter value, "
    "includes a parameter more than once, or is otherwise malformed.",
    "Make sure that the various parameters are correct, be aware of case sensitivity and trim your parameters. "
    "Make sure that the client you are using has exactly whitelisted the redirect_uri you specified.",
)
_INVALID_CLIENT = _ErrorKind(
    "invalid_client",
    401,
    "Client authentication failed (e.g., unknown client, no client authentication included, "
    "or unsupported authentication method).",
)
_INVALID_SCOPE = _ErrorKind("invalid_scope", 400, "The requested scope is invalid, unknown, or malformed.")
_UNAUTHORIZED_CLIENT = _ErrorKind(
    "unauthorized_client", 400, "The client is not authorized to request a token using this method."
)

_GRANTS_OF_OTHERS = ("authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:jwt-bearer")
"""Grants that Hydra knows, and applications here may not use."""


def _go_error(status: int, text: str, *headers: tuple[str, str]) -> Response:
    """Answer as Go's ``http.Error`` does."""
    plain = (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"))
    return Response(status, (*headers, *plain), f"{text}\n".encode())


NOT_FOUND: Final = _go_error(404, "404 page not found")
"""What Hydra's router answers at a path that it does not know."""
_WRONG_HTTP_METHOD = _go_error(405, "Method Not Allowed", ("Allow", "OPTIONS, POST"))
_OPTIONS = Response(200, (("Cache-Control", "private, no-cache, no-store, must-revalidate"),))


class _RefusedError(Exception):
    def __init__(self, kind: _ErrorKind, hint: str = "") -> None:
        super().__init__(kind.code)
        self.kind = kind
        self.hint = hint or kind.general_hint


def answer_token_request(
    request: Request, find_client: FindClient, *, lifetime: float, now: float
) -> tuple[Response, IssuedToken | None]:
    """Answer at the token endpoint (RFC 6749 §4.4).

    Args:
        request: What was sent.
        find_client: The registered clients.
        lifetime: How long a token lives, in seconds, where the client has no lifetime of its own.
        now: The time, in seconds.

    Returns:
        The answer, and the token that it hands out, if any: the caller keeps it.
    """
    if request.method != "POST":
        return _routed_otherwise(request), None
    try:
        client, scope = _check_token_request(request, find_client)
    except _RefusedError as refused:
        return _refusal(refused.kind, refused.hint), None
    lifetime = lifetime if client.lifetime is None else client.lifetime
    token = IssuedToken(new_token_value(), client.client_id, scope, now + lifetime)
    answer = {
        "access_token": token.value,
        "expires_in": _expires_in(lifetime),
        "scope": scope,
        "token_type": "bearer",
    }
    return Response(200, _JSON, _go_json(answer)), token


def answer_revocation_request(request: Request, find_client: FindClient) -> tuple[Response, Revocation | None]:
    """Answer at the revocation endpoint (RFC 7009).

    Returns:
        The answer, and what to revoke, if anything. The answer is the same for a token of this
        client, of another, and of nobody.
    """
    if request.method != "POST":
        return _routed_otherwise(request), None
    try:
        form = _check_form(request)
        client = _authenticate(request, form, find_client)
    except _RefusedError as refused:
        # revoke_handler.go writes the bare error and leaves the particulars out.
        return _refusal(refused.kind, refused.kind.general_hint), None
    return Response(200, _NOT_STORED), Revocation(client.client_id, form.get("token", ""))


def _routed_otherwise(request: Request) -> Response:
    """Answer what never reaches the endpoint behind the router."""
    return _OPTIONS if request.method == "OPTIONS" else _WRONG_HTTP_METHOD


def _check_token_request(request: Request, find_client: FindClient) -> tuple[Client, str]:
    form = _check_form(request)
    grant_types = _listed(form.get("grant_type", ""))
    if not grant_types:
        raise _RefusedError(_INVALID_REQUEST, "Request parameter 'grant_type' is missing")
    if grant_types != ["client_credentials"] and (len(grant_types) > 1 or grant_types[0] not in _GRANTS_OF_OTHERS):
        # Before the client is looked at, and not `unsupported_grant_type`: no handler took it.
        raise _RefusedError(_INVALID_REQUEST)
    client = _authenticate(request, form, find_client)
    if grant_types != ["client_credentials"]:
        hint = f"The OAuth 2.0 Client is not allowed to use authorization grant '{grant_types[0]}'."
        raise _RefusedError(_UNAUTHORIZED_CLIENT, hint)
    scopes = dict.fromkeys(_listed(form.get("scope", "")))
    for scope in scopes:
        if scope not in client.scopes:
            hint = f"The OAuth 2.0 Client is not allowed to request scope '{scope}'."
            raise _RefusedError(_INVALID_SCOPE, hint)
    for audience in _listed(form.get("audience", "")):
        if audience not in client.audiences:
            hint = f"Requested audience '{audience}' has not been whitelisted by the OAuth 2.0 Client."
            raise _RefusedError(_INVALID_REQUEST, hint)
    return client, " ".join(scopes)


def _listed(text: str) -> list[str]:
    """Take a list apart as fosite does: only spaces separate, but none of any kind stays around an item."""
    return [item.strip() for item in text.split(" ") if item.strip()]


def _check_form(request: Request) -> dict[str, str]:
    form = parse_form(request)
    if not form:
        raise _RefusedError(_INVALID_REQUEST, "The POST body can not be empty.")
    return form


def _authenticate(request: Request, form: Mapping[str, str], find_client: FindClient) -> Client:
    basic = basic_credentials(request.headers.get("authorization", ""))
    if basic is None:
        client_id, client_secret = form.get("client_id", ""), form.get("client_secret", "")
        if not client_id:
            hint = "Client credentials missing or malformed in both HTTP Authorization header and HTTP POST body."
            raise _RefusedError(_INVALID_REQUEST, hint)
    else:
        client_id, client_secret = _unescape(basic[0], "id"), _unescape(basic[1], "secret")
    client = find_client(client_id)
    if client is None:
        raise _RefusedError(_INVALID_CLIENT)
    # Each style that is present is judged by itself, so that both at once never pass.
    if form.get("client_id") and form.get("client_secret"):
        _check_method(client, FORM_BODY)
    if basic is not None and basic[1]:
        _check_method(client, BASIC)
    if not hmac.compare_digest(_raw(client_secret), _raw(client.client_secret)):
        raise _RefusedError(_INVALID_CLIENT)
    return client


def _unescape(raw: bytes, part: str) -> str:
    try:
        return query_unescape(raw)
    except ValueError:
        raise _RefusedError(_INVALID_REQUEST, _UNDECODABLE.format(part=part)) from None


def _check_method(client: Client, used: AuthMethod) -> None:
    if client.auth_method != used:
        raise _RefusedError(_INVALID_CLIENT, _WRONG_METHOD.format(registered=client.auth_method, used=used))


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _expires_in(lifetime: float) -> int:
    """Give the whole seconds left just after issue: rounded down, so one less than a whole lifetime."""
    return math.ceil(lifetime) - 1 if lifetime > 0 else 0


def _refusal(kind: _ErrorKind, hint: str) -> Response:
    description = f"{kind.description} {hint}".rstrip().replace('"', "'")
    return Response(kind.status, _JSON, _go_json({"error": kind.code, "error_description": description}))


def _go_json(value: Mapping[str, object]) -> bytes:
    """Write JSON as Go's ``json.Marshal`` does: compact, UTF-8, and safe inside HTML."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text.encode("utf-8", "replace")
