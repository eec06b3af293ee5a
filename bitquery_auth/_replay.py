"""How a refused request is sent again: whether its body can be, and what becomes of the first answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from functools import cache
from typing import Any

from bitquery_auth._deadline import Deadline

DRAIN_BYTES = 65536
DRAIN_SECONDS = 2.0
"""A refusal's body is read this far, so that its connection can be used again; beyond, the connection is closed."""


def rewound(request: Any) -> bool:
    """Bring the body of a requests request back to where it began.

    Args:
        request: A `requests.PreparedRequest` that was sent.

    Returns:
        Whether it can be sent again byte for byte; a generator cannot, nor a file that does not seek.
    """
    if request.body is None or isinstance(request.body, (bytes, str)):
        return True
    from requests.exceptions import UnrewindableBodyError  # noqa: PLC0415 - for users of requests only
    from requests.utils import rewind_body  # noqa: PLC0415 - as above

    try:
        rewind_body(request)
    except UnrewindableBodyError:
        return False
    return True


def is_repeatable(stream: Any) -> bool:
    """Whether the body of an httpx request can be sent again byte for byte.

    Args:
        stream: The request's; bytes and text are held in memory, multipart forms rewind their own files.
    """
    if type(stream).__name__ == "ByteStream":  # of httpx or httpx2
        return True
    fields = getattr(stream, "fields", None)
    return fields is not None and all(_can_rewind(getattr(field, "file", b"")) for field in fields)


def _can_rewind(file: Any) -> bool:
    return isinstance(file, (bytes, str)) or (hasattr(file, "seekable") and bool(file.seekable()))


def drain_requests(response: Any) -> None:
    """Read a refusal to its end, within bounds, so that its connection is free for the second try; else close it."""
    body = None
    with Deadline(DRAIN_SECONDS) as deadline, suppress(Exception):
        if (sock := getattr(getattr(response.raw, "connection", None), "sock", None)) is not None:
            deadline.watch(sock)
        body = response.raw.read(DRAIN_BYTES + 1, decode_content=False)
        if len(body) > DRAIN_BYTES or deadline.passed:
            body = None
    if body is None:
        response.close()
    # requests has no public way to give a response the body that was read for it
    response._content = b"" if body is None or _is_encoded(response) else body  # noqa: SLF001 - as said
    response._content_consumed = True  # noqa: SLF001 - as said
    response.close()


def _is_encoded(response: Any) -> bool:
    """Whether a body is compressed. It is given up then: few bytes may unzip to many, or not at all."""
    return "content-encoding" in response.headers


def bound_refusal(response: Any, module: Any) -> None:
    """Bound what httpx reads of a refusal before it sends the next request: on its own it reads to the end.

    Args:
        response: The refusal.
        module: ``httpx`` or ``httpx2``.
    """
    if not response.is_closed:  # else a response hook has read it
        response.stream = _bounded(module)(response)
        response.headers.pop("content-encoding", None)  # what is given is not


@cache
def _bounded(module: Any) -> Any:
    class BoundedStream(module.SyncByteStream, module.AsyncByteStream):  # type: ignore[misc]  # of either family
        """A body that is given whole if it ends soon, and otherwise not at all."""

        def __init__(self, response: Any) -> None:
            self._stream = response.stream
            self._drain = _Drain(response)

        def __iter__(self) -> Iterator[bytes]:
            with self._drain as drain:
                for chunk in drain.worth(self._stream):
                    drain.take(chunk)
            yield drain.body

        async def __aiter__(self) -> AsyncIterator[bytes]:
            with self._drain as drain:
                if drain.worth(self._stream):
                    async for chunk in self._stream:
                        drain.take(chunk)
            yield drain.body

        def close(self) -> None:
            self._stream.close()

        async def aclose(self) -> None:
            await self._stream.aclose()

    return BoundedStream


class _Drain(Deadline):
    """Takes a body in; whatever stops it (its bounds, its connection) leaves it with none."""

    def __init__(self, response: Any) -> None:
        super().__init__(DRAIN_SECONDS)
        self.body = b""
        self._is_encoded = _is_encoded(response)
        # HTTP/2 gives a stream up without its connection, and a shutdown would end the others on it.
        self._is_worth_it = response.http_version != "HTTP/2"
        network = response.extensions.get("network_stream") if self._is_worth_it else None
        if network is not None and (sock := network.get_extra_info("socket")) is not None:
            self.watch(sock)

    def __exit__(self, *exc_info: object) -> bool | None:
        super().__exit__(*exc_info)
        _, error, *_ = exc_info
        if error is not None or self.passed or self._is_encoded or len(self.body) > DRAIN_BYTES:
            self.body = b""
        return isinstance(error, Exception)

    def worth(self, stream: Any) -> Any:
        """The body's stream, if it is worth to be read."""
        return stream if self._is_worth_it else ()

    def take(self, chunk: bytes) -> None:
        """Take a piece in. Beyond the bounds the connection is shut down, and the stream ends by itself.

        To leave it in the middle would leave generators behind, of which trio complains.
        """
        if len(self.body) <= DRAIN_BYTES:
            self.body += chunk
        elif self._watched:
            self.shut_down()
        else:
            raise OverflowError
