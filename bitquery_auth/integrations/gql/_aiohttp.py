"""gql's WebSocket transport over aiohttp."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gql.transport import aiohttp_websockets
from gql.transport.exceptions import TransportConnectionFailed, TransportError
from yarl import URL

from bitquery_auth._errors import BitqueryAuthError, ConfigurationError, as_client_error
from bitquery_auth._token import TokenSource
from bitquery_auth.integrations._handshakes import only_host_of
from bitquery_auth.integrations.aiohttp import AiohttpAuth

__all__ = ["AIOHTTPWebsocketsTransport"]


class AIOHTTPWebsocketsTransport(aiohttp_websockets.AIOHTTPWebsocketsTransport):
    """gql's transport over aiohttp whose every handshake has a token that is valid at that moment.

    If the server rejects it with a 401, another token is fetched, and the handshake is repeated
    once.

    Args:
        url: ``wss://…``, or ``ws://`` on loopback. The token goes there and nowhere else.
        source: Where tokens come from.
        client_session_args: Those of the `aiohttp.ClientSession`.
        options: Those of gql's class, except ``session``: a session of one's own needs an
            `AiohttpAuth` among its middlewares, and gql's class does the rest.

    Raises:
        ConfigurationError: It is not a WebSocket URL, the connection would not be encrypted, or
            ``session`` is given.
    """

    def __init__(
        self,
        url: str | URL,
        source: TokenSource,
        *,
        client_session_args: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        if options.get("session") is not None:
            raise ConfigurationError(
                "session has its own middlewares: put an AiohttpAuth among them, and use gql's "
                "own AIOHTTPWebsocketsTransport."
            )
        auth = AiohttpAuth(source, allowed_hosts=only_host_of(str(url)))
        arguments = dict(client_session_args or {})
        arguments["middlewares"] = (*arguments.get("middlewares", ()), auth)
        super().__init__(url, client_session_args=arguments, **options)

    async def connect(self) -> None:
        """Connect with a token.

        Raises:
            BitqueryAuthError: There is no token, or it would be sent unencrypted. It is also a
                `TransportError`; where the token endpoint did not respond, a
                `TransportConnectionFailed`.
        """
        try:
            await super().connect()
        except TransportConnectionFailed as error:
            if not isinstance(error.__cause__, BitqueryAuthError):
                raise
            raise as_client_error(
                error.__cause__,
                None,
                connection_error=TransportConnectionFailed,
                request_error=TransportError,
            ) from error.__cause__.__cause__
