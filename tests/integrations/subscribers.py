"""Programs that hold GraphQL subscriptions over WebSockets, one for each client.

Each connects again when its connection ends, as a program that runs for days does.
"""

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any

import aiohttp
import httpx
import httpx2
import httpx_ws
import websockets
from gql import Client, gql

from bitquery_auth import ClientCredentials, HTTPXAuth
from bitquery_auth.integrations.aiohttp import AiohttpAuth
from bitquery_auth.integrations.gql import AIOHTTPWebsocketsTransport, WebsocketsTransport
from bitquery_auth.integrations.websockets import connect, connect_sync

BLOCKS = "subscription { EVM { Blocks { Block { Number } } } }"
PAUSE = 0.01
"""Seconds between two attempts to connect."""

_NO_TLS = SSLContext(PROTOCOL_TLS_CLIENT)
"""Loading the default authorities for each client takes longer than the rest of a test."""

START_MESSAGE = {"graphql-transport-ws": "subscribe", "graphql-ws": "start"}


@dataclass
class Program:
    """The settings of one run of a program, and what it received.

    Attributes:
        url: The WebSocket endpoint.
        source: Where tokens come from.
        allowed_hosts: Where the auths may send tokens.
        subprotocol: The subprotocol to offer.
        subscriptions: How many subscriptions share a connection.
        received: The numbers of the blocks that it received, in order.
        errors: What it met where a connection failed or ended.
        stopped: Whether it ends when its connection does.
    """

    url: str
    source: ClientCredentials
    allowed_hosts: tuple[str, ...]
    subprotocol: str = "graphql-transport-ws"
    subscriptions: int = 1
    received: list[int] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    stopped: bool = False

    def receive(self, data: Any) -> None:
        """Note the block in the data of a message."""
        self.received.append(int(data["EVM"]["Blocks"][0]["Block"]["Number"]))

    def opening(self) -> str:
        """Return the first message of a connection."""
        return '{"type": "connection_init"}'

    def replies(self, text: str) -> list[str]:
        """Note what a message says, and return the messages to send because of it."""
        message = json.loads(text)
        match message["type"]:
            case "connection_ack":
                payload = {"query": BLOCKS}
                start = {"type": START_MESSAGE[self.subprotocol], "payload": payload}
                return [json.dumps(start | {"id": str(n)}) for n in range(self.subscriptions)]
            case "next" | "data":
                self.receive(message["payload"]["data"])
            case kind:
                assert kind in {"ping", "ka"}
        return []

    def failed(self, error: Exception) -> None:
        """Note that a connection failed or ended."""
        self.errors.append(error)


# -- clients of WebSockets -------------------------------------------------------------------------

Send = Callable[[str], Awaitable[Any]]
Receive = Callable[[], Awaitable[str]]


async def _converse(program: Program, send: Send, receive: Receive) -> None:
    await send(program.opening())
    while True:
        for reply in program.replies(await receive()):
            await send(reply)


def _converse_sync(
    program: Program, send: Callable[[str], Any], receive: Callable[[], str]
) -> None:
    send(program.opening())
    while True:
        for reply in program.replies(receive()):
            send(reply)


async def _websockets(program: Program) -> None:
    """The loop that connects again is the library's."""
    options = {"subprotocols": [program.subprotocol]}
    async for websocket in connect(program.url, program.source, **options):
        try:
            await _converse(program, websocket.send, partial(websocket.recv, decode=True))
        except websockets.ConnectionClosed as error:
            program.failed(error)
        if program.stopped:
            return


def _websockets_sync(program: Program) -> None:
    with connect_sync(program.url, program.source, subprotocols=[program.subprotocol]) as websocket:
        _converse_sync(program, websocket.send, partial(websocket.recv, decode=True))


async def _aiohttp(program: Program) -> None:
    auth = AiohttpAuth(program.source, allowed_hosts=program.allowed_hosts)
    async with (
        aiohttp.ClientSession(middlewares=(auth,)) as session,
        session.ws_connect(program.url, protocols=[program.subprotocol]) as websocket,
    ):

        async def receive() -> str:
            message = await websocket.receive()
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise ConnectionError(message)
            return str(message.data)

        await _converse(program, websocket.send_str, receive)


def _httpx_ws(program: Program) -> None:
    auth = HTTPXAuth(program.source, allowed_hosts=program.allowed_hosts)
    with (
        httpx.Client(auth=auth, verify=_NO_TLS) as client,
        httpx_ws.connect_ws(program.url, client, subprotocols=[program.subprotocol]) as websocket,
    ):
        _converse_sync(program, websocket.send_text, websocket.receive_text)


async def _httpx_ws_async(program: Program) -> None:
    auth = HTTPXAuth(program.source, allowed_hosts=program.allowed_hosts)
    async with (
        httpx.AsyncClient(auth=auth, verify=_NO_TLS) as client,
        httpx_ws.aconnect_ws(program.url, client, subprotocols=[program.subprotocol]) as websocket,
    ):
        await _converse(program, websocket.send_text, websocket.receive_text)


def _httpx2(program: Program) -> None:
    auth = HTTPXAuth(program.source, allowed_hosts=program.allowed_hosts)
    with (
        httpx2.Client(auth=auth, verify=_NO_TLS) as client,
        client.websocket(program.url, subprotocols=[program.subprotocol]) as websocket,
    ):
        _converse_sync(program, websocket.send_text, websocket.receive_text)


async def _httpx2_async(program: Program) -> None:
    auth = HTTPXAuth(program.source, allowed_hosts=program.allowed_hosts)
    async with (
        httpx2.AsyncClient(auth=auth, verify=_NO_TLS) as client,
        client.websocket(program.url, subprotocols=[program.subprotocol]) as websocket,
    ):
        await _converse(program, websocket.send_text, websocket.receive_text)


# -- gql -------------------------------------------------------------------------------------------


async def _subscribe(program: Program, session: Any) -> None:
    async for data in session.subscribe(gql(BLOCKS)):
        program.receive(data)


async def _gql(kind: Any, program: Program) -> None:
    transport = kind(program.url, program.source, subprotocols=[program.subprotocol])
    try:
        async with Client(transport=transport) as session, asyncio.TaskGroup() as tasks:
            for _ in range(program.subscriptions):
                tasks.create_task(_subscribe(program, session))
    finally:
        await transport.adapter.close()  # gql leaves a session of aiohttp open


async def _gql_reconnecting(kind: Any, program: Program) -> None:
    """The loop that connects again is gql's."""

    def retry_soon(connect: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def connect_in_the_end() -> None:
            while True:
                try:
                    return await connect()
                except Exception as error:  # noqa: BLE001 - as gql's own default does
                    program.failed(error)
                    await asyncio.sleep(PAUSE)

        return connect_in_the_end

    async def subscribe_again_and_again() -> None:
        while not program.stopped:
            try:
                await _subscribe(program, session)
            except Exception as error:  # noqa: BLE001 - kept
                program.failed(error)
                await asyncio.sleep(PAUSE)

    transport = kind(program.url, program.source, subprotocols=[program.subprotocol])
    client = Client(transport=transport)
    session = await client.connect_async(reconnecting=True, retry_connect=retry_soon)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(program.subscriptions):
            tasks.create_task(subscribe_again_and_again())
    await client.close_async()
    await transport.adapter.close()


# -- running them ----------------------------------------------------------------------------------


def _again_and_again(attempt: Callable[[Program], Any], program: Program) -> None:
    """Connect, until the program is stopped: where the client has no loop for that."""
    while not program.stopped:
        try:
            attempt(program)
        except Exception as error:  # noqa: BLE001 - kept
            program.failed(error)
        time.sleep(PAUSE)


Run = Callable[[Program], None]


def _in_a_loop(run: Callable[[Program], Any]) -> Run:
    return lambda program: asyncio.run(run(program))


CONNECT_ONCE: dict[str, Run] = {
    "websockets-sync": _websockets_sync,
    "aiohttp": _in_a_loop(_aiohttp),
    "httpx-ws": _httpx_ws,
    "httpx-ws-async": _in_a_loop(_httpx_ws_async),
    "httpx2": _httpx2,
    "httpx2-async": _in_a_loop(_httpx2_async),
    "gql-websockets": _in_a_loop(partial(_gql, WebsocketsTransport)),
    "gql-aiohttp": _in_a_loop(partial(_gql, AIOHTTPWebsocketsTransport)),
}
"""Connect, and receive until the connection fails or ends: an error."""

RECONNECT: dict[str, Run] = {
    "websockets": _in_a_loop(_websockets),
    "gql-websockets-reconnecting": _in_a_loop(partial(_gql_reconnecting, WebsocketsTransport)),
    "gql-aiohttp-reconnecting": _in_a_loop(partial(_gql_reconnecting, AIOHTTPWebsocketsTransport)),
} | {name: partial(_again_and_again, attempt) for name, attempt in CONNECT_ONCE.items()}
"""Receive until the program is stopped and its connection ends."""


@contextmanager
def running(run: Run, program: Program, close: Callable[[], None]) -> Iterator[None]:
    """Run a program in a thread, and stop it at the end.

    Args:
        run: One of `RECONNECT`.
        program: Its settings.
        close: Closes the connections, as a server does.
    """
    thread = threading.Thread(target=run, args=(program,))
    thread.start()
    try:
        yield
    finally:
        program.stopped = True
        deadline = time.monotonic() + 20
        while thread.is_alive() and time.monotonic() < deadline:
            close()
            thread.join(0.05)
        assert not thread.is_alive(), "the program does not end"
