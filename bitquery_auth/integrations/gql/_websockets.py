"""gql's transport over the library websockets."""

from __future__ import annotations

from typing import Any

from gql.transport import websockets
from gql.transport.exceptions import TransportConnectionFailed, TransportError
from websockets.exceptions import InvalidStatus

from bitquery_auth._token import TokenSource
from bitquery_auth.integrations._handshakes import Handshakes

__all__ = ["WebsocketsTransport"]


class _Handshakes(Handshakes):
    connection_error = TransportConnectionFailed
    request_error = TransportError

    @staticmethod
    def status_of(error: Exception) -> int | None:
        cause = error.__cause__
        return cause.response.status_code if isinstance(cause, InvalidStatus) else None


class WebsocketsTransport(websockets.WebsocketsTransport):
    """gql's `WebsocketsTransport` whose every handshake has a token that is valid at that moment.

    If the server rejects it with a 401, another token is fetched, and the handshake is repeated
    once. The logger ``websockets.client`` writes URLs, and with them tokens, at level DEBUG.

    Args:
        url: ``wss://…``, or ``ws://`` on loopback. The token goes there and nowhere else.
        source: Where tokens come from.
        options: Those of gql's class.

    Raises:
        ConfigurationError: It is not a WebSocket URL, or the connection would not be encrypted.
    """

    def __init__(self, url: str, source: TokenSource, **options: Any) -> None:
        self._handshakes = _Handshakes(url, source)
        super().__init__(url, **options)

    async def connect(self) -> None:
        """Connect with a token.

        Raises:
            BitqueryAuthError: There is no token. It is also a `TransportError`; where the token
                endpoint did not respond, a `TransportConnectionFailed`.
        """
        await self._handshakes.open(self._connect_to)

    async def _connect_to(self, url: str) -> None:
        plain, self.adapter.url = self.adapter.url, url
        try:
            await super().connect()
        finally:
            self.adapter.url = plain
