"""The HTTP server: reads requests from connections and sends what a function responds."""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from email.message import Message
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase
from typing import Any

from bitquery_auth.sandbox._messages import Headers, Request, Response

Pause = Callable[[float], bool]
"""Waits this many seconds, but not beyond `Server.stop`; returns whether the server is stopping."""

Respond = Callable[[Request, Pause], Response | None]
"""Returns the response, or None to close the connection without one. Called in many threads."""

_POLL_INTERVAL = 0.05
"""Seconds that `Server.stop` takes at most where a shut down listener does not wake its thread."""


class Server(socketserver.ThreadingTCPServer):
    """An HTTP server that listens from its construction until `stop`, one thread per connection.

    The standard library's `HTTPServer` is a `TCPServer` that also looks up the name of its host,
    which takes seconds where DNS is broken.

    Args:
        respond: Returns the response to each request.
        host: The address to listen on.
        port: The port; 0 takes a free one.

    Raises:
        OSError: The address is taken, or is not one of this machine.
    """

    # On Windows, this option would let two servers listen on one port.
    allow_reuse_address = os.name == "posix"
    request_queue_size = 4096

    def __init__(self, respond: Respond, host: str, port: int) -> None:
        self._stopping = threading.Event()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), partial(_Connection, respond, self._stopping.wait))
        self.port: int = self.socket.getsockname()[1]
        # Used by the accepting thread, and by stop() after that thread has ended.
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._acceptor = self._thread(self.serve_forever, _POLL_INTERVAL)
        self._acceptor.start()

    def stop(self) -> None:
        """Stop listening, close every connection and wait for the threads."""
        self._stopping.set()
        # On Linux, this wakes the accepting thread. It also ends the listening of a forked child.
        _shut_down(self.socket)
        self.shutdown()
        self._acceptor.join()
        self.server_close()
        for connection in self._connections.values():
            _shut_down(connection)
        for thread in self._connections:
            thread.join()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread that `stop` can wait for and the interpreter need not."""
        thread = self._thread(self.process_request_thread, request, client_address)
        thread.start()
        alive = {each: sock for each, sock in self._connections.items() if each.is_alive()}
        self._connections = {**alive, thread: request}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report an error, unless the client or `stop` closed the connection."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def _thread(self, target: Callable[..., None], *args: object) -> threading.Thread:
        name = f"bitquery-sandbox-{self.port}"
        return threading.Thread(target=target, args=args, name=name, daemon=True)


class _Connection(BaseHTTPRequestHandler):
    """One connection, and the requests that come over it one after the other."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # buffered, so that head and body leave in one segment
    disable_nagle_algorithm = True

    def __init__(self, respond: Respond, pause: Pause, *connection: Any) -> None:
        self._respond = respond
        self._pause = pause
        super().__init__(*connection)

    def serve_request(self) -> None:
        """Read the rest of a request whose head was parsed, and send the response."""
        try:
            body = read_body(self.rfile, self.headers)
        except ValueError:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        request = Request(self.command, self.path, Headers(tuple(self.headers.items())), body)
        response = self._respond(request, self._pause)
        if response is None:
            self.close_connection = True
            return
        self._send(response)
        if response.upgrade is not None:
            self.close_connection = True
            response.upgrade(self.connection)

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = do_TRACE = (  # noqa: N815 - http.server finds them by these names
        serve_request
    )

    def handle_expect_100(self) -> bool:
        """Send ``100 Continue`` at once: the client waits for it."""
        proceed = super().handle_expect_100()
        self.wfile.flush()
        return proceed

    def finish(self) -> None:
        """Close both directions, also if what is left of a response can no longer be sent."""
        try:
            super().finish()
        finally:
            self.rfile.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Write nothing: the sandbox records its requests itself."""

    def _send(self, response: Response) -> None:
        self.send_response_only(response.status)
        self.send_header("Date", self.date_time_string())
        for name, value in response.headers:
            self.send_header(name, value)
        # RFC 9110 §8.6: responses of these statuses have neither a body nor a length.
        has_body = response.status >= HTTPStatus.OK and response.status not in {
            HTTPStatus.NO_CONTENT,
            HTTPStatus.NOT_MODIFIED,
        }
        if has_body:
            self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if has_body and self.command != "HEAD":
            self.wfile.write(response.body)
        self.wfile.flush()


def read_body(stream: BufferedIOBase, headers: Message) -> bytes:
    """Read the body that follows a request's head.

    Raises:
        ValueError: Its length is malformed.
        ConnectionError: It ends too early.
    """
    # RFC 9112 §6.3: a transfer coding overrides a length.
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        return _read_chunks(stream)
    return _read_exactly(stream, int(headers.get("Content-Length", "0")))


def _read_chunks(stream: BufferedIOBase) -> bytes:
    """Read a chunked body and its trailers (RFC 9112 §7.1)."""
    body = b""
    while size := int(stream.readline().partition(b";")[0], 16):
        body += _read_exactly(stream, size)
        stream.readline()
    while stream.readline().strip():
        pass
    return body


def _read_exactly(stream: BufferedIOBase, size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise ConnectionAbortedError("The client closed the connection in the middle of a body.")
    return content


def _shut_down(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
