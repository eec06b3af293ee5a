"""aiohttp: its kinds of bodies, its connections, redirects and WebSockets."""

import asyncio
import io
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bitquery_auth import ClientCredentials, StaticToken, TokenEndpointError
from bitquery_auth.integrations.aiohttp import AiohttpAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.bridges.aiohttp import Aiohttp, pieces
from tests.kit import QUERY
from tests.kit.origin import (
    Connection,
    Fault,
    Origin,
    answering,
    on_the_wire,
    redirecting,
    refusing_the_first_token,
)
from tests.kit.waiting import until


@pytest.fixture
def client(source: ClientCredentials, sandbox: Sandbox) -> Aiohttp:
    return Aiohttp(source, sandbox)


# -- bodies ----------------------------------------------------------------------------------------


def form() -> aiohttp.FormData:
    data = aiohttp.FormData()
    data.add_field("name", "größer")
    for part in (b"bytes", io.BytesIO(b"more")):
        data.add_field("file", part, filename="f")
    return data


def multipart(*further: Any) -> aiohttp.MultipartWriter:
    parts = aiohttp.MultipartWriter()
    parts.append("text")
    for part in further:
        parts.append(part)
    return parts


BODIES: dict[str, Callable[[], dict[str, Any]]] = {
    "nothing": dict,
    "text": lambda: {"data": "größer"},
    "BytesIO": lambda: {"data": io.BytesIO(b"bytes")},
    "StringIO": lambda: {"data": io.StringIO("text")},
    "a form with a file": lambda: {"data": form()},
    "multipart": lambda: {"data": multipart(io.BytesIO(b"bytes"))},
    "compressed": lambda: {"data": b"bytes", "compress": "deflate"},
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_in_memory_is_sent_again(client: Aiohttp, origin: Origin, kind: str) -> None:
    """Hazard R4."""
    origin.handler = refusing_the_first_token()
    assert client.post(origin.at(), **BODIES[kind]())[0] == 200
    first, second = origin.requests
    assert first.body == second.body
    assert bool(first.body) == (kind != "nothing")


def test_a_file_is_sent_again_from_where_it_was(
    client: Aiohttp, origin: Origin, tmp_path: Path
) -> None:
    origin.handler = refusing_the_first_token()
    path = tmp_path / "file"
    path.write_bytes(b"unread part")
    file = path.open("rb")
    file.seek(len(b"unread "))
    assert client.post(origin.at(), data=file) == (200, "part")
    assert [request.body for request in origin.requests] == [b"part", b"part"]


def test_multipart_with_a_generator_is_not_sent_again(client: Aiohttp, origin: Origin) -> None:
    """Hazard R4: aiohttp would send nothing the second time, and get a 200 for it."""
    origin.handler = refusing_the_first_token()
    assert client.post(origin.at(), data=multipart(pieces())) == (401, "Unauthorized")
    assert len(origin.requests) == 1


def test_a_body_that_is_rejected_while_it_is_sent_is_sent_again_whole(
    client: Aiohttp, origin: Origin
) -> None:
    """A server may respond before it has read the request."""
    body = bytes(range(256)) * 32_768  # more than the buffers of a socket hold

    def reject_unread(connection: Connection) -> None:
        origin.greeting = None
        connection.sock.recv(1024)
        connection.send(HEAD + b"Content-Length: 2\r\nConnection: close\r\n\r\nno")
        connection.wait_until_left()

    origin.greeting = on_the_wire(reject_unread)
    assert client.post(origin.at(), data=io.BytesIO(body))[0] == 200
    (request,) = origin.requests
    assert request.body == body


# -- the connection of the first response ----------------------------------------------------------

HEAD = b"HTTP/1.1 401 Unauthorized\r\n"


def endless_body(connection: Connection) -> None:
    connection.send(HEAD + b"Content-Length: 1000000000000\r\n\r\n")
    connection.flood(b"no" * 10_000)


def silence_after_the_head(connection: Connection) -> None:
    connection.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    connection.wait_until_left()


@pytest.mark.parametrize("fault", [endless_body, silence_after_the_head])
def test_a_response_that_rejects_a_token_without_end_is_closed(
    client: Aiohttp, origin: Origin, fault: Fault
) -> None:
    origin.plan.append(on_the_wire(fault))
    assert client.post(origin.at(), data=b"q")[0] == 200


def test_the_second_try_uses_the_connection_of_the_first(client: Aiohttp, sandbox: Sandbox) -> None:
    """A pool of one connection would otherwise wait for itself."""
    client.call()
    sandbox.revoke_all()
    created = []

    async def note(*_: Any) -> None:
        created.append(1)

    async def work(_: Any) -> int:
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(note)
        options: Any = {"connector": aiohttp.TCPConnector(limit=1), "trace_configs": [trace]}
        async with (
            aiohttp.ClientSession(middlewares=(client.auth,), **options) as session,
            session.post(sandbox.graphql_endpoint, json=QUERY) as response,
        ):
            return response.status

    assert client.run(work) == 200
    assert created == [1]


@pytest.mark.parametrize("end", ["no token", "cancelled"])
def test_a_request_that_ends_during_recovery_leaves_no_connection_open(
    client: Aiohttp, origin: Origin, sandbox: Sandbox, end: str
) -> None:
    """Hazards A4 and A6. If it was cancelled, the fetch is left to the next request."""
    client.source.token()
    origin.plan.append(on_the_wire(silence_after_the_head))
    sandbox.delay, sandbox.outage = (0, 503) if end == "no token" else (0.3, None)

    async def work(session: Any) -> Iterable[Any]:
        request = asyncio.ensure_future(session.post(origin.at()))
        await asyncio.to_thread(until, lambda: sandbox.token_requests == 2)
        if end == "cancelled":
            request.cancel()
        with pytest.raises((TokenEndpointError, asyncio.CancelledError)) as caught:
            await request
        assert (caught.type is asyncio.CancelledError) is (end == "cancelled")
        acquired = list(session.connector._acquired)
        if end == "cancelled":
            async with session.post(origin.at()) as response:
                assert response.status == 200
        return acquired

    assert client.run(work) == []
    assert sandbox.token_requests == 2


# -- redirects: aiohttp calls a middleware for each hop, which knows nothing of the others ---------


def test_a_request_of_ones_own_to_the_target_of_a_redirect_carries_the_token(
    client: Aiohttp, origin: Origin, elsewhere: Origin
) -> None:
    """It is another call, although it follows in the same task."""
    origin.handler = redirecting(307, elsewhere.at())

    async def work(session: Any) -> None:
        for is_followed in (True, False):
            async with session.post(origin.at(), data=b"q", allow_redirects=is_followed):
                pass
        async with session.post(elsewhere.at(), data=b"q"):
            pass

    client.run(work)
    assert [token is not None for token in elsewhere.tokens] == [False, True]


# -- WebSockets ------------------------------------------------------------------------------------


def test_a_websocket_of_another_server_has_the_token_in_its_header(
    client: Aiohttp, origin: Origin
) -> None:
    origin.handler = refusing_the_first_token(answering(404))

    async def work(session: Any) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(origin.at(scheme="ws"))
        assert caught.value.status == 404

    client.run(work)
    assert len(set(origin.tokens)) == 2
    assert origin.visits == ["GET /", "GET /"]


def test_a_websocket_of_bitquery_has_the_token_in_its_url_which_no_error_shows(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    auth = AiohttpAuth(StaticToken("ory_at_t/oken"))
    seen = []

    async def refuse(request: aiohttp.ClientRequest, _: Any) -> Any:
        seen.append(request)
        raise aiohttp.ClientConnectionError(str(request.request_info.real_url))

    async def work() -> None:
        async with aiohttp.ClientSession(middlewares=(auth, refuse)) as session:
            with pytest.raises(aiohttp.ClientConnectionError) as caught:
                await session.ws_connect("wss://streaming.bitquery.io/graphql?a=b&token=old")
        assert str(caught.value) == "wss://streaming.bitquery.io/graphql?a=b&token=old"

    asyncio.run(work())
    (request,) = seen
    assert str(request.url) == "wss://streaming.bitquery.io/graphql?a=b&token=ory_at_t%2Foken"
    assert "Authorization" not in request.headers
    assert "oken" not in caplog.text
