"""A world of names on one loopback server, and a source whose token must not be seen by most of them."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import anyio
import pytest

from bitquery_auth import Token, TokenSource
from bitquery_auth.sandbox._messages import Request, Response
from tests.kit.clients import CLIENTS, Client
from tests.faults.proxy import FaultProxy

TOKEN = "ory_at_T0KEN.s3ntinel"
SECRET = "S3CRET~s3ntinel/+ %"

Open = Callable[..., Client]


class CountingSource:
    """A source that notes what is asked of it."""

    def __init__(self) -> None:
        self.asked = 0
        self.discarded: list[Token | str] = []

    def token(self) -> Token:
        self.asked += 1
        return Token(TOKEN)

    def discard(self, token: Token | str) -> None:
        self.discarded.append(token)


def text_of(request: Request) -> str:
    """Everything that crossed the socket, as one text."""
    headers = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
    return f"{request.method} {request.target}\n{headers}\n\n{request.body.decode('latin-1')}"


def carries(request: Request, secret: str = TOKEN) -> bool:
    return secret in text_of(request)


@pytest.fixture
def counting() -> CountingSource:
    return CountingSource()


@pytest.fixture(params=["requests", "httpx", "httpx2-asyncio"])
def kind(request: pytest.FixtureRequest) -> type[Client]:
    return CLIENTS[request.param]


@pytest.fixture
def open_client(kind: type[Client]) -> Iterator[Open]:
    """Open a client whose auth takes a source and settings."""
    with ExitStack() as stack:

        def opened(source: TokenSource, *, client_options: dict[str, Any] | None = None, **settings: Any) -> Client:
            return stack.enter_context(kind(kind.auth_class(source, **settings), **(client_options or {})))

        yield opened


def ok(_: Request) -> Response:
    return Response.text(200, "ok")


@pytest.fixture
def server() -> Iterator[FaultProxy]:
    """A server that answers 200, and records."""
    with FaultProxy(ok) as proxy:
        yield proxy


@pytest.fixture
def other() -> Iterator[FaultProxy]:
    """Another one, at another port."""
    with FaultProxy(ok) as proxy:
        yield proxy


@pytest.fixture
def names(server: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let every name in the world lead to the server; give those that were looked up."""
    looked_up: list[str] = []
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode("ascii") if isinstance(host, bytes) else host
        flags = kwargs.get("flags", args[3] if len(args) > 3 else 0)
        if name in {None, "127.0.0.1"}:
            return resolve(host, port, *args, **kwargs)
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "not a number")
        looked_up.append(name)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", server.port))]

    connect = anyio.connect_tcp

    async def connect_tcp(remote_host: str, remote_port: int, **options: Any) -> Any:
        if remote_host != "127.0.0.1":  # anyio takes only the addresses from a look-up, and not the port
            looked_up.append(remote_host)
            remote_host, remote_port = "127.0.0.1", server.port
        return await connect(remote_host, remote_port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(anyio, "connect_tcp", connect_tcp)
    return looked_up


def is_bitquerys(name: str) -> bool:
    """Whether a name that is looked up is Bitquery's to answer."""
    name = name.lower().removesuffix(".")
    return name == "bitquery.io" or name.endswith(".bitquery.io")
