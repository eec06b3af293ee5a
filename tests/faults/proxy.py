"""A server of the suite's own, in front of a service or instead of one: it answers, or misbehaves on purpose.

What it does is a `Fault`: a function of one `Connection`, given after a request has been read. It
can be exchanged at any time, and each connection and request is counted before anything happens.
"""

import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from typing import Any, Self

from bitquery_auth.sandbox._messages import Request, Response
from bitquery_auth.sandbox._wire import BadRequestError, VanishedError, encode_response, read_request

Answer = Callable[[Request], Response | None]
PAUSE = 0.02
"""Seconds between two bytes of an answer that drips."""


class Connection:
    """A client's connection, as a fault sees it: with the request that was just read."""

    def __init__(self, sock: socket.socket, server: "FaultProxy") -> None:
        self.sock = sock
        self.server = server
        self.request: Request = Request("", "", {}, b"")  # type: ignore[arg-type]  # none was read yet

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(self, response: Response) -> None:
        self.send(encode_response(response, head_only=self.request.method == "HEAD"))

    def drip(self, data: Iterable[bytes]) -> None:
        """Send piece by piece, slowly, until the client has had enough."""
        for piece in data:
            self.send(piece)
            if self.server.stopping.wait(PAUSE):
                return

    def reset(self) -> None:
        """End with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """End with FIN, whatever the client sent meanwhile."""
        self.sock.close()

    def wait_until_left(self) -> None:
        """Say nothing until the client closes."""
        while self.sock.recv(65536):
            pass


Fault = Callable[[Connection], None]
"""What happens to a request. The connection is kept for another one unless the fault closed it."""


def forward(connection: Connection) -> None:
    """Behave: answer as the service behind does."""
    response = connection.server.service(connection.request)
    if response is None:
        connection.close()
    else:
        connection.answer(response)


class FaultProxy:
    """A loopback server: a context manager.

    Args:
        service: What it stands in front of: answers a request.
        tls: For a server that speaks TLS.
    """

    def __init__(self, service: Answer, *, tls: ssl.SSLContext | None = None) -> None:
        self.service = service
        self.mode: Fault = forward
        self.plan: deque[Fault] = deque()
        """What happens to the next requests, before `mode` does again."""
        self.greeting: Fault | None = None
        """What happens to a connection before anything is read."""
        self.connections = 0
        self.requests: list[Request] = []
        self.stopping = threading.Event()
        self.tls = tls
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        # Bound but not listening: the port stays this one's while nothing is accepted there.
        self._reserved = self._bound(0)
        self.port: int = self._reserved.getsockname()[1]
        self._listener: socket.socket | None = None

    def __enter__(self) -> Self:
        self.accept_connections()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.refuse_connections()
        with self._lock:
            for sock in self._open:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._reserved.close()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}"

    def accept_connections(self) -> None:
        """Listen (again)."""
        listener = self._listener = self._bound(self.port)
        listener.listen(128)
        self._start(self._accept, listener)

    def refuse_connections(self) -> None:
        """Stop listening: whoever connects is refused."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        # Closing alone would not wake the thread in accept().
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
            pass
        self._threads[0].join(10)
        self._threads.pop(0)

    def _bound(self, port: int) -> socket.socket:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_REUSEPORT", socket.SO_REUSEADDR), 1)
        sock.bind(("127.0.0.1", port))
        return sock

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, name="fault-proxy", daemon=True)
        if target == self._accept:
            self._threads.insert(0, thread)
        else:
            self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with listener:
            while True:
                sock, _ = listener.accept()
                if self._listener is not listener:
                    sock.close()
                    return
                with self._lock:
                    self.connections += 1
                    self._open.append(sock)
                self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        # A client may leave whenever it likes; ValueError: the fault closed the connection.
        with ExitStack() as stack:
            stack.enter_context(suppress(OSError, ValueError, VanishedError, BadRequestError))
            if self.tls is not None:
                sock.settimeout(10)
                sock = self.tls.wrap_socket(sock, server_side=True)
                with self._lock:
                    self._open.append(sock)
            stack.enter_context(sock)
            sock.settimeout(None)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._converse(sock)

    def _converse(self, sock: socket.socket) -> None:
        connection = Connection(sock, self)
        if self.greeting is not None:
            self.greeting(connection)
        while not self.stopping.is_set() and sock.fileno() != -1:
            # Unbuffered: the file must not keep the socket open when a fault closes it.
            with sock.makefile("rb") as stream:
                request = read_request(stream, sock.sendall)
            if request is None:
                return
            connection.request = request
            with self._lock:
                self.requests.append(request)
                fault = self.plan.popleft() if self.plan else self.mode
            fault(connection)
