"""The handshakes of WebSockets: each carries a token that is valid at that moment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import urlsplit

from bitquery_auth._auth.base import Auth
from bitquery_auth._bitquery import websocket_url
from bitquery_auth._environment import host_pattern
from bitquery_auth._errors import BitqueryAuthError, as_client_error
from bitquery_auth._hosts import Origin
from bitquery_auth._secret import Secret
from bitquery_auth._token import Token, TokenSource

C = TypeVar("C")


def only_host_of(url: str) -> tuple[str]:
    """Return the ``allowed_hosts`` of an auth for one WebSocket URL.

    Raises:
        ConfigurationError: It is not a WebSocket URL, or the connection would not be encrypted.
    """
    websocket_url(url, "any-token")
    return (host_pattern("url", url),)


class Handshake(Generic[C]):
    """The outcome of a handshake.

    Args:
        status_code: The status of the server's response.
        connection: The connection, if it was accepted.
        error: What the client raised if it was not.
    """

    def __init__(
        self, status_code: int, connection: C | None = None, error: Exception | None = None
    ) -> None:
        self.status_code = status_code
        self._connection = connection
        self._error = error

    def result(self) -> C:
        """Return the connection, or raise the error."""
        if self._error is not None:
            raise self._error
        return self._connection  # type: ignore[return-value]  # there is one of the two


class Handshakes(Auth, ABC):
    """Opens connections to one URL, with a token in it. A subclass knows the errors of a client.

    The token goes to this URL and nowhere else.

    Args:
        url: ``wss://…``, or ``ws://`` on loopback.
        source: Where tokens come from.

    Raises:
        ConfigurationError: It is not a WebSocket URL, or the connection would not be encrypted.
    """

    connection_error: ClassVar[type[Exception]]
    request_error: ClassVar[type[Exception]]

    def __init__(self, url: str, source: TokenSource) -> None:
        super().__init__(source, allowed_hosts=only_host_of(url))
        self._url = url
        parts = urlsplit(url)
        self._origin = Origin.of(parts.scheme, parts.hostname or "", parts.port)

    @staticmethod
    @abstractmethod
    def status_of(error: Exception) -> int | None:
        """Return the status of the response that made the client raise; None if there was none."""

    async def open(self, connect: Callable[[str], Awaitable[C]]) -> C:
        """Open a connection. After a handshake that is rejected with a 401, try once more.

        Args:
            connect: Connects to a URL, which holds the token.

        Raises:
            BitqueryAuthError: There is no token. It is also an error of the client.
        """
        attempt = partial(self._attempt, connect)
        try:
            token = await self._atoken()
            handshake = await attempt(token)
            if self._is_rejected(handshake, self._origin):
                last = await self._arecover(self._origin, token, attempt)
                handshake = last or handshake
        except BitqueryAuthError as error:
            raise self._client_error(error) from error.__cause__
        return handshake.result()

    def open_sync(self, connect: Callable[[str], C]) -> C:
        """Do what `open` does, from a thread."""
        attempt = partial(self._attempt_sync, connect)
        try:
            token = self._source.token()
            handshake = attempt(token)
            if self._is_rejected(handshake, self._origin):
                last = self._recover(self._origin, token, attempt)
                handshake = last or handshake
        except BitqueryAuthError as error:
            raise self._client_error(error) from error.__cause__
        return handshake.result()

    async def _attempt(self, connect: Callable[[str], Awaitable[C]], token: Token) -> Handshake[C]:
        try:
            connection = await connect(Secret(websocket_url(self._url, token)))
        except Exception as error:  # noqa: BLE001 - raised again, unless it is about a response
            return self._failed(error)
        return Handshake(HTTPStatus.SWITCHING_PROTOCOLS, connection)

    def _attempt_sync(self, connect: Callable[[str], C], token: Token) -> Handshake[C]:
        try:
            connection = connect(Secret(websocket_url(self._url, token)))
        except Exception as error:  # noqa: BLE001 - raised again, unless it is about a response
            return self._failed(error)
        return Handshake(HTTPStatus.SWITCHING_PROTOCOLS, connection)

    def _failed(self, error: Exception) -> Handshake[Any]:
        """Return the outcome for an error of the client that is about a response; raise others."""
        status_code = self.status_of(error)
        if status_code is None:
            raise error
        return Handshake(status_code, error=error)

    def _client_error(self, error: BitqueryAuthError) -> BitqueryAuthError:
        return as_client_error(
            error,
            None,
            connection_error=self.connection_error,
            request_error=self.request_error,
        )
