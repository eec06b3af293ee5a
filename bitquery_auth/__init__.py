"""OAuth2 client-credentials auth for requests, httpx and httpx2, made for Bitquery's API.

A *token source* says where tokens come from. An *auth* attaches them to requests and replaces them
when the API rejects one. Every source works with every auth::

    session.auth = RequestsAuth(ClientCredentials.from_env())
    client = httpx.Client(auth=HTTPXAuth(ClientCredentials("id", "secret")))

Names are loaded when they are first used (PEP 562): importing the package imports no client.
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False  # type checkers take this name for true; importing typing would cost more

if TYPE_CHECKING:
    from bitquery_auth._auth.httpx import HTTPXAuth as HTTPXAuth
    from bitquery_auth._auth.requests import RequestsAuth as RequestsAuth
    from bitquery_auth._bitquery import websocket_url as websocket_url
    from bitquery_auth._environment import from_env as from_env
    from bitquery_auth._errors import BitqueryAuthError as BitqueryAuthError
    from bitquery_auth._errors import ConfigurationError as ConfigurationError
    from bitquery_auth._errors import InvalidTokenResponseError as InvalidTokenResponseError
    from bitquery_auth._errors import TokenEndpointError as TokenEndpointError
    from bitquery_auth._errors import TokenRequestError as TokenRequestError
    from bitquery_auth._sources.client_credentials import ClientCredentials as ClientCredentials
    from bitquery_auth._sources.short_term import ShortTermToken as ShortTermToken
    from bitquery_auth._stores.file import FileTokenStore as FileTokenStore
    from bitquery_auth._stores.protocol import TokenStore as TokenStore
    from bitquery_auth._stores.redis import RedisTokenStore as RedisTokenStore
    from bitquery_auth._token import StaticToken as StaticToken
    from bitquery_auth._token import Token as Token
    from bitquery_auth._token import TokenSource as TokenSource
else:
    _MODULE_OF = {
        "BitqueryAuthError": "_errors",
        "ClientCredentials": "_sources.client_credentials",
        "ConfigurationError": "_errors",
        "FileTokenStore": "_stores.file",
        "HTTPXAuth": "_auth.httpx",
        "InvalidTokenResponseError": "_errors",
        "RedisTokenStore": "_stores.redis",
        "RequestsAuth": "_auth.requests",
        "ShortTermToken": "_sources.short_term",
        "StaticToken": "_token",
        "Token": "_token",
        "TokenEndpointError": "_errors",
        "TokenRequestError": "_errors",
        "TokenSource": "_token",
        "TokenStore": "_stores.protocol",
        "from_env": "_environment",
        "websocket_url": "_bitquery",
    }
    __all__ = list(_MODULE_OF)

    def __getattr__(name: str) -> object:
        """Load a public name when it is first used."""
        module = _MODULE_OF.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 - not needed before

        value = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
        return value

    def __dir__() -> list[str]:
        return sorted(__all__)
