"""What the environment says to the command line: where tokens come from, where they are kept, which API."""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

from bitquery_auth import ClientCredentials, FileTokenStore, StaticToken, TokenSource, _bitquery, from_env
from bitquery_auth._checks import check_endpoint
from bitquery_auth._environment import settings_from_env
from bitquery_auth._errors import ConfigurationError


def source() -> ClientCredentials | StaticToken:
    """Give the source that the environment describes; its token is kept in a file between runs.

    Raises:
        ConfigurationError: the environment describes none, or a folder that is none.
    """
    described = from_env()
    if isinstance(described, StaticToken):
        return described
    return ClientCredentials(**settings_from_env("BITQUERY_"), store=_store())


def _store() -> FileTokenStore | None:
    folder = os.environ.get("BITQUERY_CACHE_DIR", "").strip() or None
    try:
        return FileTokenStore(folder)
    except ConfigurationError as error:
        lacks_extra = isinstance(error.__cause__, ImportError)
        if folder is not None and not lacks_extra:
            raise ConfigurationError(f"BITQUERY_CACHE_DIR: {error}") from None
        way_out = "pip install 'bitquery_auth[cli]'" if lacks_extra else "set BITQUERY_CACHE_DIR to a folder"
        print(f"bitquery-auth: the token is not kept between runs: {way_out}.", file=sys.stderr)
        return None


def endpoint(given: str | None, source: TokenSource) -> str:
    """Give the GraphQL URL: the one given, the environment's, or Bitquery's.

    Args:
        given: On the command line, or None.
        source: Whose tokens are to go there.

    Raises:
        ConfigurationError: it is none that a token may go to.
    """
    url = given or os.environ.get("BITQUERY_ENDPOINT", "").strip()
    if not url and _bitquery.is_elsewhere(source):
        raise ConfigurationError(
            "The endpoint (--endpoint, BITQUERY_ENDPOINT) is required with a token_endpoint that is not Bitquery's: "
            "give the URL of the API that its tokens are for."
        )
    url = url or _bitquery.GRAPHQL_ENDPOINT
    return check_endpoint("the endpoint (--endpoint, BITQUERY_ENDPOINT)", url, insecure_http=False)


def allowed_hosts(url: str) -> tuple[str, ...]:
    """Give the host of the GraphQL URL: it alone may see the token."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    named = f"[{host}]" if ":" in host else host
    return (named if parts.port is None else f"{named}:{parts.port}",)
