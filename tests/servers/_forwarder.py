"""Stand in front of a server and count its requests, passing every byte on as it is."""

import contextlib
import http.client
import socket
import socketserver
import threading
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, cast

from ._http import skip_body
from ._loopback import LoopbackServer


class CountingForwarder(LoopbackServer):
    def __init__(self, upstream: tuple[str, int]) -> None:
        super().__init__(_Connection)
        self.upstream = upstream
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def note(self, path: str) -> None:
        with self._lock:
            self._counts[path] += 1

    def count(self, path: str) -> int:
        with self._lock:
            return self._counts[path]

    def reset_counts(self) -> None:
        with self._lock:
            self._counts.clear()


@contextlib.contextmanager
def counting_forwarder(host: str, port: int) -> Iterator[CountingForwarder]:
    forwarder = CountingForwarder((host, port))
    with forwarder.serving():
        yield forwarder


class _Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self) -> None:
        forwarder = cast("CountingForwarder", self.server)
        with socket.create_connection(forwarder.upstream) as upstream:
            upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            answers = threading.Thread(
                target=_pass_on, args=(upstream, self.connection), daemon=True
            )
            answers.start()
            # Whatever ends the reading of requests ends the connection: a reset, or what is not
            # HTTP.
            with contextlib.suppress(OSError, ValueError, IndexError, http.client.HTTPException):
                stream = _Passing(cast("BinaryIO", self.rfile), upstream)
                while line := stream.readline():
                    forwarder.note(line.split()[1].decode("ascii").partition("?")[0])
                    skip_body(stream, http.client.parse_headers(cast("BinaryIO", stream)))
            with contextlib.suppress(OSError):
                upstream.shutdown(socket.SHUT_WR)
            answers.join()


class _Passing:
    """A stream that has passed on whatever was read from it."""

    def __init__(self, source: BinaryIO, sink: socket.socket) -> None:
        self._source = source
        self._sink = sink

    def read(self, size: int, /) -> bytes:
        return self._passed_on(self._source.read(size))

    def readline(self, limit: int = -1, /) -> bytes:
        return self._passed_on(self._source.readline(limit))

    def _passed_on(self, data: bytes) -> bytes:
        self._sink.sendall(data)
        return data


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
