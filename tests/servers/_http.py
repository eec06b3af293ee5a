"""The little of HTTP/1.1 that the loopback servers of this folder read by hand."""

from email.message import Message
from typing import Protocol

_PIECE = 65_536


class Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def readline(self, limit: int = -1, /) -> bytes: ...


def skip_body(stream: Stream, headers: Message) -> None:
    """Read past a request's body, so that the next request of the connection can be read."""
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        while size := int(stream.readline().partition(b";")[0], 16):
            _skip(stream, size + len(b"\r\n"))
        while stream.readline().strip():  # trailers
            pass
    else:
        _skip(stream, int(headers.get("Content-Length", 0)))


def _skip(stream: Stream, size: int) -> None:
    while size:
        piece = stream.read(min(size, _PIECE))
        if not piece:
            message = "the connection ended inside a body"
            raise ConnectionError(message)
        size -= len(piece)


def presented_token(authorization: str) -> str:
    """The token of an `Authorization` header, with the word `Bearer` in front of it or without."""
    scheme, space, token = authorization.partition(" ")
    return token.strip() if space and scheme.lower() == "bearer" else authorization.strip()
