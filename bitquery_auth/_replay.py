"""How a refused request is sent again: whether its body can be, and what becomes of the first answer."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from bitquery_auth._transport import Deadline

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
    from requests.utils import rewind_body  # noqa: PLC0415

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
        body = response.raw.read(DRAIN_BYTES + 1, decode_content=True)
        if len(body) > DRAIN_BYTES or deadline.passed:
            body = None
    if body is None:
        response.close()
    # requests has no public way to give a response the body that was read for it
    response._content = body or b""  # noqa: SLF001
    response._content_consumed = True  # noqa: SLF001
    response.close()


def drain_httpx(response: Any, byte_stream: Any) -> None:
    """Do the same for httpx, which reads a refusal on its own, but without bounds.

    Args:
        response: The refusal.
        byte_stream: ``httpx.ByteStream`` of the same family.
    """
    if response.is_closed:  # a response hook has read it
        return
    body = b""
    with _deadline_of(response) as deadline, suppress(Exception):
        for chunk in response.stream if _is_worth_reading(response) else ():
            body += chunk
            if len(body) > DRAIN_BYTES or deadline.passed:
                body = b""
                break
    response.stream.close()
    response.stream = byte_stream(body)


async def adrain_httpx(response: Any, byte_stream: Any) -> None:
    """Do the same for an async client."""
    if response.is_closed:
        return
    body = b""
    with _deadline_of(response) as deadline, suppress(Exception):
        if _is_worth_reading(response):
            async for chunk in response.stream:
                body += chunk
                if len(body) > DRAIN_BYTES or deadline.passed:
                    body = b""
                    break
    await response.stream.aclose()
    response.stream = byte_stream(body)


def _is_worth_reading(response: Any) -> bool:
    """Not over HTTP/2: there a stream is given up without its connection, and a shutdown would end the others."""
    return bool(response.http_version != "HTTP/2")


def _deadline_of(response: Any) -> Deadline:
    deadline = Deadline(DRAIN_SECONDS)
    network = response.extensions.get("network_stream")
    if network is not None and _is_worth_reading(response):
        with suppress(Exception):
            deadline.watch(network.get_extra_info("socket"))
    return deadline
