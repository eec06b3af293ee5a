"""The response of a token endpoint, parsed: a token, or one typed error that says what to do.

Bytes in, values out; nothing here sends or waits. RFC 6749 §5.1 and §5.2 say what a response should
hold. In practice (seven servers tried) only ``access_token`` is always there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from bitquery_auth._checks import MAX_SECONDS, check_access_token
from bitquery_auth._errors import (
    ConfigurationError,
    InvalidTokenResponseError,
    TokenEndpointError,
    is_retryable_status,
)
from bitquery_auth._secret import redact

MAX_BYTES = 1 << 20
"""No more of a response is read: no token response is longer."""

_OTHER_METHOD = re.compile(
    r"supports client authentication method '(\w+)'.{0,9}but method '\w+' was requested"
)
_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_TYPES_NO_BEARER_HEADER_CARRIES = frozenset({"dpop", "mac", "pop"})


class TokenResponse:
    """An HTTP response that was read.

    Args:
        status_code: Its status.
        headers: Its headers; names are found in any case.
        body: Its body, or the beginning of it.
        endpoint: The URL that was requested.
        is_truncated: Whether its body is longer than `MAX_BYTES`.
        secrets: What was sent and must not be shown, should the server quote it.
    """

    def __init__(
        self,
        status_code: int,
        headers: Mapping[str, str],
        body: bytes,
        endpoint: str,
        *,
        is_truncated: bool = False,
        secrets: tuple[str, ...] = (),
    ) -> None:
        self.status_code = status_code
        self.headers = headers
        self.body = body
        self.endpoint = endpoint
        self.is_truncated = is_truncated
        self.secrets = secrets

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return HTTPStatus.OK <= self.status_code < HTTPStatus.MULTIPLE_CHOICES

    @property
    def host(self) -> str:
        """Host and port that responded, for messages."""
        return urlsplit(self.endpoint).netloc

    def json_object(self) -> dict[str, Any] | None:
        """Return the members of its JSON object, or None if it is not one."""
        if self.is_truncated:
            return None
        try:
            members = json.loads(self.body)
        except (ValueError, RecursionError):  # also not UTF-8; nested too deep
            return None
        return members if isinstance(members, dict) else None


class ParsedToken(NamedTuple):
    """The members of a successful response that are used (RFC 6749 §5.1).

    Args:
        access_token: The token.
        token_type: ``Bearer``, or the type that the server named.
        scope: The granted scopes as sent, or None if the response has no scope.
        expires_in: Seconds, or None if the response does not say.
    """

    access_token: str
    token_type: str
    scope: str | None
    expires_in: float | None


_WRONG_URL = "This is not the response of a token endpoint: check token_endpoint."


def parse_token_response(
    response: TokenResponse, now: float, *, member: str = "access_token", hint: str | None = None
) -> ParsedToken:
    """Return the token of a response.

    Args:
        response: The response to a token request.
        now: Seconds since the epoch, for a ``Retry-After`` date.
        member: The name of the member that holds the token.
        hint: What to do where there is none. By default, to check the endpoint unless the body is
            an OAuth error.

    Raises:
        TokenEndpointError: It is not 2xx, or it is an error in spite of a 2xx.
        InvalidTokenResponseError: It is 2xx and holds no usable token.
    """
    members = response.json_object()
    if not response.is_success or (members or {}).get("error"):
        raise error_from_response(response, now, hint)
    if members is None:
        why = "it is longer than 1 MiB" if response.is_truncated else "it is not a JSON object"
        raise _unusable(response, why, hint)
    access_token = members.get(member)
    if not isinstance(access_token, str) or not access_token:
        raise _unusable(response, f"it has no {member}", hint)
    try:
        check_access_token(member, access_token)
    except ConfigurationError:
        raise _unusable(
            response, f"its {member} is not one that a header can carry", hint
        ) from None
    token_type = (_text(members.get("token_type")) or "").strip() or "Bearer"  # often missing
    if token_type.lower() in _TYPES_NO_BEARER_HEADER_CARRIES:
        raise _unusable(response, "its token_type is one that a bearer header cannot carry", hint)
    if token_type.lower() == "bearer":
        token_type = "Bearer"  # noqa: S105 - a type, not a secret
    scope = _text(members.get("scope"))
    if scope is not None:
        scope = redact(scope, (access_token,), limit=len(scope))  # it is logged
    return ParsedToken(access_token, token_type, scope, parse_seconds(members.get("expires_in")))


def parse_seconds(value: object) -> float | None:
    """Return a number of seconds that may be sent as a number or as text; None if it is neither.

    Values outside ±1000 years are clamped.
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:  # noqa: PLR0124 - NaN
        return None
    return float(max(-MAX_SECONDS, min(value, MAX_SECONDS)))


def error_from_response(
    response: TokenResponse, now: float, hint: str | None = None
) -> TokenEndpointError:
    """Build the error for an error response.

    Args:
        response: The response.
        now: Seconds since the epoch, for a ``Retry-After`` date.
        hint: As for `parse_token_response`.
    """
    members = response.json_object() or {}
    secrets = (*response.secrets, _text(members.get("access_token")) or "")
    error, description, uri = (
        redact(value, secrets) if (value := _text(members.get(name))) else None
        for name in ("error", "error_description", "error_uri")
    )
    message = f"{response.host} responded {response.status_code}"
    if error is None:
        description = uri = None
    else:
        message += f" {error}" + (f": {description}" if description else "")
    advice = _hint(response, error, description) or hint
    if advice is None:
        advice = "" if error else _default_hint(response.status_code)
    return TokenEndpointError(
        f"{message.rstrip('.')}. {advice}".rstrip(),
        error=error,
        error_description=description,
        error_uri=uri,
        status_code=response.status_code,
        retry_after=parse_retry_after(response.headers, now),
    )


def parse_retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds of a ``Retry-After`` header (RFC 9110 §10.2.3), or None if it has none.

    Args:
        headers: The headers of a response. A date in it counts from the server's own ``Date``.
        now: Seconds since the epoch, for a response without ``Date``.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), MAX_SECONDS)
    date = parse_http_date(value)
    if date is None:
        return None
    sent = parse_http_date(headers.get("Date", ""))
    return max(0.0, date - (now if sent is None else sent))


def parse_http_date(http_date: str) -> float | None:
    """Return the seconds since the epoch of an HTTP date, or None if it is not one."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - loaded by requests already

    try:
        date = parsedate_to_datetime(http_date)
    except (ValueError, OverflowError):
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()  # HTTP dates are in UTC


def _text(value: object) -> str | None:
    """Return a member in printable characters, or None if it is not text."""
    if not isinstance(value, str):
        return None
    return redact(value, limit=len(value))


def _unusable(response: TokenResponse, why: str, hint: str | None) -> InvalidTokenResponseError:
    return InvalidTokenResponseError(
        f"{response.host} responded {response.status_code}, but the response cannot be used: "
        f"{why}. {hint or _WRONG_URL}"
    )


# -- hints: what to do about an error --------------------------------------------------------------

_WRONG_TYPE = (
    "This application may not use the client-credentials grant: create one of type Automatic."
)
_HINTS = {
    "invalid_client": "Check client_id and client_secret: at Bitquery only applications of type "
    "Automatic have a secret, and the secret of a deleted application is no longer valid.",
    "invalid_scope": "Request a scope that the application may have: scope='api' at Bitquery, "
    "scope=None for none.",
    "unauthorized_client": _WRONG_TYPE,
    "invalid_grant": _WRONG_TYPE,
}
_REDIRECT = (
    "Redirects are not followed, because they would carry the credentials along: set the endpoint "
    "to the final URL."
)
_GATEWAY = (
    "This is not an OAuth error: a gateway may stand before the token endpoint and require a "
    "header (token_headers), such as an API key or a User-Agent."
)


def _default_hint(status: int) -> str:
    return _GATEWAY if status == HTTPStatus.FORBIDDEN else _WRONG_URL


def _hint(response: TokenResponse, error: str | None, description: str | None) -> str | None:
    status = response.status_code
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return _REDIRECT
    if supported := _OTHER_METHOD.search(description or ""):
        return f"Set token_endpoint_auth_method={supported[1]!r}."
    if error in _HINTS:
        return _HINTS[error]
    if is_retryable_status(status):
        return "This may pass: try again later."
    return None
