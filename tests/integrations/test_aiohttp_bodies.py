"""aiohttp: which bodies are sent again, and what is read of the response that rejects a token."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bitquery_auth import ClientCredentials, TokenEndpointError
from bitquery_auth.integrations.aiohttp import AiohttpAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.aiohttp_session import post, run
from tests.kit import QUERY
from tests.kit.origin import Connection, Fault, Origin, on_the_wire, refusing_the_first_token
from tests.kit.waiting import until


@pytest.fixture
def auth(source: ClientCredentials) -> AiohttpAuth:
    return AiohttpAuth(source, allowed_hosts=["127.0.0.1"])


@pytest.fixture
def rejecting_origin(origin: Origin) -> Origin:
    """A server that rejects the first token."""
    origin.handler = refusing_the_first_token()
    return origin


def form(*parts: Any) -> aiohttp.FormData:
    data = aiohttp.FormData()
    data.add_field("name", "größer")
    for part in parts:
        data.add_field("file", part, filename="f")
    return data


def writer() -> aiohttp.MultipartWriter:
    parts = aiohttp.MultipartWriter()
    parts.append("text")
    parts.append_json(QUERY)
    parts.append(io.BytesIO(b"bytes"))
    return parts


def file_in(folder: Path) -> Any:
    path = folder / "file"
    path.write_bytes(b"unread part")
    file = path.open("rb")
    file.seek(len(b"unread "))
    return file


MEMORY: dict[str, Callable[[], dict[str, Any]]] = {
    "nothing": dict,
    "bytes": lambda: {"data": b"\x00\xff"},
    "text": lambda: {"data": "größer"},
    "JSON": lambda: {"json": QUERY},
    "a form": lambda: {"data": {"a": "b c"}},
    "BytesIO": lambda: {"data": io.BytesIO(b"bytes")},
    "StringIO": lambda: {"data": io.StringIO("text")},
    "a form with a file": lambda: {"data": form(b"bytes", io.BytesIO(b"more"))},
    "multipart": lambda: {"data": writer()},
    "compressed": lambda: {"data": b"bytes", "compress": "deflate"},
}


@pytest.mark.parametrize("kind", MEMORY)
def test_a_body_in_memory_is_sent_again(
    auth: AiohttpAuth, rejecting_origin: Origin, kind: str
) -> None:
    """Hazard R4."""
    assert post(auth, rejecting_origin.at(), **MEMORY[kind]())[0] == 200
    first, second = rejecting_origin.requests
    assert first.body == second.body
    assert bool(first.body) == (kind != "nothing")


def test_a_file_is_sent_again_from_where_it_was(
    auth: AiohttpAuth, rejecting_origin: Origin, tmp_path: Path
) -> None:
    assert post(auth, rejecting_origin.at(), data=file_in(tmp_path)) == (200, "part")
    assert [request.body for request in rejecting_origin.requests] == [b"part", b"part"]


async def pieces() -> AsyncIterator[bytes]:
    yield b"piece"
    yield b"work"


def pieces_in_multipart() -> aiohttp.MultipartWriter:
    parts = aiohttp.MultipartWriter()
    parts.append("text")
    parts.append(pieces())
    return parts


@pytest.mark.parametrize("body", [pieces, pieces_in_multipart])
def test_a_generator_is_not_sent_again_and_the_next_request_works(
    auth: AiohttpAuth, rejecting_origin: Origin, sandbox: Sandbox, body: Callable[[], Any]
) -> None:
    """Hazard R4: aiohttp would send nothing the second time, and get a 200 for it."""
    assert post(auth, rejecting_origin.at(), data=body()) == (401, "Unauthorized")
    assert (len(rejecting_origin.requests), sandbox.token_requests) == (1, 2)
    status, text = post(auth, rejecting_origin.at(), data=body())
    assert status == 200
    assert "piecework" in text.replace("\r\n", "")


@pytest.mark.parametrize("replay", ["safe", "never"])
def test_replay_decides_what_is_sent_again(
    source: ClientCredentials, sandbox: Sandbox, rejecting_origin: Origin, replay: Any
) -> None:
    """Hazard R5."""
    auth = AiohttpAuth(source, allowed_hosts=[rejecting_origin.allowed_host], replay=replay)
    assert post(auth, rejecting_origin.at(), json=QUERY)[0] == 401
    assert sandbox.token_requests == 2
    assert post(auth, rejecting_origin.at(), json=QUERY)[0] == 200


# -- what is read of the first response ------------------------------------------------------------

HEAD = b"HTTP/1.1 401 Unauthorized\r\n"


def endless_body(connection: Connection) -> None:
    connection.send(HEAD + b"Content-Length: 1000000000000\r\n\r\n")
    connection.flood(b"no" * 10_000)


def endless_chunks(connection: Connection) -> None:
    connection.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    connection.flood(b"2\r\nno\r\n")


def silence_after_the_head(connection: Connection) -> None:
    connection.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    connection.wait_until_left()


@pytest.mark.parametrize("fault", [endless_body, endless_chunks, silence_after_the_head])
def test_a_response_that_rejects_a_token_without_end_is_closed(
    auth: AiohttpAuth, origin: Origin, fault: Fault
) -> None:
    origin.plan.append(on_the_wire(fault))
    assert post(auth, origin.at(), data=b"q")[0] == 200


def test_a_body_that_is_rejected_while_it_is_sent_is_sent_again_whole(
    auth: AiohttpAuth, origin: Origin
) -> None:
    """A server may respond before it has read the request."""
    body = bytes(range(256)) * 32_768  # more than the buffers of a socket hold

    def reject_unread(connection: Connection) -> None:
        origin.greeting = None
        connection.sock.recv(1024)
        connection.send(HEAD + b"Content-Length: 2\r\nConnection: close\r\n\r\nno")
        connection.wait_until_left()

    origin.greeting = on_the_wire(reject_unread)
    assert post(auth, origin.at(), data=io.BytesIO(body))[0] == 200
    (request,) = origin.requests
    assert request.body == body


@pytest.mark.parametrize("end", ["no token", "cancelled"])
def test_a_request_that_ends_during_recovery_leaves_no_connection_open(
    source: ClientCredentials, auth: AiohttpAuth, origin: Origin, sandbox: Sandbox, end: str
) -> None:
    """Hazard A6."""
    source.token()
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
        acquired: Iterable[Any] = session.connector._acquired
        return list(acquired)

    assert run(auth, work) == []
