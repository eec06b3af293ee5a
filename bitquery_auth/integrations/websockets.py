"""The ``connect`` of the library websockets, with a token source: for programs that run for days.

An open WebSocket outlives its token, but each new one needs a token that is valid at that moment::

    async for websocket in connect("wss://streaming.bitquery.io/graphql", source, subprotocols=…):
        try:
            async for message in websocket: ...
        except websockets.ConnectionClosed:
            continue

The logger ``websockets.client`` writes URLs, and with them tokens, at level DEBUG.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from types import TracebackType
from typing import Any

from websockets.asyncio import client
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.sync import client as sync_client

from bitquery_auth._errors import BitqueryAuthError
from bitquery_auth._token import TokenSource
from bitquery_auth.integrations._handshakes import Handshakes

__all__ = ["connect", "connect_sync"]


class _Handshakes(Handshakes):
    connection_error = ConnectionError
    request_error = InvalidHandshake

    @staticmethod
    def status_of(error: Exception) -> int | None:
        return error.response.status_code if isinstance(error, InvalidStatus) else None


def _process_exception(error: Exception) -> Exception | None:
    """Return None for an error after which ``async for`` connects again, as websockets does."""
    if isinstance(error, BitqueryAuthError):
        return None if error.retryable else error
    return client.process_exception(error)  # type: ignore[attr-defined, unused-ignore]  # it is documented


class connect(client.connect):  # noqa: N801 - it is used as websockets.connect is
    """Connect to a WebSocket with a token: ``websockets.connect`` with a source after the URL.

    It is awaited, or used in ``async with`` or ``async for``. Every handshake carries a token that
    is valid then. If the server rejects it with a 401, another token is fetched, and the handshake
    is repeated once.

    Args:
        url: ``wss://…``, or ``ws://`` on loopback. The token goes there and nowhere else.
        source: Where tokens come from.
        options: Those of ``websockets.connect``. By default, ``async for`` also connects again
            after errors of the token endpoint that are ``retryable``.

    Raises:
        ConfigurationError: It is not a WebSocket URL, or the connection would not be encrypted.
        BitqueryAuthError: There is no token. It is also an error of websockets or an `OSError`.
    """

    def __init__(self, url: str, source: TokenSource, **options: Any) -> None:
        handshakes = _Handshakes(url, source)
        options.setdefault("process_exception", _process_exception)
        super().__init__(url, **options)
        self._open = partial(handshakes.open, partial(client.connect, **options))

    def __await__(self) -> Generator[Any, None, client.ClientConnection]:
        return self._open().__await__()

    async def __aenter__(self) -> client.ClientConnection:
        self.connection = await self
        return self.connection

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.connection.__aexit__(exc_type, exc_value, traceback)


def connect_sync(url: str, source: TokenSource, **options: Any) -> sync_client.ClientConnection:
    """Connect as `connect` does, from a thread: ``websockets.sync.client.connect`` with a source.

    Args:
        url: ``wss://…``, or ``ws://`` on loopback. The token goes there and nowhere else.
        source: Where tokens come from.
        options: Those of ``websockets.sync.client.connect``.

    Raises:
        ConfigurationError: It is not a WebSocket URL, or the connection would not be encrypted.
        BitqueryAuthError: There is no token. It is also an error of websockets or an `OSError`.
    """
    return _Handshakes(url, source).open_sync(partial(sync_client.connect, **options))
