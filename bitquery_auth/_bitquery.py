"""Where Bitquery is, and which of its places an endpoint belongs to (https://docs.bitquery.io/docs/authorization/)."""

from __future__ import annotations

from urllib.parse import urlsplit

TOKEN_ENDPOINT = "https://oauth2.bitquery.io/oauth2/token"  # noqa: S105 - a place, no secret
REVOCATION_ENDPOINT = "https://oauth2.bitquery.io/oauth2/revoke"
GRAPHQL_ENDPOINT = "https://streaming.bitquery.io/graphql"
HOSTS = ("bitquery.io", "*.bitquery.io")
SCOPE = "api"


def is_bitquery_host(host: str) -> bool:
    """Whether a parsed host, in lower case, is one of Bitquery's."""
    return host == "bitquery.io" or host.endswith(".bitquery.io")


def is_bitquery_url(url: str) -> bool:
    """Whether a checked URL is one of Bitquery's."""
    return is_bitquery_host((urlsplit(url).hostname or "").removesuffix("."))
