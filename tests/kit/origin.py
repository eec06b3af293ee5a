"""A server on loopback that responds as a test says, or misbehaves on the wire: http and https."""

import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from io import BytesIO
from typing import Any, Self, cast

from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox import _server as sandbox_server
from bitquery_auth.sandbox._api import bearer_token
from bitquery_auth.sandbox._messages import Request, Response

_TLS_HANDSHAKE = b"\x16"
_PAUSE = 0.02
"""Seconds between two pieces of a response that drips."""


class Connection:
    """A connection of a client, as a fault uses it: with the request that was just read.

    Args:
        conversation: What serves it.
        request: The request, or an empty one if nothing was read yet.
        pause: Waits so many seconds; returns whether the server began to stop meanwhile.
    """

    def __init__(
        self, conversation: "_Conversation", request: Request, pause: Callable[[float], bool]
    ) -> None:
        self._conversation = conversation
        self.request = request
        self.pause = pause

    @property
    def sock(self) -> socket.socket:
        """The socket, which may be encrypted."""
        return self._conversation.connection

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.sock.sendall(data)

    def drip(self, pieces: Iterable[bytes]) -> None:
        """Send piece by piece, slowly, until the client closes the connection."""
        for piece in pieces:
            self.send(piece)
            if self.pause(_PAUSE):
                return

    def flood(self, piece: bytes) -> None:
        """Send the same bytes again and again, until the client closes the connection."""
        while not self.pause(0):
            self.send(piece)

    def wait_until_left(self) -> None:
        """Send nothing until the client closes the connection."""
        while self.sock.recv(65536):
            pass

    def close(self) -> None:
        """Close the connection (FIN), whatever the client sends meanwhile."""
        self._conversation.close()

    def reset(self) -> None:
        """Reset the connection (RST)."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def encrypt(self, tls: ssl.SSLContext) -> None:
        """Begin TLS as the server."""
        self._conversation.encrypt(tls)


Fault = Callable[[Connection], None]
"""Does with a connection whatever it likes, instead of sending a response."""
Handler = Callable[[Request], Response | Fault | None]
"""Responds to a request. None closes the connection without a response."""


def on_the_wire(fault: Fault) -> Handler:
    """Make a handler of a fault."""
    return lambda _: fault


class Origin:
    """A server whose behaviour can be changed at any time: a context manager.

    Args:
        handler: What responds; by default 200 with the body of the request.
        tls: With it, the same port speaks https as well as http.

    Attributes:
        plan: What responds to the next requests, before `handler` does again.
        greeting: What happens to a connection before anything is read from it.
        requests: What was received.
        connections: How many connections were accepted.
    """

    def __init__(
        self, handler: Handler | None = None, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self.handler = handler or echo
        self.plan: deque[Handler] = deque()
        self.greeting: Handler | None = None
        self.tls = tls
        self.requests: list[Request] = []
        self.connections = 0
        self._counting = threading.Lock()
        # Bound but not listening: the port stays this one's while connections are refused.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, _Server.sharing_a_port, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self.port: int = self._reserved.getsockname()[1]
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        self.accept_connections()
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse_connections()
        self._reserved.close()

    def accept_connections(self) -> None:
        """Listen, at the same port as before."""
        self._server = _Server(self)

    def refuse_connections(self) -> None:
        """Stop listening, and close every connection."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def at(self, path: str = "/", *, scheme: str = "http", host: str = "127.0.0.1") -> str:
        """Return a URL of this server; `host` may be any name that leads to loopback."""
        return f"{scheme}://{host}:{self.port}{path}"

    @property
    def allowed_host(self) -> str:
        """What an auth's ``allowed_hosts`` must hold for tokens to be sent here."""
        return f"127.0.0.1:{self.port}"

    @property
    def tokens(self) -> list[str | None]:
        """The token that each request carried, in the order of their arrival."""
        return [bearer_token(request) for request in self.requests]

    @property
    def visits(self) -> list[str]:
        """Method and target of each request."""
        return [f"{request.method} {request.target}" for request in self.requests]

    def note_connection(self) -> None:
        """Count a connection."""
        with self._counting:
            self.connections += 1

    def result_of(self, request: Request) -> Response | Fault | None:
        """Return what becomes of a request."""
        self.requests.append(request)
        with suppress(IndexError):
            return self.plan.popleft()(request)
        return self.handler(request)


class _Server(sandbox_server.Server):
    sharing_a_port = getattr(socket, "SO_REUSEPORT", socket.SO_REUSEADDR)

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        super().__init__(lambda *_: None, "127.0.0.1", origin.port)

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, self.sharing_a_port, 1)
        super().server_bind()

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.origin.note_connection()
        _Conversation(self.origin, self._stopping.wait, request, client_address, self)


class _Conversation(sandbox_server._Connection):
    """One connection, and the requests that come over it one after the other."""

    do_CONNECT = sandbox_server._Connection.serve_request  # noqa: N815 - http.server's name

    def __init__(self, origin: Origin, pause: Callable[[float], bool], *connection: Any) -> None:
        self._origin = origin
        super().__init__(self._respond_or_misbehave, pause, *connection)

    def setup(self) -> None:
        self.connection = self._plain = self.request
        if self._origin.greeting is not None:
            nothing = Request("", "", cast("Any", {}), b"")
            self._misbehave(cast("Fault", self._origin.greeting(nothing)), nothing)
        tls = self._origin.tls
        if tls is not None and self.request.recv(1, socket.MSG_PEEK) == _TLS_HANDSHAKE:
            self.encrypt(tls)
        super().setup()

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def encrypt(self, tls: ssl.SSLContext) -> None:
        # A duplicate, because TLS takes over the descriptor by which the server is stopped.
        self.request = self.connection = tls.wrap_socket(self._plain.dup(), server_side=True)

    def close(self) -> None:
        # Files keep a socket open, and so does the plain one below an encrypted one.
        if hasattr(self, "rfile"):
            self.wfile.close()
            self.rfile.close()
            self.wfile = BytesIO()
        self.connection.close()
        self._plain.close()

    def _respond_or_misbehave(self, request: Request, _: object) -> Response | None:
        result = self._origin.result_of(request)
        if result is None or isinstance(result, Response):
            return result
        self._misbehave(result, request)
        return None

    def _misbehave(self, fault: Fault, request: Request) -> None:
        fault(Connection(self, request, self._pause))


# -- handlers --------------------------------------------------------------------------------------


def echo(request: Request) -> Response:
    """Respond 200 with the body of the request."""
    return Response(200, (("Content-Type", "application/octet-stream"),), request.body)


def answering(status: int, body: str | bytes = "", **headers: str) -> Handler:
    """Always respond the same; underscores in the names of headers stand for hyphens."""
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    content = body if isinstance(body, bytes) else body.encode()
    return lambda _: Response(status, pairs, content)


def redirecting(status: int, location: str) -> Handler:
    """Redirect every request."""
    return answering(status, Location=location)


def refusing_the_first_token(otherwise: Handler = echo, *, status: int = 401) -> Handler:
    """Reject the first token that is shown, whenever it is shown, and requests without a token."""
    first: list[str] = []

    def respond(request: Request) -> Response | Fault | None:
        token = bearer_token(request)
        if token is not None and not first:
            first.append(token)
        if token in (None, *first):
            return Response.text(status, "Unauthorized")
        return otherwise(request)

    return respond


def by_path(routes: Mapping[str, Handler]) -> Handler:
    """Respond by a handler for each path."""
    return lambda request: routes[request.path](request)


class Gate:
    """The sandbox's responses, held back while the gate is closed.

    Args:
        sandbox: What responds.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._open = threading.Event()
        self.reached = threading.Event()
        """Set when a request has arrived at the closed gate."""
        self.open()

    def open(self) -> None:
        """Let every request pass."""
        self._open.set()

    def close(self) -> None:
        """Hold back every request from now on."""
        self.reached.clear()
        self._open.clear()

    def __call__(self, request: Request) -> Response | None:
        if not self._open.is_set():
            self.reached.set()
            assert self._open.wait(30), "nobody opened the gate"
        return self._sandbox.respond(request, lambda _: False)
