"""A second place on loopback: a foreign host, a redirector, an API or token endpoint that answers as a test says."""

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from typing import Self

from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._api import bearer_token
from bitquery_auth.sandbox._messages import Request, Response
from bitquery_auth.sandbox._server import Server

Handler = Callable[[Request], Response | None]
"""Answers a request; None: hangs up."""

_TLS_HANDSHAKE = b"\x16"


class Origin:
    """An HTTP server on loopback whose `handler` can be changed at any time; `requests` holds what it was sent.

    Args:
        handler: What answers; by default 200 with the body that came.
        tls: With it, the same port speaks https as well as http.
    """

    def __init__(self, handler: Handler | None = None, *, tls: ssl.SSLContext | None = None) -> None:
        self.handler = handler or echo
        self.requests: list[Request] = []
        self._tls = tls

    def __enter__(self) -> Self:
        self._server = _Server(self._answer, self._tls)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def _answer(self, request: Request, _: Callable[[float], bool]) -> Response | None:
        self.requests.append(request)
        return self.handler(request)

    def at(self, path: str = "/", *, scheme: str = "http", host: str = "127.0.0.1") -> str:
        """A URL here: `host` may be any name that leads to loopback."""
        return f"{scheme}://{host}:{self._server.port}{path}"

    @property
    def allowed_host(self) -> str:
        """What an auth's ``allowed_hosts`` has to hold for its tokens to come here."""
        return f"127.0.0.1:{self._server.port}"

    @property
    def tokens(self) -> list[str | None]:
        """The token that each request carried, in the order they came."""
        return [bearer_token(request) for request in self.requests]

    @property
    def visits(self) -> list[str]:
        """Method and target of each request."""
        return [f"{request.method} {request.target}" for request in self.requests]


class _Server(Server):
    def __init__(self, answer: Callable[..., Response | None], tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        super().__init__(answer, "127.0.0.1", 0)

    def _converse(self, connection: socket.socket) -> None:
        if self._tls is None or connection.recv(1, socket.MSG_PEEK) != _TLS_HANDSHAKE:
            super()._converse(connection)
            return
        # a duplicate, as TLS takes the original's descriptor, by which the server is stopped
        with self._tls.wrap_socket(connection.dup(), server_side=True) as encrypted:
            super()._converse(encrypted)


# -- what answers ----------------------------------------------------------------------------------


def echo(request: Request) -> Response:
    """200, and the body that came."""
    return Response(200, (("Content-Type", "application/octet-stream"),), request.body)


def answering(status: int, body: str = "", **headers: str) -> Handler:
    """Always the same."""
    return lambda _: Response(status, tuple((name, value) for name, value in headers.items()), body.encode())


def redirecting(status: int, location: str) -> Handler:
    """Elsewhere."""
    return answering(status, Location=location)


def refusing_the_first_token(otherwise: Handler = echo, *, status: int = 401) -> Handler:
    """Refuse the first token that is shown, whenever it is shown, and whoever shows none."""
    first: list[str] = []

    def answer(request: Request) -> Response | None:
        token = bearer_token(request)
        if token is not None and not first:
            first.append(token)
        return Response.text(status, "Unauthorized") if token in (None, *first) else otherwise(request)

    return answer


def by_path(routes: Mapping[str, Handler]) -> Handler:
    """Each path its own answer."""
    return lambda request: routes[request.path](request)


class Gate:
    """The sandbox's answers, held back until the gate is opened: for requests that are under way as long as need be.

    Args:
        sandbox: What answers.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._open = threading.Event()
        self.reached = threading.Event()
        """Set once somebody stands at the closed gate."""
        self.open()

    def open(self) -> None:
        self._open.set()

    def close(self) -> None:
        self.reached.clear()
        self._open.clear()

    def __call__(self, request: Request) -> Response | None:
        if not self._open.is_set():
            self.reached.set()
            assert self._open.wait(30), "nobody opened the gate"
        return self._sandbox.answer(request, lambda _: False)
