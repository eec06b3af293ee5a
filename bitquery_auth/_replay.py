"""How a refused request is sent again: whether it may be, whether its body can be, what becomes of the first answer."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from bitquery_auth._deadline import Deadline

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing on the server (RFC 9110 §9.2.1)."""

DRAIN_BYTES = 65536
DRAIN_SECONDS = 2.0
"""A refusal's body is read this far, so that its connection can be used again; beyond, the connection is closed."""


def is_replayed(replay: str, method: str | None) -> bool:
    """Whether a refused request of that method is sent again.

    Args:
        replay: ``"all"``, ``"safe"`` or ``"never"``.
        method: Of the request.
    """
    return replay == "all" or (replay == "safe" and (method or "").upper() in SAFE_METHODS)


class Drain(Deadline):
    """The body of a refusal, read within bounds; whatever stops the reading (them, the connection) leaves none of it.

    Args:
        response: The refusal, of any client.
    """

    def __init__(self, response: Any) -> None:
        super().__init__(DRAIN_SECONDS)
        self.body = b""
        self.is_whole = False
        self._is_encoded = "content-encoding" in response.headers

    def __exit__(self, *exc_info: object) -> bool | None:
        super().__exit__(*exc_info)
        _, error, *_ = exc_info
        self.is_whole = error is None and not self.passed and len(self.body) <= DRAIN_BYTES
        if not self.is_whole or self._is_encoded:  # few bytes may unzip to many, or not at all
            self.body = b""
        return isinstance(error, Exception)

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


# -- requests ----------------------------------------------------------------------------------------


def rewound(request: Any) -> bool:
    """Bring the body of a request back to where it began: whether it can be sent again byte for byte.

    A generator cannot, nor a file that does not seek.
    """
    if request.body is None or isinstance(request.body, (bytes, bytearray, memoryview, str)):
        return True
    from requests.utils import rewind_body  # noqa: PLC0415 - for users of requests only

    with suppress(Exception):  # requests' own, or whatever the user's file raises: it may close itself at its end
        rewind_body(request)
        return True
    return False


def drain_requests(response: Any) -> None:
    """Read a refusal to its end, within bounds, so that its connection is free for the second try; else close it."""
    with Drain(response) as drained:
        if (connection := getattr(response.raw, "connection", None)) is not None:
            if connection.sock is None:  # the server closes it after this answer: it is read for nothing
                raise OverflowError
            drained.watch(connection.sock)
        drained.body = response.raw.read(DRAIN_BYTES + 1, decode_content=False)
    response._content_consumed = drained.is_whole  # noqa: SLF001 - by this, closing keeps the connection or does not
    response.close()
    # requests has no public way to give a response the body that was read for it
    response._content = drained.body  # noqa: SLF001 - as said
    response._content_consumed = True  # noqa: SLF001 - as said


# -- httpx and httpx2 --------------------------------------------------------------------------------


def is_repeatable(request: Any, module: Any) -> bool:
    """Whether a body can be sent again byte for byte: bytes and text are in memory, forms rewind their own files.

    Args:
        request: The request.
        module: ``httpx`` or ``httpx2``, whichever it is of.
    """
    if isinstance(request.stream, module.ByteStream):
        return True
    fields = getattr(request.stream, "fields", None)
    return fields is not None and all(_can_rewind(getattr(field, "file", b"")) for field in fields)


def _can_rewind(file: Any) -> bool:
    with suppress(Exception):  # as above
        return isinstance(file, (bytes, str)) or (hasattr(file, "seekable") and bool(file.seekable()))
    return False


def drain_httpx(response: Any, module: Any) -> None:
    """Read a refusal within bounds: on its own, httpx reads it to its end before it sends the next request.

    Args:
        response: The refusal; it is left with what fits the bounds.
        module: As above.
    """
    if response.is_closed:  # a response hook has read it
        return
    with Drain(response) as drained:
        _watch(drained, response)
        for chunk in response.stream:
            drained.take(chunk)
    response.stream.close()
    _give(response, module.ByteStream(drained.body))


async def adrain_httpx(response: Any, module: Any) -> None:
    """Do what `drain_httpx` does, without blocking the event loop."""
    if response.is_closed:  # as above
        return
    with Drain(response) as drained:
        _watch(drained, response)
        async for chunk in response.stream:
            drained.take(chunk)
    await response.stream.aclose()
    _give(response, module.ByteStream(drained.body))


def _watch(drained: Drain, response: Any) -> None:
    if response.http_version == "HTTP/2":
        # A stream is given up without its connection there, and a shutdown would end the others on it.
        raise OverflowError
    network = response.extensions.get("network_stream")
    if network is not None and (sock := network.get_extra_info("socket")) is not None:
        drained.watch(sock)


def _give(response: Any, stream: Any) -> None:
    response.stream = stream
    response.headers.pop("content-encoding", None)  # what is given is not
