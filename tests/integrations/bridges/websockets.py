"""The library websockets, used in each way in which it can be used."""

import asyncio
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidHandshake, InvalidStatus

from bitquery_auth.integrations.websockets import connect, connect_sync
from tests.integrations.bridges import Bridge

SUBPROTOCOLS: Any = {"subprotocols": ["graphql-ws"]}
PING, PONG = '{"type": "ping"}', '{"type":"pong"}'


class Websockets(Bridge):
    rejected = InvalidStatus
    connection_error = ConnectionError
    request_error = InvalidHandshake

    def call(self) -> None:
        self.ping(self.sandbox.websocket_endpoint)

    def ping(self, url: str, **options: Any) -> None:
        """Connect, and exchange a message."""
        asyncio.run(self.ping_async(url, **SUBPROTOCOLS, **options))

    async def ping_async(self, url: str, **options: Any) -> None:
        raise NotImplementedError


async def _ping(websocket: ClientConnection) -> None:
    await websocket.send(PING)
    assert await websocket.recv() == PONG


class Awaited(Websockets):
    async def ping_async(self, url: str, **options: Any) -> None:
        websocket = await connect(url, self.source, **options)
        await _ping(websocket)
        await websocket.close()


class AsyncWith(Websockets):
    async def ping_async(self, url: str, **options: Any) -> None:
        async with connect(url, self.source, **options) as websocket:
            await _ping(websocket)


class AsyncFor(Websockets):
    async def ping_async(self, url: str, **options: Any) -> None:
        async for websocket in connect(url, self.source, **options):
            await _ping(websocket)
            break


class Synchronous(Websockets):
    def ping(self, url: str, **options: Any) -> None:
        with connect_sync(url, self.source, **SUBPROTOCOLS, **options) as websocket:
            websocket.send(PING)
            assert websocket.recv(timeout=10) == PONG


BRIDGES: dict[str, type[Websockets]] = {
    "websockets-await": Awaited,
    "websockets-with": AsyncWith,
    "websockets-for": AsyncFor,
    "websockets-sync": Synchronous,
}
