"""A refused request's body: sent again byte for byte, or the refusal is handed over and the next request works."""

import io
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request
from tests.behaviour.conftest import ASYNC, HTTPX, HTTPX_SYNC, REQUESTS, SYNC, Open, only
from tests.kit.clients import Client
from tests.kit.origin import Origin, refusing_the_first_token

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def api(open_client: Open, sandbox: Sandbox, origin: Origin) -> Client:
    """A client of an API that refuses the first token."""
    origin.handler = refusing_the_first_token()
    return open_client(sandbox.credentials(), allowed_hosts=[origin.allowed_host])


def replayed(api: Client, origin: Origin, **options: Any) -> tuple[Request, Request]:
    """Send it, and give what was sent first and what was sent again."""
    outcome = api.post(origin.at(), **options)
    assert (outcome.status, outcome.history) == (200, (401,))
    first, second = origin.requests
    assert first.body == second.body
    kept = [(name, value) for name, value in first.headers.items() if name != "authorization"]
    assert kept == [(name, value) for name, value in second.headers.items() if name != "authorization"]
    return first, second


def handed_over(api: Client, origin: Origin, sandbox: Sandbox, make: Callable[[], dict[str, Any]]) -> None:
    """Send it, take the refusal, and send another like it."""
    outcome = api.post(origin.at(), **make())
    assert (outcome.status, outcome.text, outcome.history) == (401, "Unauthorized", ())
    assert (len(origin.requests), sandbox.token_requests) == (1, 2)
    assert api.post(origin.at(), **make()).status == 200
    first, second = origin.requests
    assert CONTENT in first.body  # nothing was cut short
    assert CONTENT in second.body
    assert sandbox.token_requests == 2


# -- sent again -------------------------------------------------------------------------------------


def test_bytes_are_sent_again(api: Client, origin: Origin) -> None:
    """Hazard R4."""
    assert replayed(api, origin, content=CONTENT)[1].body == CONTENT


def test_text_is_sent_again(api: Client, origin: Origin) -> None:
    """Hazard R4."""
    text = "größer als € " * 100
    assert replayed(api, origin, content=text)[1].body == text.encode()


def test_json_is_sent_again(api: Client, origin: Origin) -> None:
    """Hazard R4."""
    assert b"\xe2\x82\xac" in replayed(api, origin, json={"price": "€"})[1].body.replace(b"\\u20ac", "€".encode())


def test_a_form_is_sent_again(api: Client, origin: Origin) -> None:
    """Hazard R4."""
    assert replayed(api, origin, data={"name": "a b", "sum": "1€"})[1].body == b"name=a+b&sum=1%E2%82%AC"


def test_nothing_is_sent_again_as_nothing(api: Client, origin: Origin) -> None:
    """Hazard R4."""
    assert replayed(api, origin)[1].body == b""


def test_a_multipart_form_of_bytes_is_sent_again(api: Client, origin: Origin) -> None:
    """Hazard R4: also the boundary is the same."""
    second = replayed(api, origin, files={"upload": ("name.bin", CONTENT)}, data={"field": "value"})[1]
    assert CONTENT in second.body
    assert b'name="field"' in second.body


def test_a_multipart_form_with_an_opened_file_is_sent_again(api: Client, origin: Origin, tmp_path: Path) -> None:
    """Hazard R4."""
    path = tmp_path / "upload.bin"
    path.write_bytes(CONTENT)
    with path.open("rb") as file:
        assert CONTENT in replayed(api, origin, files={"upload": ("name.bin", file)})[1].body


@only(REQUESTS)
def test_requests_sends_a_file_again_from_where_it_was(api: Client, origin: Origin, tmp_path: Path) -> None:
    """Hazard R4: rewound to the position at which it was handed in, not to its beginning."""
    path = tmp_path / "upload.bin"
    path.write_bytes(CONTENT)
    with path.open("rb") as file:
        file.seek(1000)
        assert replayed(api, origin, content=file)[1].body == CONTENT[1000:]


@only(REQUESTS)
def test_requests_sends_a_file_in_memory_again(api: Client, origin: Origin) -> None:
    """Hazard R4: without a rewind this waits for bytes that never come."""
    assert replayed(api, origin, content=io.BytesIO(CONTENT))[1].body == CONTENT


# -- handed over ------------------------------------------------------------------------------------


class OneWay(io.RawIOBase):
    """A file such as a pipe: it is read once."""

    def __init__(self) -> None:
        self._rest = io.BytesIO(CONTENT)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._rest.readinto(buffer)


class WithLength:
    """An encoder of multipart forms, as uploads with a progress bar use them: a length, and nothing to rewind."""

    def __init__(self) -> None:
        self._rest = io.BytesIO(CONTENT)
        self.len = len(CONTENT)

    def read(self, size: int = -1) -> bytes:
        return self._rest.read(size)


@only(SYNC)
def test_the_refusal_of_a_generator_is_handed_over(api: Client, origin: Origin, sandbox: Sandbox) -> None:
    """Hazard R4: sent again, it would arrive empty, and be answered 200."""

    def generator() -> Iterator[bytes]:
        yield CONTENT[:1000]
        yield CONTENT[1000:]

    handed_over(api, origin, sandbox, lambda: {"content": generator()})


@only(SYNC)
def test_the_refusal_of_a_generator_is_handed_over_even_where_no_token_can_be_had(
    api: Client, origin: Origin, sandbox: Sandbox
) -> None:
    """Hazard R4: nothing would be sent again, so nothing is worth an error."""

    def generator() -> Iterator[bytes]:
        sandbox.outage = 503
        yield CONTENT

    assert api.post(origin.at(), content=generator()).status == 401
    assert sandbox.token_requests == 2
    sandbox.outage = None


@only(ASYNC)
def test_the_refusal_of_an_async_generator_is_handed_over(api: Client, origin: Origin, sandbox: Sandbox) -> None:
    """Hazard R4."""

    async def generator() -> AsyncIterator[bytes]:
        yield CONTENT[:1000]
        yield CONTENT[1000:]

    handed_over(api, origin, sandbox, lambda: {"content": generator()})


@only(SYNC)
def test_the_refusal_of_a_file_that_does_not_seek_is_handed_over(api: Client, origin: Origin, sandbox: Sandbox) -> None:
    """Hazard R4."""
    handed_over(api, origin, sandbox, lambda: {"content": io.BufferedReader(OneWay())})


@only(REQUESTS)
def test_the_refusal_of_an_encoder_with_a_length_is_handed_over(api: Client, origin: Origin, sandbox: Sandbox) -> None:
    """Hazard R4: sent again, it would wait for ever."""
    handed_over(api, origin, sandbox, lambda: {"content": WithLength()})


@only(HTTPX_SYNC)
def test_httpx_hands_the_refusal_of_an_opened_file_over(
    api: Client, origin: Origin, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Hazard R4: httpx reads a file as it reads a generator, once."""
    path = tmp_path / "upload.bin"
    path.write_bytes(CONTENT)
    with path.open("rb") as first, path.open("rb") as second:
        files = iter([first, second])
        handed_over(api, origin, sandbox, lambda: {"content": next(files)})


@only(REQUESTS)
def test_requests_sends_a_multipart_form_again_whatever_the_file(api: Client, origin: Origin) -> None:
    """Hazard R4: requests has the form in memory."""
    assert CONTENT in replayed(api, origin, files={"upload": ("name.bin", io.BufferedReader(OneWay()))})[1].body


@only(HTTPX)
def test_httpx_hands_the_refusal_of_a_multipart_form_with_a_file_that_does_not_seek_over(
    api: Client, origin: Origin, sandbox: Sandbox
) -> None:
    """Hazard R4: sent again, the form would arrive cut short."""
    handed_over(api, origin, sandbox, lambda: {"files": {"upload": ("name.bin", io.BufferedReader(OneWay()))}})


@only(SYNC)
def test_a_streamed_upload_is_not_gathered_in_memory_first(api: Client, origin: Origin) -> None:
    """Hazard G9: it goes out as it is made, without a length."""

    def generator() -> Iterator[bytes]:
        yield b"beginning"
        yield b"end"

    api.post(origin.at(), content=generator())
    (request,) = origin.requests
    assert "content-length" not in request.headers
    assert request.headers["transfer-encoding"] == "chunked"
    assert request.body == b"beginningend"
