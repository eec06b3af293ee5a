"""Form bodies and Basic credentials, decoded as Go's ``net/http`` and ``net/url`` decode them.

Python's own decoders forgive where Go's do not (``%zz``, ``a;b``), and a client that leans on that
would pass here and fail at Hydra.
"""

from __future__ import annotations

import base64
import binascii
import email.parser
import email.policy
import re
from urllib.parse import unquote_to_bytes

from bitquery_auth.sandbox._messages import Request

__all__ = ["basic_credentials", "parse_form", "query_unescape"]

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def query_unescape(raw: bytes) -> str:
    """Decode ``application/x-www-form-urlencoded`` text: ``+`` is a space (Go's ``url.QueryUnescape``).

    Raises:
        ValueError: a ``%`` without two hexadecimal digits after it.
    """
    if _BAD_ESCAPE.search(raw):
        raise ValueError("invalid URL escape")
    return _text(unquote_to_bytes(raw.replace(b"+", b" ")))


def basic_credentials(authorization: str) -> tuple[bytes, bytes] | None:
    """Take the two halves of a Basic header, still form-encoded (Go's ``Request.BasicAuth``).

    None for anything else, bad base64 included: Go then looks at the request as if the header were
    not there.
    """
    if authorization[:6].lower() != "basic ":
        return None
    try:
        user_id, colon, password = base64.b64decode(authorization[6:], validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return (user_id, password) if colon else None


def parse_form(request: Request) -> dict[str, str]:
    """Give the fields of a form body, the first value where one is repeated (Go's ``Request.PostForm``).

    Empty for any other content type. The URL's query is no part of it.
    """
    match request.media_type:
        case "application/x-www-form-urlencoded":
            return _urlencoded(request.body)
        case "multipart/form-data":
            return _multipart(request.headers["content-type"], request.body)
        case _:
            return {}


def _urlencoded(body: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    for pair in body.split(b"&"):
        # Go reports a semicolon or a bad escape as an error, which ParseMultipartForm then drops
        # in favour of its own ErrNotMultipart: what remains is a form without that field.
        if not pair or b";" in pair:
            continue
        name, _, value = pair.partition(b"=")
        try:
            fields.setdefault(query_unescape(name), query_unescape(value))
        except ValueError:
            continue
    return fields


def _multipart(content_type: str, body: bytes) -> dict[str, str]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1")
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    fields: dict[str, str] = {}
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            fields.setdefault(name, _text(content))
    return fields


def _text(raw: bytes) -> str:
    """Decode as UTF-8; bytes that are none stay distinct, as in a Go string."""
    return raw.decode("utf-8", "surrogateescape")
