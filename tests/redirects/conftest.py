"""A server that redirects, and clients whose tokens may go there alone."""

import socket
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from tests.kit.origin import Handler, Origin, Request, answering, echo
from tests.kit.tokens import CountingSource, carries_token

REDIRECTS = (301, 302, 303, 307, 308)

each_redirect = pytest.mark.parametrize("status", REDIRECTS)
each_header = pytest.mark.parametrize("header_name", ["Authorization", "X-Token"])

unauthorized = answering(401, "Unauthorized")


def requiring_a_token(otherwise: Handler) -> Handler:
    """Answer 401 to a request without a token."""
    return lambda request: (otherwise if carries_token(request) else unauthorized)(request)


def once(first: Handler, then: Handler = echo) -> Handler:
    """Answer the first request in one way, and the others in another."""
    handlers = chain([first], repeat(then))

    def handler(request: Request) -> Any:
        return next(handlers)(request)

    return handler


def rejecting_once(then: Handler) -> Handler:
    """Answer 401 to the first request."""
    return once(unauthorized, then)


def carried(origin: Origin) -> list[bool]:
    """Whether each request to a server carried the token."""
    return [carries_token(request) for request in origin.requests]


@pytest.fixture
def allowed_hosts(origin: Origin) -> tuple[str, ...]:
    return (origin.allowed_host,)


@pytest.fixture
def source() -> CountingSource:
    return CountingSource()


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A netrc file with an entry for every host."""
    path = tmp_path / "netrc"
    path.write_text("default login somebody password something\n")
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))


@pytest.fixture
def only_loopback_resolves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let generated names fail at once instead of asking the machine's name server."""
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in {"127.0.0.1", b"127.0.0.1", "localhost", b"localhost"}:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
