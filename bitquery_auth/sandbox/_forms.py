"""Form bodies and Basic credentials, decoded as Go's ``net/http`` and ``net/url`` decode them.

Python's own decoders accept what Go's do not, such as ``%zz``. A client that relies on that would
pass here and fail at Hydra.
"""

from __future__ import annotations

import base64
import binascii
import email.parser
import email.policy
import re
from urllib.parse import unquote_to_bytes

from bitquery_auth.sandbox._messages import Request

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def query_unescape(raw: bytes) -> str:
    """Decode ``application/x-www-form-urlencoded`` text (Go's ``url.QueryUnescape``).

    Raises:
        ValueError: A ``%`` is not followed by two hexadecimal digits.
    """
    if _BAD_ESCAPE.search(raw):
        raise ValueError("invalid URL escape")
    return _text(unquote_to_bytes(raw.replace(b"+", b" ")))


def basic_credentials(authorization: str) -> tuple[bytes, bytes] | None:
    """Return id and secret of a Basic header, still form-encoded (Go's ``Request.BasicAuth``).

    None for anything else, including bad base64: Go then handles the request as if it had no such
    header.
    """
    if authorization[:6].lower() != "basic ":
        return None
    try:
        decoded = base64.b64decode(authorization[6:], validate=True)
    except (binascii.Error, ValueError):
        return None
    client_id, colon, client_secret = decoded.partition(b":")
    return (client_id, client_secret) if colon else None


def parse_form(request: Request) -> dict[str, str]:
    """Return the fields of a form body, the first value where one is repeated (Go's ``PostForm``).

    Empty for any other content type. The query of the URL does not count.
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
    for pair in filter(None, body.split(b"&")):
        name, _, value = pair.partition(b"=")
        try:
            fields.setdefault(query_unescape(name), query_unescape(value))
        except ValueError:
            continue  # Hydra ignores Go's error: the form lacks that field and has the others.
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
    """Decode UTF-8 and keep invalid bytes distinct, as a Go string does."""
    return raw.decode("utf-8", "surrogateescape")
