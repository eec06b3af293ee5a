"""aiohttp and bodies: what is sent again after a refusal, and what is read of one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from tests.integrations.needs import needs

needs("aiohttp", "bitquery_auth[aiohttp]")

from bitquery_auth import TokenEndpointError  # noqa: E402
from bitquery_auth.integrations.aiohttp import AiohttpAuth  # noqa: E402
from bitquery_auth.sandbox import Sandbox  # noqa: E402
from tests.behaviour.conftest import until  # noqa: E402
from tests.integrations.aiohttp_session import QUERY, post, run  # noqa: E402
from tests.kit.origin import Origin, refusing_the_first_token  # noqa: E402


@pytest.fixture
def everywhere(sandbox: Sandbox) -> AiohttpAuth:
    """One that may send its token anywhere on this machine."""
    return AiohttpAuth(sandbox.credentials(), allowed_hosts=["127.0.0.1", "localhost"])


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as running:
        yield running


@pytest.mark.parametrize(
    "body", [{"data": b"\x00\xff"}, {"data": "größer"}, {"json": QUERY}, {"data": {"a": "b c"}}, {}]
)
def test_what_is_held_in_memory_is_sent_again(everywhere: AiohttpAuth, origin: Origin, body: dict[str, Any]) -> None:
    """Hazard R4."""
    origin.handler = refusing_the_first_token()
    assert post(everywhere, origin.at(), **body)[0] == 200
    first, second = origin.requests
    assert first.body == second.body
    assert bool(first.body) == bool(body)


def test_a_generator_is_not_sent_again_and_the_next_request_works(
    everywhere: AiohttpAuth, origin: Origin, sandbox: Sandbox
) -> None:
    """Hazard R4: aiohttp would send nothing the second time, and get a 200 for it."""
    origin.handler = refusing_the_first_token()

    async def body() -> AsyncIterator[bytes]:
        yield b"piece"
        yield b"work"

    assert post(everywhere, origin.at(), data=body()) == (401, "Unauthorized")
    assert (len(origin.requests), sandbox.token_requests) == (1, 2)
    assert post(everywhere, origin.at(), data=body()) == (200, "piecework")


@pytest.mark.parametrize("replay", ["safe", "never"])
def test_replay_says_what_is_sent_again(sandbox: Sandbox, origin: Origin, replay: Any) -> None:
    """Hazard R5."""
    origin.handler = refusing_the_first_token()
    auth = AiohttpAuth(sandbox.credentials(), allowed_hosts=[origin.allowed_host], replay=replay)
    assert post(auth, origin.at(), json=QUERY)[0] == 401
    assert sandbox.token_requests == 2
    assert post(auth, origin.at(), json=QUERY)[0] == 200


# -- what is read of a refusal ---------------------------------------------------------------------

HEAD = b"HTTP/1.1 401 Unauthorized\r\n"
REFUSALS = {
    "stops": (0.1, HEAD + b"Content-Length: 100\r\n\r\nno", b""),
    "goes on for ever": (600, HEAD + b"Content-Length: 1000000000000\r\n\r\n", b"no" * 10_000),
    "is compressed": (600, HEAD + b"Content-Encoding: gzip\r\nContent-Length: 100\r\n\r\n", b""),
}
"""How long a refusal may be read, how it begins, and how it goes on."""


@asynccontextmanager
async def refusing_once(head: bytes, piece: bytes) -> AsyncIterator[str]:
    """Refuse the first request, without coming to an end; give the URL."""
    refused: list[int] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            if refused:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            else:
                refused.append(1)
                writer.write(head)
                while piece:
                    writer.write(piece)
                    await writer.drain()
                await reader.read()  # until the client hangs up
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@pytest.mark.parametrize(("seconds", "head", "piece"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_without_end_is_given_up(
    everywhere: AiohttpAuth, monkeypatch: pytest.MonkeyPatch, seconds: float, head: bytes, piece: bytes
) -> None:
    """By bytes and by time; few compressed bytes may be many."""
    monkeypatch.setattr("bitquery_auth.integrations.aiohttp.DRAIN_SECONDS", seconds)

    async def work(session: Any) -> int:
        async with refusing_once(head, piece) as url, session.post(url) as response:
            return int(response.status)

    assert run(everywhere, work) == 200


@pytest.mark.parametrize("end", ["no token to be had", "cancelled"])
def test_a_request_that_ends_after_its_refusal_leaves_no_connection_open(
    everywhere: AiohttpAuth, sandbox: Sandbox, end: str
) -> None:
    """Hazard A6: whatever it ends with."""
    everywhere._source.token()
    _, head, piece = REFUSALS["stops"]
    sandbox.delay, sandbox.outage = (0, 503) if end == "no token to be had" else (0.3, None)

    async def work(session: Any) -> int:
        async with refusing_once(head, piece) as url:
            request = asyncio.ensure_future(session.post(url))
            await asyncio.to_thread(until, lambda: sandbox.token_requests == 2)
            if end == "cancelled":
                request.cancel()
            with pytest.raises((TokenEndpointError, asyncio.CancelledError)) as caught:
                await request
            assert (caught.type is asyncio.CancelledError) is (end == "cancelled")
            return len(session.connector._acquired)

    assert run(everywhere, work) == 0
