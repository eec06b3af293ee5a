"""OAuth2 client-credentials auth for requests, httpx and httpx2, made for Bitquery's API.

A *token source* says where tokens come from, an *auth* puts them on requests and renews them when one
is refused. Every source works with every auth::

    session.auth = RequestsAuth(ClientCredentials.from_env())
    client = httpx.Client(auth=HTTPXAuth(ClientCredentials("id", "secret")))

Names are loaded when they are first used: importing the package imports no client.
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False  # type checkers take it for true by its name; importing it would be most of this import's cost

if TYPE_CHECKING:
    from bitquery_auth._bitquery import websocket_url
    from bitquery_auth._client_credentials import ClientCredentials
    from bitquery_auth._environment import from_env
    from bitquery_auth._errors import (
        BitqueryAuthError,
        ConfigurationError,
        InvalidTokenResponseError,
        TokenEndpointError,
        TokenRequestError,
    )
    from bitquery_auth._file_store import FileTokenStore
    from bitquery_auth._httpx_auth import HTTPXAuth
    from bitquery_auth._redis_store import RedisTokenStore
    from bitquery_auth._requests_auth import RequestsAuth
    from bitquery_auth._short_term import ShortTermToken
    from bitquery_auth._store import TokenStore
    from bitquery_auth._token import StaticToken, Token, TokenSource

__all__ = [
    "BitqueryAuthError",
    "ClientCredentials",
    "ConfigurationError",
    "FileTokenStore",
    "HTTPXAuth",
    "InvalidTokenResponseError",
    "RedisTokenStore",
    "RequestsAuth",
    "ShortTermToken",
    "StaticToken",
    "Token",
    "TokenEndpointError",
    "TokenRequestError",
    "TokenSource",
    "TokenStore",
    "__version__",
    "from_env",
    "websocket_url",
]

_HOMES = {
    "BitqueryAuthError": "_errors",
    "ClientCredentials": "_client_credentials",
    "ConfigurationError": "_errors",
    "FileTokenStore": "_file_store",
    "HTTPXAuth": "_httpx_auth",
    "InvalidTokenResponseError": "_errors",
    "RedisTokenStore": "_redis_store",
    "RequestsAuth": "_requests_auth",
    "ShortTermToken": "_short_term",
    "StaticToken": "_token",
    "Token": "_token",
    "TokenEndpointError": "_errors",
    "TokenRequestError": "_errors",
    "TokenSource": "_token",
    "TokenStore": "_store",
    "from_env": "_environment",
    "websocket_url": "_bitquery",
}


def __getattr__(name: str) -> object:
    """Load a name when it is first used (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - of no use before

    value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
