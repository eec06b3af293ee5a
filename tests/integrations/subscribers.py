"""Programs that hold a WebSocket for days, one for each client: they connect again when it ends."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any

import aiohttp
import httpx
import httpx2
import httpx_ws
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

SUBPROTOCOLS: Any = ["graphql-transport-ws"]


@dataclass
class Program:
    """The settings of a program, and whether it ends when its connection does."""

    url: str
    source: ClientCredentials
    allowed_hosts: tuple[str, ...]
    stopped: bool = False


async def _websockets(program: Program) -> None:
    """The loop that connects again is the library's."""
    async for websocket in connect(program.url, program.source, subprotocols=SUBPROTOCOLS):
        await websocket.wait_closed()
        if program.stopped:
            return


def _websockets_sync(program: Program) -> None:
    with connect_sync(program.url, program.source, subprotocols=SUBPROTOCOLS) as websocket:
        websocket.recv()


async def _aiohttp(program: Program) -> None:
    auth = AiohttpAuth(program.source, allowed_hosts=program.allowed_hosts)
    async with (
        aiohttp.ClientSession(middlewares=(auth,)) as session,
        session.ws_connect(program.url, protocols=SUBPROTOCOLS) as websocket,
    ):
        await websocket.receive()


def _httpx_ws(program: Program) -> None:
    auth = HTTPXAuth(program.source, allowed_hosts=program.allowed_hosts)
    with (
        httpx.Client(auth=auth, verify=_NO_TLS) as client,
        httpx_ws.connect_ws(program.url, client, subprotocols=SUBPROTOCOLS) as websocket,
    ):
        websocket.receive_text()


async def _httpx2(program: Program) -> None:
    auth = HTTPXAuth(program.source, allowed_hosts=program.allowed_hosts)
    async with (
        httpx2.AsyncClient(auth=auth, verify=_NO_TLS) as client,
        client.websocket(program.url, subprotocols=SUBPROTOCOLS) as websocket,
    ):
        await websocket.receive_text()


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
            async for _ in session.subscribe(gql(BLOCKS)):
                pass
        except Exception:  # noqa: BLE001 - the connection has ended
            await asyncio.sleep(PAUSE)
    await client.close_async()
    await transport.adapter.close()  # gql leaves a session of aiohttp open


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
    """Run one of `CLIENTS` in a thread; at the end stop it, and close its connection."""
    thread = threading.Thread(target=run, args=(program,), daemon=True)
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
