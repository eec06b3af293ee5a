"""From http at port 80 to https at port 443 of the same host: clients take Authorization along there."""

import socket
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest

from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request, Response
from tests.behaviour.conftest import Open
from tests.kit.clients import Client
from tests.kit.origin import Handler, Origin, answering, by_path, echo, redirecting

HERE = "http://localhost"
"""A name that leads to the one server of these tests, whatever the port."""
THERE = ["https://localhost/end", "https://localhost:443/end", "HTTPS://LOCALHOST/end"]

each_header = pytest.mark.parametrize("header_name", ["Authorization", "X-Token"])

refuse = answering(401, "Unauthorized")


def guarded(otherwise: Handler) -> Handler:
    """Refuse whoever shows no token."""
    return lambda request: otherwise(request) if carries_a_token(request) else refuse(request)


def carries_a_token(request: Request) -> bool:
    return any(value.startswith("Bearer ") for _, value in request.headers.pairs)


@pytest.fixture
def host(secure_origin: Origin, monkeypatch: pytest.MonkeyPatch) -> Origin:
    """What is at localhost, at any port: it speaks http and https."""
    port = urlsplit(secure_origin.at()).port
    resolve, connect = socket.getaddrinfo, anyio.connect_tcp

    def getaddrinfo(name: Any, *args: Any, **kwargs: Any) -> Any:
        if name not in {"localhost", b"localhost"}:
            return resolve(name, *args, **kwargs)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]

    async def connect_tcp(remote_host: str, remote_port: int, **options: Any) -> Any:
        if remote_host == "localhost":  # anyio takes only the addresses from a look-up, and not the port
            remote_host, remote_port = "127.0.0.1", port or 0
        return await connect(remote_host, remote_port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(anyio, "connect_tcp", connect_tcp)
    return secure_origin


@pytest.fixture
def client(open_client: Open, sandbox: Sandbox, trusting: dict[str, Any], header_name: str) -> Client:
    """One that may send its token to either port."""
    options: dict[str, Any] = {"allowed_hosts": ["localhost"], "header_name": header_name}
    return open_client(sandbox.credentials(), client_options=trusting, **options)


@each_header
@pytest.mark.parametrize("there", THERE)
def test_the_token_stays_behind_and_the_401_starts_nothing(
    client: Client, sandbox: Sandbox, host: Origin, there: str
) -> None:
    """Hazard S1: another scheme and port are another origin."""
    host.handler = by_path({"/start": redirecting(308, there), "/end": refuse})
    outcome = client.post(f"{HERE}/start", content=b"query")
    assert (outcome.status, outcome.text, outcome.history) == (401, "Unauthorized", (308,))
    assert host.visits == ["POST /start", "POST /end"]
    assert [carries_a_token(request) for request in host.requests] == [True, False]
    assert sandbox.token_requests == 1


@each_header
def test_nor_does_it_go_there_after_a_redirect_that_stays(client: Client, host: Origin) -> None:
    """Hazard S1."""
    host.handler = by_path({"/start": redirecting(307, "/on"), "/on": redirecting(307, THERE[0]), "/end": echo})
    assert client.post(f"{HERE}/start", content=b"query").status == 200
    assert host.visits[-1] == "POST /end"
    assert not carries_a_token(host.requests[-1])


@each_header
def test_nor_does_the_token_of_a_second_try(client: Client, sandbox: Sandbox, host: Origin) -> None:
    """Hazard S1."""

    def refusing_once(request: Request) -> Response | None:
        return (refuse if len(host.requests) == 1 else redirecting(307, THERE[0]))(request)

    host.handler = by_path({"/start": refusing_once, "/end": echo})
    assert client.post(f"{HERE}/start", content=b"query").status == 200
    assert host.visits == ["POST /start", "POST /start", "POST /end"]
    assert [carries_a_token(request) for request in host.requests] == [True, True, False]
    assert sandbox.token_requests == 2


@each_header
@pytest.mark.parametrize("location", ["/end", f"{HERE}/end", f"{HERE}:80/end"])
def test_a_redirect_that_stays_at_port_80_ends_well(
    client: Client, sandbox: Sandbox, host: Origin, location: str
) -> None:
    host.handler = by_path({"/start": redirecting(308, location), "/end": guarded(echo)})
    outcome = client.post(f"{HERE}/start", content=b"query")
    assert (outcome.status, outcome.text) == (200, "query")
    assert sandbox.token_requests == 1


@each_header
def test_a_refusal_at_port_80_is_answered(client: Client, sandbox: Sandbox, host: Origin) -> None:
    """Hazard R1."""
    accept = guarded(echo)
    host.handler = lambda request: refuse(request) if len(host.requests) == 1 else accept(request)
    outcome = client.post(f"{HERE}/start", content=b"query")
    assert (outcome.status, outcome.history) == (200, (401,))
    assert sandbox.token_requests == 2
