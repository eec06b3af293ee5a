"""What carries a token: a header's value, which shows itself nowhere, or the URL of a WebSocket."""

from __future__ import annotations

from typing import Any, Self
from urllib.parse import SplitResult, quote

from bitquery_auth._checks import check_header_text, is_loopback, split_url
from bitquery_auth._errors import ConfigurationError
from bitquery_auth._token import Shared, Token


class _Hidden(Shared):
    """What shows itself in no repr and no pickle."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<hidden>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (str, ("<hidden>",)) if isinstance(self, str) else (bytes, (b"<hidden>",))


class HeaderBytes(_Hidden, bytes):
    """A header's value as httpx keeps it."""


class HeaderValue(_Hidden, str):  # noqa: SLOT000 - it has attributes
    """A header's value with a token in it.

    requests keeps it as it is, so that a later look at the header tells whether it still is the one
    that was placed there, or a netrc's. httpx keeps what it encodes to.

    Args:
        prefix: What stands before the token: the scheme and a space, or nothing.
        token: The token.
    """

    access_token: str
    _encoded: HeaderBytes

    def __new__(cls, prefix: str, token: Token) -> Self:
        value = super().__new__(cls, prefix + token.access_token)
        value.access_token = token.access_token
        value._encoded = HeaderBytes(str.encode(value, "ascii"))
        return value

    def encode(self, encoding: str = "ascii", errors: str = "strict") -> bytes:  # noqa: ARG002 - it is ASCII in any
        """Give the bytes, hidden as well."""
        return self._encoded


def websocket_url(url: str, token: Token | str) -> str:
    """Put a token into the URL of a WebSocket: Bitquery takes it there, and nowhere else.

    Whoever logs the URL logs the token.

    Args:
        url: ``wss://…``, or ``ws://`` on loopback.
        token: A `Token` or its string.

    Returns:
        The URL with ``token=`` in its query, in place of one that was there.

    Raises:
        ConfigurationError: the URL is none of a WebSocket, or its connection would not be encrypted.
    """
    try:
        parts = split_url(check_header_text("url", url))
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    if parts.scheme not in {"wss", "ws"} or not parts.hostname:
        raise ConfigurationError("url must be that of a WebSocket: wss://host/path.")
    if parts.scheme == "ws" and not is_loopback(parts.hostname):
        raise ConfigurationError("url must be wss: the token would cross the network readable.")
    access_token = check_header_text("token", token.access_token if isinstance(token, Token) else token)
    kept = [field for field in parts.query.split("&") if field and field.partition("=")[0] != "token"]
    return parts._replace(query="&".join([*kept, f"token={quote(access_token, safe='')}"])).geturl()
