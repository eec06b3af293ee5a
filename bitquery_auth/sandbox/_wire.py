"""HTTP/1.1 on a byte stream: reads a request, writes a response (RFC 9112)."""

from __future__ import annotations

import string
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import BinaryIO

from bitquery_auth.sandbox._messages import Headers, Request, Response, reason_phrase

__all__ = ["BadRequestError", "VanishedError", "encode_response", "read_request"]

_MAX_LINE = 64 * 1024
_MAX_HEADERS = 200
_MAX_BODY = 16 * 1024 * 1024

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class BadRequestError(Exception):
    """What came is not HTTP, or more than is read here."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.response = Response.text(status, reason)


class VanishedError(Exception):
    """The client closed the connection in the middle of a request."""


def read_request(stream: BinaryIO, send: Callable[[bytes], object]) -> Request | None:
    """Read one request, whose client is told to go on where it asks (``Expect: 100-continue``).

    Returns:
        The request, or None where the client has closed the connection after the one before.

    Raises:
        BadRequestError: it cannot be read; the connection is of no more use.
        VanishedError: it ends in the middle.
    """
    line = stream.readline(_MAX_LINE)
    if line in {b"\r\n", b"\n"}:  # RFC 9112 §2.2: one empty line in front is to be ignored
        line = stream.readline(_MAX_LINE)
    if not line:
        return None
    method, target, version = _request_line(_whole(line))
    headers = _read_headers(stream)
    chunked = "chunked" in headers.get("transfer-encoding", "").lower()
    length = _content_length(headers)
    if "100-continue" in headers.get("expect", "").lower() and (chunked or length):
        send(_CONTINUE)
    # RFC 9112 §6.3: a transfer coding overrides a length.
    body = _read_chunks(stream) if chunked else _read_exactly(stream, length)
    close = version == "HTTP/1.0" or "close" in headers.get("connection", "").lower()  # RFC 9112 §9.3
    return Request(method, target, headers, body, close)


def encode_response(response: Response, *, head_only: bool = False, close: bool = False) -> bytes:
    """Put an answer into bytes; all at once, so that it leaves in one segment.

    Args:
        response: The answer.
        head_only: Leave the body out: it answers a HEAD request.
        close: Say that the connection ends here.
    """
    lines = [f"HTTP/1.1 {response.status} {reason_phrase(response.status)}", f"Date: {formatdate(usegmt=True)}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    # RFC 9110 §8.6: these answers have neither a body nor a length.
    bodiless = response.status < HTTPStatus.OK or response.status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
    if not bodiless:
        lines.append(f"Content-Length: {len(response.body)}")
    if close:
        lines.append("Connection: close")
    head = "\r\n".join([*lines, "\r\n"]).encode("latin-1", "replace")
    return head if bodiless or head_only else head + response.body


def _whole(line: bytes) -> bytes:
    if line.endswith(b"\n"):
        return line.rstrip(b"\r\n")
    if len(line) >= _MAX_LINE:
        raise BadRequestError(431, "Line too long")
    raise VanishedError


def _request_line(line: bytes) -> tuple[str, str, str]:
    match line.decode("latin-1").split(" "):
        case [method, target, ("HTTP/1.1" | "HTTP/1.0") as version] if method.isalpha() and target:
            return method, target, version
        case _:
            raise BadRequestError(400, "Bad request line")


def _read_headers(stream: BinaryIO) -> Headers:
    pairs: list[tuple[str, str]] = []
    while line := _whole(stream.readline(_MAX_LINE)):
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequestError(400, "Bad header")
        if len(pairs) == _MAX_HEADERS:
            raise BadRequestError(431, "Too many headers")
        pairs.append((name, value.strip()))
    return Headers(tuple(pairs))


def _content_length(headers: Headers) -> int:
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(_MAX_BODY)):
        raise BadRequestError(400, "Bad Content-Length")
    return int(text)


def _read_chunks(stream: BinaryIO) -> bytes:
    body = bytearray()
    while size := _chunk_size(_whole(stream.readline(_MAX_LINE))):
        if len(body) + size > _MAX_BODY:
            raise BadRequestError(413, "Body too large")
        body += _read_exactly(stream, size)
        if _whole(stream.readline(_MAX_LINE)):
            raise BadRequestError(400, "Bad chunk")
    _read_headers(stream)  # the trailer section (RFC 9112 §7.1.2)
    return bytes(body)


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    # Checked first: int() would take a sign, an underscore or 0x as well.
    if not digits or digits.strip(string.hexdigits.encode()):
        raise BadRequestError(400, "Bad chunk size")
    return int(digits, 16)


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    if size > _MAX_BODY:
        raise BadRequestError(413, "Body too large")
    content = stream.read(size)
    if len(content) < size:
        raise VanishedError
    return content
