"""Where Bitquery is, and where it alone takes a token (https://docs.bitquery.io/docs/authorization/)."""

from __future__ import annotations

from urllib.parse import SplitResult, quote, urlsplit

from bitquery_auth._checks import check_header_text, is_loopback, split_url
from bitquery_auth._errors import ConfigurationError, conceals
from bitquery_auth._token import Token

TOKEN_ENDPOINT = "https://oauth2.bitquery.io/oauth2/token"  # noqa: S105 - a place, no secret
REVOCATION_ENDPOINT = "https://oauth2.bitquery.io/oauth2/revoke"
GRAPHQL_ENDPOINT = "https://streaming.bitquery.io/graphql"
HOSTS = ("bitquery.io", "*.bitquery.io")
SCOPE = "api"


def is_bitquery_host(host: str) -> bool:
    """Whether a parsed host, in lower case, is one of Bitquery's."""
    return host == "bitquery.io" or host.endswith(".bitquery.io")


def is_elsewhere(source: object) -> bool:
    """Whether a source gets its tokens at an endpoint that is not Bitquery's."""
    endpoint = getattr(source, "token_endpoint", None)
    return isinstance(endpoint, str) and not is_bitquery_url(endpoint)


def is_bitquery_url(url: str) -> bool:
    """Whether a checked URL is one of Bitquery's."""
    return is_bitquery_host((urlsplit(url).hostname or "").removesuffix("."))


@conceals
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
