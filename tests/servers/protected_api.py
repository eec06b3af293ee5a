"""A small API on loopback, for authorization servers that only issue tokens.

It asks the real server about each token, as a resource server does (RFC 7662).
"""

import contextlib
import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Protocol, cast

import requests

from ._http import presented_token, skip_body
from ._loopback import LoopbackServer

API_PATH = "/graphql"


class Api(Protocol):
    """An API that counts the requests it gets."""

    @property
    def url(self) -> str: ...

    @property
    def requests(self) -> int: ...

    def reset_counts(self) -> None: ...


class ProtectedApi(LoopbackServer):
    def __init__(self, is_live: Callable[[str], bool]) -> None:
        super().__init__(_Handler)
        self.is_live = is_live
        self._requests = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return self.origin + API_PATH

    def note_request(self) -> None:
        with self._lock:
            self._requests += 1

    @property
    def requests(self) -> int:
        with self._lock:
            return self._requests

    def reset_counts(self) -> None:
        with self._lock:
            self._requests = 0


@contextlib.contextmanager
def protected_api(is_live: Callable[[str], bool]) -> Iterator[ProtectedApi]:
    """An API that answers those whose token is live."""
    api = ProtectedApi(is_live)
    with api.serving():
        yield api


def introspection(url: str, auth: tuple[str, str] | None = None) -> Callable[[str], bool]:
    """A judge of tokens that asks the introspection endpoint at `url`."""

    def is_live(token: str) -> bool:
        if not token:
            return False
        with requests.Session() as session:
            session.trust_env = False
            response = session.post(url, data={"token": token}, auth=auth, timeout=10)
        response.raise_for_status()
        return bool(response.json()["active"])

    return is_live


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept
    disable_nagle_algorithm = True  # headers and body leave as two packets, and neither waits

    def _answer(self) -> None:
        api = cast("ProtectedApi", self.server)
        api.note_request()
        skip_body(self.rfile, self.headers)
        if api.is_live(presented_token(self.headers.get("Authorization", ""))):
            self._send(200, "application/json", b'{"data":{"ok":true}}')
        else:
            self._send(401, "text/plain", b"Unauthorized")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the tests count the requests instead."""
