"""Sockets and threads: accepts connections, one thread each, and hands requests to a function.

Not `http.server`, for three reasons: it looks its own name up at start (slow where DNS is broken),
its stop waits for a poll, and it leaves kept-alive connections and their threads behind.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable

from bitquery_auth.sandbox._messages import Request, Response
from bitquery_auth.sandbox._wire import BadRequestError, VanishedError, encode_response, read_request

__all__ = ["Handler", "Server"]

Pause = Callable[[float], bool]
"""Waits so many seconds, though not beyond `Server.stop`; tells whether the server is stopping."""

Handler = Callable[[Request, Pause], Response | None]
"""Answers a request; None closes the connection without an answer. Called in many threads at once."""

_BACKLOG = 4096
_ACCEPT_PAUSE = 0.05
"""Seconds until accepting is tried again when the process has run out of descriptors or threads."""


class Server:
    """An HTTP server that listens from construction until `stop`.

    Args:
        handler: Answers the requests.
        host: The address to listen at.
        port: The port; 0: any that is free.

    Raises:
        OSError: the address is taken, or is not of this machine.
    """

    def __init__(self, handler: Handler, host: str, port: int) -> None:
        self._handler = handler
        self._stopping = threading.Event()
        # Only the acceptor touches it, and stop() once that has ended: no lock.
        self._connections: list[tuple[socket.socket, threading.Thread]] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        self._listener.settimeout(0)
        self._waker, self._wakened = socket.socketpair()
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, name=f"bitquery-sandbox-{self.port}", daemon=True)
        self._acceptor.start()

    def stop(self) -> None:
        """Stop listening, drop every connection, and wait for the threads."""
        self._stopping.set()
        self._waker.send(b"\0")
        self._acceptor.join()
        # A forked child may hold the listener too: without the shutdown it would go on taking connections.
        _shut_down(self._listener)
        for end in (self._listener, self._waker, self._wakened):
            end.close()
        for connection, _ in self._connections:
            _shut_down(connection)
        for _, thread in self._connections:
            thread.join()

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wakened, selectors.EVENT_READ)
            while not self._stopping.is_set():
                selector.select()
                try:
                    connection, _ = self._listener.accept()
                except BlockingIOError:
                    continue
                except OSError:
                    self._stopping.wait(_ACCEPT_PAUSE)
                    continue
                self._begin(connection)

    def _begin(self, connection: socket.socket) -> None:
        thread = threading.Thread(target=self._serve, args=(connection,), name=self._acceptor.name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            connection.close()
            self._stopping.wait(_ACCEPT_PAUSE)
            return
        # Threads leave the list here and not by themselves, so that stop() joins one that is just ending.
        self._connections = [entry for entry in self._connections if entry[1].is_alive()]
        self._connections.append((connection, thread))

    def _serve(self, connection: socket.socket) -> None:
        # A client may go at any moment, and stop() shuts the socket down: neither is worth a word.
        with connection, contextlib.suppress(OSError, VanishedError):
            connection.settimeout(None)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            while not self._stopping.is_set():
                try:
                    request = read_request(stream, connection.sendall)
                except BadRequestError as bad:
                    connection.sendall(encode_response(bad.response, close=True))
                    return
                response = None if request is None else self._handler(request, self._stopping.wait)
                if request is None or response is None:
                    return
                head_only = request.method == "HEAD"
                connection.sendall(encode_response(response, head_only=head_only, close=request.close))
                if request.close:
                    return


def _shut_down(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
