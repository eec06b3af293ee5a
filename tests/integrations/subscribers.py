"""Programs that hold a GraphQL subscription over WebSockets, one for each client.

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

_START = {"type": "subscribe", "id": "1", "payload": {"query": BLOCKS}}
SUBPROTOCOLS: Any = ["graphql-transport-ws"]


@dataclass
class Program:
    """The settings of one run of a program, and what it received.

    Attributes:
        url: The WebSocket endpoint.
        source: Where tokens come from.
        allowed_hosts: Where the auths may send tokens.
        received: The numbers of the blocks that it received, in order.
        stopped: Whether it ends when its connection does.
    """

    url: str
    source: ClientCredentials
    allowed_hosts: tuple[str, ...]
    received: list[int] = field(default_factory=list)
    stopped: bool = False

    def receive(self, data: Any) -> None:
        """Note the block in the data of a message."""
        self.received.append(int(data["EVM"]["Blocks"][0]["Block"]["Number"]))

    def replies(self, text: str) -> list[str]:
        """Note what a message says, and return the messages to send because of it."""
        message = json.loads(text)
        if message["type"] == "connection_ack":
            return [json.dumps(_START)]
        if message["type"] == "next":
            self.receive(message["payload"]["data"])
        return []


# -- clients of WebSockets -------------------------------------------------------------------------

OPENING = '{"type": "connection_init"}'


async def _converse(
    program: Program, send: Callable[[str], Awaitable[Any]], receive: Callable[[], Awaitable[str]]
) -> None:
    await send(OPENING)
    while True:
        for reply in program.replies(await receive()):
            await send(reply)


def _converse_sync(
    program: Program, send: Callable[[str], Any], receive: Callable[[], str]
) -> None:
    send(OPENING)
    while True:
        for reply in program.replies(receive()):
            send(reply)


async def _websockets(program: Program) -> None:
    """The loop that connects again is the library's."""
    async for websocket in connect(program.url, program.source, subprotocols=SUBPROTOCOLS):
        try:
            await _converse(program, websocket.send, partial(websocket.recv, decode=True))
        except websockets.ConnectionClosed:
            if program.stopped:
                return


def _websockets_sync(program: Program) -> None:
    with connect_sync(program.url, program.source, subprotocols=SUBPROTOCOLS) as websocket:
        _converse_sync(program, websocket.send, partial(websocket.recv, decode=True))


async def _aiohttp(program: Program) -> None:
    auth = AiohttpAuth(program.source, allowed_hosts=program.allowed_hosts)
    async with (
        aiohttp.ClientSession(middlewares=(auth,)) as session,
        session.ws_connect(program.url, protocols=SUBPROTOCOLS) as websocket,
    ):
        await _converse(program, websocket.send_str, websocket.receive_str)


def _httpx_ws(program: Program) -> None:
    auth = HTTPXAuth(program.source, allowed_hosts=program.allowed_hosts)
    with (
        httpx.Client(auth=auth, verify=_NO_TLS) as client,
        httpx_ws.connect_ws(program.url, client, subprotocols=SUBPROTOCOLS) as websocket,
    ):
        _converse_sync(program, websocket.send_text, websocket.receive_text)


async def _httpx2(program: Program) -> None:
    auth = HTTPXAuth(program.source, allowed_hosts=program.allowed_hosts)
    async with (
        httpx2.AsyncClient(auth=auth, verify=_NO_TLS) as client,
        client.websocket(program.url, subprotocols=SUBPROTOCOLS) as websocket,
    ):
        await _converse(program, websocket.send_text, websocket.receive_text)


async def _gql(kind: Any, program: Program) -> None:
    """The loop that connects again is gql's."""

    def retry_soon(connect: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def connect_in_the_end() -> None:
            while True:
                try:
                    return await connect()
                except Exception:  # noqa: BLE001 - as gql's own default does
                    await asyncio.sleep(PAUSE)

        return connect_in_the_end

    transport = kind(program.url, program.source, subprotocols=SUBPROTOCOLS)
    client = Client(transport=transport)
    session: Any = await client.connect_async(reconnecting=True, retry_connect=retry_soon)
    while not program.stopped:
        try:
            async for data in session.subscribe(gql(BLOCKS)):
                program.receive(data)
        except Exception:  # noqa: BLE001 - the connection has ended
            await asyncio.sleep(PAUSE)
    await client.close_async()
    await transport.adapter.close()  # gql leaves a session of aiohttp open


# -- running them ----------------------------------------------------------------------------------

Run = Callable[[Program], None]


def _in_a_loop(run: Callable[[Program], Any]) -> Run:
    return lambda program: asyncio.run(run(program))


def _again_and_again(attempt: Run) -> Run:
    """Connect until the program is stopped: where the client has no loop for that."""

    def run(program: Program) -> None:
        while not program.stopped:
            try:
                attempt(program)
            except Exception:  # noqa: BLE001 - the connection has failed or ended
                time.sleep(PAUSE)

    return run


CLIENTS: dict[str, Run] = {
    "websockets": _in_a_loop(_websockets),
    "websockets-sync": _again_and_again(_websockets_sync),
    "aiohttp": _again_and_again(_in_a_loop(_aiohttp)),
    "httpx-ws": _again_and_again(_httpx_ws),
    "httpx2": _again_and_again(_in_a_loop(_httpx2)),
    "gql-websockets": _in_a_loop(partial(_gql, WebsocketsTransport)),
    "gql-aiohttp": _in_a_loop(partial(_gql, AIOHTTPWebsocketsTransport)),
}


@contextmanager
def running(run: Run, program: Program, close: Callable[[], None]) -> Iterator[None]:
    """Run a program in a thread, and stop it at the end.

    Args:
        run: One of `CLIENTS`.
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
