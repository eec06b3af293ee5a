"""gql's WebSocket transports."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from gql import Client, gql
from gql.transport.exceptions import TransportConnectionFailed, TransportError

from bitquery_auth.integrations.gql import AIOHTTPWebsocketsTransport, WebsocketsTransport
from tests.integrations.bridges import Bridge
from tests.kit import QUERY


class Gql(Bridge):
    rejected = TransportConnectionFailed
    connection_error = TransportConnectionFailed
    request_error = TransportError
    transport_class: Any

    def call(self) -> None:
        self.run(execute)

    def run(self, work: Callable[[Any], Awaitable[None]], **options: Any) -> None:
        """Do something with a transport."""

        async def inner() -> None:
            url = self.sandbox.websocket_endpoint
            transport = self.transport_class(url, self.source, **options)
            try:
                await work(transport)
            finally:
                await transport.adapter.close()  # gql leaves a session open after an error

        asyncio.run(inner())


async def execute(transport: Any) -> None:
    """Connect, and send a query."""
    async with Client(transport=transport) as session:
        data = await session.execute(gql(QUERY["query"]))
        assert len(data["EVM"]["DEXTrades"]) == 3


class OverWebsockets(Gql):
    transport_class = WebsocketsTransport


class OverAiohttp(Gql):
    transport_class = AIOHTTPWebsocketsTransport


BRIDGES = {"gql-websockets": OverWebsockets, "gql-aiohttp": OverAiohttp}
