"""The forwarder in front of a server changes nothing and misses nothing."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from ._forwarder import CountingForwarder, counting_forwarder

ANSWER = b"HTTP/1.1 200 OK\r\nX-Odd:  spaced\r\nContent-Length: 0\r\n\r\n"
WITH_LENGTH = b"POST /token?x=1 HTTP/1.1\r\nhost:  a\r\nContent-Length: 12\r\n\r\nGET / HTTP/1"
IN_CHUNKS = (
    b"POST /token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;note=1\r\nGET /\r\n1\r\n \r\n0\r\nTrailer: x\r\n\r\n"
)
WITHOUT_BODY = b"GET /other HTTP/1.1\r\n\r\n"


class Upstream:
    """Keeps what it receives on its one connection, and has sent `ANSWER`."""

    def __init__(self, listener: socket.socket) -> None:
        self.address: tuple[str, int] = listener.getsockname()
        self.received = b""
        self._listener = listener
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.sendall(ANSWER)
            while data := connection.recv(65_536):
                self.received += data

    def wait_until_closed(self) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Upstream(listener)


@pytest.fixture
def forwarder(upstream: Upstream) -> Iterator[CountingForwarder]:
    with counting_forwarder(*upstream.address) as running:
        yield running


def exchange(forwarder: CountingForwarder, request: bytes) -> bytes:
    """Send it, end the sending, and read until the other side ends, too."""
    with socket.create_connection(("127.0.0.1", forwarder.port), timeout=10) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65_536), b""))


def test_every_byte_is_passed_on_in_both_directions(
    forwarder: CountingForwarder, upstream: Upstream
) -> None:
    requests = WITH_LENGTH + IN_CHUNKS + WITHOUT_BODY
    assert exchange(forwarder, requests) == ANSWER
    upstream.wait_until_closed()
    assert upstream.received == requests


def test_the_requests_of_one_connection_are_counted_by_path(forwarder: CountingForwarder) -> None:
    exchange(forwarder, WITH_LENGTH + IN_CHUNKS + WITHOUT_BODY)
    assert (forwarder.count("/token"), forwarder.count("/other"), forwarder.count("/")) == (2, 1, 0)


def test_counting_can_begin_anew(forwarder: CountingForwarder) -> None:
    exchange(forwarder, WITHOUT_BODY)
    forwarder.reset_counts()
    assert forwarder.count("/other") == 0


@pytest.mark.parametrize("request_", [b"nonsense\r\n\r\n", b"\x16\x03\x01\r\n", WITH_LENGTH[:-3]])
def test_a_broken_request_ends_the_connection(
    forwarder: CountingForwarder, upstream: Upstream, request_: bytes
) -> None:
    with contextlib.suppress(ConnectionError):
        exchange(forwarder, request_)
    upstream.wait_until_closed()
