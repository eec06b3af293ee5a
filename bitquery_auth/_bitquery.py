"""What is Bitquery's: its endpoints, how it rejects a token, and where a token goes into a URL.

Source: https://docs.bitquery.io/docs/authorization/.
"""

from __future__ import annotations

from urllib.parse import SplitResult, quote, urlsplit

from bitquery_auth._checks import (
    check_access_token,
    check_header_text,
    is_loopback,
    must_be,
    split_url,
)
from bitquery_auth._errors import ConfigurationError
from bitquery_auth._secret import Secret
from bitquery_auth._token import Token

TOKEN_ENDPOINT = "https://oauth2.bitquery.io/oauth2/token"  # noqa: S105 - a URL, not a secret
REVOCATION_ENDPOINT = "https://oauth2.bitquery.io/oauth2/revoke"
GRAPHQL_ENDPOINT = "https://streaming.bitquery.io/graphql"
HOSTS = ("bitquery.io", "*.bitquery.io")
SCOPE = "api"
AUTH_FAILURE_STATUSES = frozenset({401})
"""How an API rejects a token (RFC 9110 §15.5.2); 402, 403 and 429 are about plan and limits."""


def is_bitquery_host(host: str) -> bool:
    """Whether a parsed host, in lower case, is one of Bitquery's."""
    return host == "bitquery.io" or host.endswith(".bitquery.io")


def takes_token_in_url(scheme: str, host: str) -> bool:
    """Whether a token goes into the URL: Bitquery's WebSockets accept it nowhere else."""
    return scheme == "wss" and is_bitquery_host(host)


def is_bitquery_url(url: str) -> bool:
    """Whether a URL is one of Bitquery's."""
    try:
        return is_bitquery_host((urlsplit(url).hostname or "").removesuffix("."))
    except (ValueError, AttributeError, TypeError):  # not a URL, not a string
        return False


def websocket_url(url: str, token: Token | str) -> str:
    """Put a token into the URL of a WebSocket, the only place where Bitquery accepts it there.

    Clients log URLs, and with them the token: the README says how to keep them quiet.

    Args:
        url: ``wss://…``, or ``ws://`` on loopback.
        token: A `Token` or its string.

    Returns:
        The URL with ``token=`` in its query, in place of one that was there.

    Raises:
        ConfigurationError: It is not a WebSocket URL, or the connection would not be encrypted.
    """
    if not isinstance(token, (Token, str)):
        raise must_be("token", "a Token or its string")
    token = Secret(token.access_token if isinstance(token, Token) else token)
    url = check_header_text("url", url)
    try:
        parts = split_url(url)
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    if parts.scheme not in {"wss", "ws"} or not parts.hostname:
        raise ConfigurationError("url must be a WebSocket URL such as wss://host/path.")
    if parts.scheme == "ws" and not is_loopback(parts.hostname):
        raise ConfigurationError("url must use wss://; over ws:// the token is sent unencrypted.")
    check_access_token("token", token)
    fields = [each for each in parts.query.split("&") if each and each.split("=")[0] != "token"]
    query = "&".join([*fields, f"token={quote(token, safe='')}"])
    return parts._replace(query=query).geturl()
