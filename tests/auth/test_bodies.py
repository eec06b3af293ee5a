"""The body of a rejected request: sent again byte for byte, or the 401 is returned.

Hazards G9 and R4.
"""

import io
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.kit.clients import ASYNC, HTTPX, HTTPX_SYNC, REQUESTS, SYNC, Client, only
from tests.kit.origin import Origin, Request

CONTENT = bytes(range(256)) * 1000

Post = Callable[..., bytes]
PostTwice = Callable[[Callable[[], dict[str, Any]]], None]


def _without_token(request: Request) -> list[tuple[str, str]]:
    return [(name, value) for name, value in request.headers.items() if name != "authorization"]


@pytest.fixture
def is_sent_again(client: Client, api: Origin) -> Post:
    """Post, check that both tries are equal but for the token, and return the body."""

    def post(**options: Any) -> bytes:
        outcome = client.post(api.at(), **options)
        assert (outcome.status, outcome.history) == (200, (401,))
        first, second = api.requests
        assert first.body == second.body
        assert _without_token(first) == _without_token(second)
        return second.body

    return post


@pytest.fixture
def is_not_sent_again(client: Client, api: Origin, sandbox: Sandbox) -> PostTwice:
    """Post, check that the 401 is returned and that the next request with such a body works."""

    def post(make: Callable[[], dict[str, Any]]) -> None:
        outcome = client.post(api.at(), **make())
        assert (outcome.status, outcome.text, outcome.history) == (401, "Unauthorized", ())
        assert (len(api.requests), sandbox.token_requests) == (1, 2)
        assert client.post(api.at(), **make()).status == 200
        assert all(CONTENT in request.body for request in api.requests)
        assert sandbox.token_requests == 2

    return post


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with `CONTENT`."""
    path = tmp_path / "upload.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"content": CONTENT}, CONTENT),
        ({"content": "größer als € " * 100}, ("größer als € " * 100).encode()),
        ({"data": {"name": "a b", "sum": "1€"}}, b"name=a+b&sum=1%E2%82%AC"),
        ({}, b""),
    ],
    ids=["bytes", "text", "a form", "no body"],
)
def test_what_is_in_memory_is_sent_again(
    is_sent_again: Post, options: dict[str, Any], sent: bytes
) -> None:
    assert is_sent_again(**options) == sent


def test_json_is_sent_again(is_sent_again: Post) -> None:
    assert is_sent_again(json={"price": 1}).replace(b" ", b"") == b'{"price":1}'


def test_a_multipart_form_of_bytes_is_sent_again(is_sent_again: Post) -> None:
    body = is_sent_again(files={"upload": ("name.bin", CONTENT)}, data={"field": "value"})
    assert CONTENT in body
    assert b'name="field"' in body


def test_a_multipart_form_with_an_open_file_is_sent_again(is_sent_again: Post, path: Path) -> None:
    with path.open("rb") as file:
        assert CONTENT in is_sent_again(files={"upload": ("name.bin", file)})


@only(REQUESTS)
@pytest.mark.parametrize("type_", [bytearray, memoryview, io.BytesIO])
def test_requests_sends_other_bytes_in_memory_again(is_sent_again: Post, type_: Any) -> None:
    assert is_sent_again(content=type_(CONTENT)) == CONTENT


@only(REQUESTS)
def test_requests_sends_a_file_again_from_the_position_it_had(
    is_sent_again: Post, path: Path
) -> None:
    with path.open("rb") as file:
        file.seek(1000)
        assert is_sent_again(content=file) == CONTENT[1000:]


@only(REQUESTS)
def test_requests_sends_a_multipart_form_again_whatever_the_file(is_sent_again: Post) -> None:
    """Because requests has the form in memory."""
    assert CONTENT in is_sent_again(files={"upload": ("name.bin", io.BufferedReader(Pipe()))})


class Pipe(io.RawIOBase):
    """A file that can be read once."""

    def __init__(self) -> None:
        self._rest = io.BytesIO(CONTENT)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._rest.readinto(buffer)


class Encoder:
    """A multipart encoder, as uploads with a progress bar use one: a length and no rewind."""

    def __init__(self) -> None:
        self._rest = io.BytesIO(CONTENT)
        self.len = len(CONTENT)

    def read(self, size: int = -1) -> bytes:
        return self._rest.read(size)


class ClosesAtTheEnd(io.BytesIO):
    """A file that closes itself once it has been read."""

    def __init__(self) -> None:
        super().__init__(CONTENT)

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if not data:
            self.close()
        return data


class Unseekable(io.RawIOBase):
    """A file of known length whose methods for seeking raise.

    Args:
        error: What they raise.
    """

    def __init__(self, error: Exception) -> None:
        self._rest = io.BytesIO(CONTENT)
        self._error = error

    def __len__(self) -> int:
        return len(CONTENT)

    def __bool__(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._rest.read(size)

    def tell(self) -> int:
        return 0

    def seekable(self) -> bool:
        raise self._error

    def seek(self, *_: Any) -> int:
        raise self._error


class UnseekableOfKnownLength(Unseekable):
    """One whose end httpx can seek to beforehand, to learn its length."""

    def seek(self, *where: Any) -> int:
        return len(CONTENT) if where[1:] == (io.SEEK_END,) else 0


ERRORS = [NotImplementedError(), ValueError("no"), io.UnsupportedOperation()]


def _generator() -> Iterator[bytes]:
    yield CONTENT[:1000]
    yield CONTENT[1000:]


async def _async_generator() -> AsyncIterator[bytes]:
    yield CONTENT[:1000]
    yield CONTENT[1000:]


@only(SYNC)
@pytest.mark.parametrize("make", [_generator, lambda: io.BufferedReader(Pipe())])
def test_a_generator_or_a_pipe_is_not_sent_again(is_not_sent_again: PostTwice, make: Any) -> None:
    """Sent again, it would arrive empty and be accepted."""
    is_not_sent_again(lambda: {"content": make()})


@only(ASYNC)
def test_an_async_generator_is_not_sent_again(is_not_sent_again: PostTwice) -> None:
    is_not_sent_again(lambda: {"content": _async_generator()})


@only(REQUESTS)
@pytest.mark.parametrize(
    "make", [Encoder, ClosesAtTheEnd, *[lambda error=error: Unseekable(error) for error in ERRORS]]
)
def test_requests_does_not_send_a_file_again_that_cannot_be_rewound(
    is_not_sent_again: PostTwice, make: Any
) -> None:
    """Sent again, it would never end: its length promises bytes that do not come."""
    is_not_sent_again(lambda: {"content": make()})


@only(HTTPX_SYNC)
def test_httpx_does_not_send_an_open_file_again(is_not_sent_again: PostTwice, path: Path) -> None:
    """httpx reads a file as it reads a generator, once."""
    with path.open("rb") as first, path.open("rb") as second:
        files = iter([first, second])
        is_not_sent_again(lambda: {"content": next(files)})


@only(HTTPX)
@pytest.mark.parametrize(
    "make",
    [
        lambda: io.BufferedReader(Pipe()),
        ClosesAtTheEnd,
        *[lambda error=error: UnseekableOfKnownLength(error) for error in ERRORS],
    ],
)
def test_httpx_does_not_send_a_multipart_form_again_whose_file_cannot_be_rewound(
    is_not_sent_again: PostTwice, make: Any
) -> None:
    """Sent again, the form would arrive cut short."""
    is_not_sent_again(lambda: {"files": {"upload": ("name.bin", make())}})


@only(SYNC)
def test_the_401_of_a_generator_is_returned_even_if_no_new_token_can_be_had(
    client: Client, api: Origin, sandbox: Sandbox
) -> None:
    def generator() -> Iterator[bytes]:
        sandbox.outage = 503
        yield CONTENT

    assert client.post(api.at(), content=generator()).status == 401
    assert sandbox.token_requests == 2
    sandbox.outage = None


@only(SYNC)
def test_a_streamed_upload_is_not_collected_in_memory(client: Client, api: Origin) -> None:
    client.post(api.at(), content=_generator())
    (request,) = api.requests
    assert "content-length" not in request.headers
    assert request.headers["transfer-encoding"] == "chunked"
    assert request.body == CONTENT
