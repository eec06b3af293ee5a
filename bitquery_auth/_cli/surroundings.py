"""What the environment says to the command line: where tokens come from, where they are kept, which API."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bitquery_auth import ClientCredentials, StaticToken, _bitquery, from_env
from bitquery_auth._checks import check_endpoint
from bitquery_auth._environment import settings_from_env
from bitquery_auth._errors import ConfigurationError


def source() -> ClientCredentials | StaticToken:
    """Give the source that the environment describes; its token is kept in a file between runs.

    Raises:
        ConfigurationError: the environment describes none.
    """
    described = from_env()
    if isinstance(described, StaticToken):
        return described
    return ClientCredentials(**settings_from_env("BITQUERY_"), store=_store())


def _store() -> Any:
    from bitquery_auth import FileTokenStore  # noqa: PLC0415 - needs an extra

    folder = os.environ.get("BITQUERY_CACHE_DIR", "").strip()
    try:
        return FileTokenStore(Path(folder) if folder else None)
    except ConfigurationError as error:
        print(f"bitquery-auth: the token is not kept between runs. {error}", file=sys.stderr)
        return None


def endpoint(given: str | None) -> str:
    """Give the GraphQL URL: the one given, the environment's, or Bitquery's.

    Raises:
        ConfigurationError: it is none that a token may go to.
    """
    url = given or os.environ.get("BITQUERY_ENDPOINT", "").strip() or _bitquery.GRAPHQL_ENDPOINT
    return check_endpoint("the endpoint (--endpoint, BITQUERY_ENDPOINT)", url, insecure_http=False)


def allowed_hosts(url: str) -> tuple[str, ...]:
    """Give the hosts that may see the token: the one that was named, and Bitquery's where that is one."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    named = f"[{host}]" if ":" in host else host
    return (named if parts.port is None else f"{named}:{parts.port}",)
