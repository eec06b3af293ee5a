"""A token endpoint's answer, judged: a grant to use, or one typed error that says what to do.

Bytes and numbers in, values out; nothing here sends or waits. RFC 6749 §5.1 and §5.2 say what an
answer should be, and facts from seven servers say what it is: no member but ``access_token`` can
be relied on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus, urlsplit

from bitquery_auth._checks import MAX_SECONDS, check_header_text
from bitquery_auth._errors import ConfigurationError, InvalidTokenResponseError, TokenEndpointError

MOST_BYTES = 1 << 20
"""No token answer is longer; more is not read."""

_MOST_WORDS = 500
_OTHER_METHOD = re.compile(r"supports client authentication method '(\w+)'.{0,9}but method '\w+' was requested")
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_UNUSABLE_TYPES = frozenset({"dpop", "mac", "pop"})


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read.

    Args:
        status_code: Its status.
        headers: Its headers, whatever the case of their names.
        body: Its body, or the beginning.
        endpoint: The URL that was asked.
        truncated: Whether there was more of it than `MOST_BYTES`.
        secrets: What was sent and must not come out, should the server quote it.
    """

    status_code: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    endpoint: str
    truncated: bool = False
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def successful(self) -> bool:
        """Whether the status is 2xx."""
        return HTTPStatus.OK <= self.status_code < HTTPStatus.MULTIPLE_CHOICES

    @property
    def host(self) -> str:
        """Host and port that answered, for messages."""
        return urlsplit(self.endpoint).netloc


@dataclass(frozen=True, slots=True, repr=False)
class TokenAnswer:
    """The members of a good answer that are used (RFC 6749 §5.1); `expires_in` in seconds, or None."""

    access_token: str
    token_type: str
    scope: str | None
    expires_in: float | None


_NOT_ONE = "That is no answer of a token endpoint: check token_endpoint."


def judge(answer: Answer, now: float, *, member: str = "access_token", advice: str | None = None) -> TokenAnswer:
    """Take the token out of an answer.

    Args:
        answer: The answer to a token request.
        now: The wall clock, in seconds since the epoch, for a ``Retry-After`` date.
        member: What the token's member is called.
        advice: What to tell whoever gets no token; None: to check the endpoint, unless the answer is one of such.

    Raises:
        TokenEndpointError: it is not 2xx, or it is an error in spite of a 2xx.
        InvalidTokenResponseError: it is 2xx and holds no token that could be used.
    """
    if not answer.successful:
        raise refusal(answer, now, advice)
    members = _json_object(answer)
    if members is None:
        raise _unusable(answer, "it is longer than 1 MiB" if answer.truncated else "it is not a JSON object", advice)
    if members.get("error"):
        raise refusal(answer, now, advice)
    access_token = members.get(member)
    if not isinstance(access_token, str) or not access_token:
        raise _unusable(answer, f"it has no {member}", advice)
    try:
        check_header_text("access_token", access_token)
    except ConfigurationError:
        raise _unusable(answer, f"its {member} holds what no header can carry", advice) from None
    token_type = members.get("token_type")
    if not isinstance(token_type, str) or not token_type:
        token_type = "Bearer"  # noqa: S105 - required by RFC 6749 §5.1, and yet often missing or null
    if token_type.lower() in _UNUSABLE_TYPES:
        raise _unusable(answer, "its token_type is one that a bearer header cannot carry", advice)
    secrets = _secrets(answer, members)
    scope = members.get("scope")
    return TokenAnswer(
        access_token=access_token,
        token_type="Bearer" if token_type.lower() == "bearer" else _words(token_type, secrets) or "Bearer",
        scope="" if scope == "" else _words(scope, secrets),
        expires_in=seconds_in(members.get("expires_in")),
    )


def seconds_in(value: object) -> float | None:
    """Read a number of seconds as servers send it: int, float or numeric string; None if it is none of these.

    What no clock can hold is brought down to what one can.
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:  # noqa: PLR0124 - NaN
        return None
    return float(max(-MAX_SECONDS, min(value, MAX_SECONDS)))


def refusal(answer: Answer, now: float, advice: str | None = None) -> TokenEndpointError:
    """Say what an error answer says, and what to do about it: what `judge` is told to advise, if nothing better."""
    members = _json_object(answer) or {}
    secrets = _secrets(answer, members)
    error, description, uri = (
        _words(members.get(name), secrets) for name in ("error", "error_description", "error_uri")
    )
    if error is None:
        description = uri = None
    if advice is None:
        advice = _NOT_ONE if error is None else ""
    said = f"{answer.host} answered {answer.status_code}"
    if error is not None:
        said += f" {error}" + (f": {description}" if description else "")
    way_out = _way_out(answer, error, description) or advice
    return TokenEndpointError(
        f"{said.rstrip('.')}. {way_out}".rstrip(),
        error=error,
        error_description=description,
        error_uri=uri,
        status_code=answer.status_code,
        retry_after=_retry_after(answer, now),
    )


def _way_out(answer: Answer, error: str | None, description: str | None) -> str:
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status_code < HTTPStatus.BAD_REQUEST:
        target = _host(_words(answer.headers.get("Location"), answer.secrets) or "")  # parsed, a secret may be in parts
        return (
            f"A redirect{f' to {target}' if target else ''} is not followed: the credentials would go along. "
            f"Give the endpoint's final URL."
        )
    if other := _OTHER_METHOD.search(description or ""):
        return f"Set token_endpoint_auth_method={other[1]!r}."
    if error in _WAYS_OUT:
        return _WAYS_OUT[error]
    if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS or answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "That may pass: try again later."
    return ""


_NO_GRANT = "This application may not use the client-credentials grant: create one of type Automatic."
_WAYS_OUT = {
    "invalid_client": "Check client_id and client_secret: at Bitquery only applications of type Automatic have a "
    "secret, and a deleted application has none any more.",
    "invalid_scope": "Ask for a scope that the application may have: scope='api' at Bitquery, scope=None for none.",
    "unauthorized_client": _NO_GRANT,
    "invalid_grant": _NO_GRANT,
}


def _unusable(answer: Answer, why: str, advice: str | None) -> InvalidTokenResponseError:
    return InvalidTokenResponseError(f"{answer.host} answered {answer.status_code}, but {why}. {advice or _NOT_ONE}")


def _json_object(answer: Answer) -> dict[str, Any] | None:
    if answer.truncated:
        return None
    try:
        members = json.loads(answer.body)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, a number of 5000 digits; nested too deep
        return None
    return members if isinstance(members, dict) else None


def _secrets(answer: Answer, members: dict[str, Any]) -> tuple[str, ...]:
    """What was sent, and any token that came, whatever its kind: the server may quote both."""
    tokens = [value for name, value in members.items() if name.endswith("token") and isinstance(value, str) and value]
    return *answer.secrets, *tokens, *map(quote_plus, tokens)


def _words(value: object, secrets: tuple[str, ...]) -> str | None:
    """Keep a server's words short, in one line and free of secrets, as they end up in logs."""
    if not isinstance(value, str) or not value:
        return None
    for secret in secrets:
        value = value.replace(secret, "<hidden>")
    return printable(value)


def printable(text: str) -> str:
    """Keep a text short and in one line."""
    return "".join(char if char.isprintable() else " " for char in text[:_MOST_WORDS])


def _host(location: str) -> str:
    try:
        parts = urlsplit(location)
        _ = parts.port  # raises where it is no number
    except ValueError:
        return ""
    # With one more behind the authority, what looks like the host may be the beginning of a password.
    return "" if "@" in parts.path + parts.query + parts.fragment else parts.netloc.rpartition("@")[2]


def _retry_after(answer: Answer, now: float) -> float | None:
    value = answer.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), MAX_SECONDS)
    try:
        date = parsedate_to_datetime(value)
        date = date if date.tzinfo else date.replace(tzinfo=UTC)  # HTTP dates are Greenwich's (RFC 9110 §5.6.7)
        return max(0.0, date.timestamp() - now)
    except (ValueError, OverflowError):
        return None
