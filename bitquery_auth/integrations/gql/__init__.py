"""The WebSocket transports of gql with a token source: for subscriptions that run for days.

Only the import changes in a program, and the source comes after the URL::

    transport = WebsocketsTransport("wss://streaming.bitquery.io/graphql", source)
    session = await Client(transport=transport).connect_async(reconnecting=True)

An open WebSocket outlives its token, but each new one needs a token that is valid at that moment.
Each transport is loaded when it is first used: gql needs websockets for one, aiohttp for the other.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bitquery_auth.integrations.gql._aiohttp import (
        AIOHTTPWebsocketsTransport as AIOHTTPWebsocketsTransport,
    )
    from bitquery_auth.integrations.gql._websockets import (
        WebsocketsTransport as WebsocketsTransport,
    )
else:
    _MODULE_OF = {"AIOHTTPWebsocketsTransport": "_aiohttp", "WebsocketsTransport": "_websockets"}
    __all__ = list(_MODULE_OF)

    def __getattr__(name: str) -> object:
        """Load a transport when it is first used."""
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
