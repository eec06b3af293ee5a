"""The body of a rejected request: sent again, or the 401 is returned (hazards G9 and R4)."""

import io
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.kit.clients import ASYNC, HTTPX, REQUESTS, SYNC, Client, only
from tests.kit.origin import Origin, Request

CONTENT = bytes(range(256)) * 1000
REST = CONTENT[1000:]
TEXT = "größer als € " * 100
ERRORS = [OSError, ValueError, TypeError, AttributeError, NotImplementedError]

IN_MEMORY: dict[str, tuple[dict[str, Any], bytes]] = {
    "bytes": ({"content": CONTENT}, CONTENT),
    "text": ({"content": TEXT}, TEXT.encode()),
    "a form": ({"data": {"name": "a b", "sum": "1€"}}, b"name=a+b&sum=1%E2%82%AC"),
    "json": ({"json": [7]}, b"[7]"),
    "no body": ({}, b""),
}


class Unrewindable(io.BytesIO):
    """A file that raises where it is to be rewound, or says that it cannot be."""

    def __init__(self, error: type[Exception] | None = None) -> None:
        super().__init__(CONTENT)
        self._error = error
        self._was_read = False

    def read(self, size: int | None = -1, /) -> bytes:
        self._was_read = True
        return super().read(size)

    def seekable(self) -> bool:
        if self._error is not None:
            raise self._error
        return False

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if self._was_read:
            raise self._error or io.UnsupportedOperation
        return super().seek(offset, whence)


each_unrewindable = pytest.mark.parametrize("error", [None, *ERRORS])


def generator() -> Iterator[bytes]:
    yield CONTENT[:1000]
    yield CONTENT[1000:]


async def async_generator() -> AsyncIterator[bytes]:
    yield CONTENT[:1000]
    yield CONTENT[1000:]


def partly_read() -> io.BytesIO:
    file = io.BytesIO(CONTENT)
    file.seek(1000)
    return file


def without_token(request: Request) -> list[tuple[str, str]]:
    return [(name, value) for name, value in request.headers.items() if name != "authorization"]


def body_of_both_tries(client: Client, api: Origin, **options: Any) -> bytes:
    """Post, check that both tries are equal but for the token, and return the body."""
    outcome = client.post(api.at(), **options)
    assert (outcome.status, outcome.history) == (200, (401,))
    first, second = api.requests
    assert first.body == second.body
    assert without_token(first) == without_token(second)
    return second.body


@pytest.mark.parametrize(("options", "sent"), IN_MEMORY.values(), ids=IN_MEMORY)
def test_what_is_in_memory_is_sent_again(
    client: Client, api: Origin, options: dict[str, Any], sent: bytes
) -> None:
    assert body_of_both_tries(client, api, **options) == sent


@pytest.mark.parametrize("make", [lambda: CONTENT, lambda: io.BytesIO(CONTENT)])
def test_a_multipart_form_of_bytes_or_an_open_file_is_sent_again(
    client: Client, api: Origin, make: Callable[[], Any]
) -> None:
    files = {"upload": ("name.bin", make())}
    body = body_of_both_tries(client, api, files=files, data={"field": "value"})
    assert CONTENT in body
    assert b'name="field"' in body


@only(REQUESTS)
@pytest.mark.parametrize("make", [lambda: bytearray(REST), lambda: memoryview(REST), partly_read])
def test_requests_sends_other_bytes_and_files_again_from_the_position_they_had(
    client: Client, api: Origin, make: Callable[[], Any]
) -> None:
    assert body_of_both_tries(client, api, content=make()) == REST


@only(REQUESTS)
def test_requests_sends_a_multipart_form_again_whatever_the_file(
    client: Client, api: Origin
) -> None:
    """Because requests has the form in memory."""
    files = {"upload": ("name.bin", Unrewindable())}
    assert CONTENT in body_of_both_tries(client, api, files=files)


@pytest.fixture
def is_not_sent_again(
    client: Client, api: Origin, sandbox: Sandbox
) -> Callable[[Callable[[], dict[str, Any]]], None]:
    """Post, check that the 401 is returned and that the next request with such a body works."""

    def post(make: Callable[[], dict[str, Any]]) -> None:
        outcome = client.post(api.at(), **make())
        assert (outcome.status, outcome.text, outcome.history) == (401, "Unauthorized", ())
        assert (len(api.requests), sandbox.token_requests) == (1, 2)
        assert client.post(api.at(), **make()).status == 200
        assert all(CONTENT in request.body for request in api.requests)
        assert sandbox.token_requests == 2

    return post


@only(SYNC)
@pytest.mark.parametrize("make", [generator, Unrewindable])
def test_what_can_be_read_once_is_not_sent_again(is_not_sent_again: Any, make: Any) -> None:
    """Sent again, it would arrive empty and be accepted. To httpx every file is such a stream."""
    is_not_sent_again(lambda: {"content": make()})


@only(ASYNC)
def test_an_async_generator_is_not_sent_again(is_not_sent_again: Any) -> None:
    is_not_sent_again(lambda: {"content": async_generator()})


@only(REQUESTS)
@each_unrewindable
def test_requests_does_not_send_a_file_again_that_cannot_be_rewound(
    is_not_sent_again: Any, error: type[Exception] | None
) -> None:
    """Sent again, it would never end: its length promises bytes that do not come."""
    is_not_sent_again(lambda: {"content": Unrewindable(error)})


@only(HTTPX)
@each_unrewindable
def test_httpx_does_not_send_a_multipart_form_again_whose_file_cannot_be_rewound(
    is_not_sent_again: Any, error: type[Exception] | None
) -> None:
    """Sent again, the form would arrive cut short."""
    is_not_sent_again(lambda: {"files": {"upload": ("name.bin", Unrewindable(error))}})


@only(SYNC)
def test_a_streamed_upload_is_not_collected_in_memory_and_its_401_is_returned_without_a_new_token(
    client: Client, api: Origin, sandbox: Sandbox
) -> None:
    def during_an_outage() -> Iterator[bytes]:
        sandbox.outage = 503
        yield from generator()

    assert client.post(api.at(), content=during_an_outage()).status == 401
    assert sandbox.token_requests == 2
    (request,) = api.requests
    assert "content-length" not in request.headers
    assert request.headers["transfer-encoding"] == "chunked"
    assert request.body == CONTENT
