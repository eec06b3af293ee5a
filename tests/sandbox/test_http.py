"""The sandbox as an HTTP server: connections, bodies, and clients that misbehave."""

import http.client
import socket
import struct
from contextlib import closing
from urllib.parse import urlencode

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.sandbox.calls import token_form

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def connect(sandbox: Sandbox) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(sandbox.host, sandbox.port, timeout=10)


def send(sandbox: Sandbox, data: bytes) -> bytes:
    """Send bytes, and return all that is received until the server closes the connection."""
    with socket.create_connection((sandbox.host, sandbox.port), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as stream:
            return stream.read()


def token_request(sandbox: Sandbox, *headers: str) -> tuple[bytes, bytes]:
    """Return head and body of a token request."""
    lines = ["POST /oauth2/token HTTP/1.1", f"Content-Type: {FORM['Content-Type']}", *headers]
    return "\r\n".join([*lines, "\r\n"]).encode(), urlencode(token_form(sandbox)).encode()


def test_a_connection_serves_many_requests(sandbox: Sandbox) -> None:
    with closing(connect(sandbox)) as client:
        client.connect()
        first = client.sock
        for _ in range(50):
            client.request("GET", "/graphql")
            response = client.getresponse()
            assert response.read() == b"Unauthorized"
            assert response.getheader("Content-Length") == "12"
            assert str(response.getheader("Date")).endswith(" GMT")
            assert client.sock is first


@pytest.mark.parametrize(
    "head", [b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"]
)
def test_a_connection_is_closed_if_the_client_asks_for_that(sandbox: Sandbox, head: bytes) -> None:
    with socket.create_connection((sandbox.host, sandbox.port), timeout=10) as connection:
        connection.sendall(head)
        with connection.makefile("rb") as stream:
            response = stream.read()
    assert response.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert b"\r\nConnection: close\r\n" in response


def test_pipelined_requests_get_their_responses_in_order(sandbox: Sandbox) -> None:
    received = send(sandbox, b"GET /graphql HTTP/1.1\r\n\r\nGET /other HTTP/1.1\r\n\r\n")
    assert received.count(b"HTTP/1.1 ") == 2
    assert received.index(b" 401 ") < received.index(b" 404 ")


def test_a_chunked_body_is_decoded(sandbox: Sandbox) -> None:
    head, form = token_request(sandbox, "Transfer-Encoding: chunked", "Content-Length: 3")
    body = b"%x;extension=1\r\n%b\r\n" % (10, form[:10])
    body += b"%X\r\n%b\r\n" % (len(form) - 10, form[10:])
    received = send(sandbox, head + body + b"0\r\nTrailer: x\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert sandbox.requests[-1].body == form


def test_a_client_that_expects_100_continue_gets_it_before_it_sends_the_body(
    sandbox: Sandbox,
) -> None:
    _, form = token_request(sandbox)
    expecting = ("Expect: 100-continue", f"Content-Length: {len(form)}", "Connection: close")
    head, _ = token_request(sandbox, *expecting)
    with (
        socket.create_connection((sandbox.host, sandbox.port), timeout=10) as connection,
        connection.makefile("rb") as stream,
    ):
        connection.sendall(head)
        assert stream.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert stream.readline() == b"\r\n"
        connection.sendall(form)
        assert stream.readline() == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", b"400"),
        (b"PURGE / HTTP/1.1\r\n\r\n", b"501"),
    ],
)
def test_a_malformed_request_gets_an_error_and_is_not_recorded(
    sandbox: Sandbox, data: bytes, status: bytes
) -> None:
    with socket.create_connection((sandbox.host, sandbox.port), timeout=10) as connection:
        connection.sendall(data)
        assert connection.recv(65536).startswith(b"HTTP/1.1 " + status)
    assert sandbox.requests == ()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"POST /oauth2/token HTTP/1.1\r\nContent-Length: 50\r\n\r\nhalf",
        b"POST /oauth2/token HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
def test_a_request_that_ends_in_the_middle_is_not_counted(sandbox: Sandbox, data: bytes) -> None:
    assert send(sandbox, data) == b""
    assert (sandbox.token_requests, sandbox.requests) == (0, ())


def test_a_client_that_leaves_before_the_response_does_no_harm(
    sandbox: Sandbox, capfd: pytest.CaptureFixture[str]
) -> None:
    _, form = token_request(sandbox)
    head, _ = token_request(sandbox, f"Content-Length: {len(form)}")
    sandbox.delay = 0.05
    for _ in range(5):
        with socket.create_connection((sandbox.host, sandbox.port), timeout=10) as connection:
            reset_on_close = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset_on_close)
            connection.sendall(head + form)
    assert send(sandbox, head + form).startswith(b"HTTP/1.1 200")
    assert capfd.readouterr() == ("", "")


def test_400_connections_at_once_are_served(sandbox: Sandbox) -> None:
    address = (sandbox.host, sandbox.port)
    connections = [socket.create_connection(address, timeout=20) for _ in range(400)]
    for connection in connections:
        connection.sendall(b"GET /graphql HTTP/1.1\r\n\r\n")
    for connection in connections:
        assert connection.recv(65536).startswith(b"HTTP/1.1 401")
        connection.close()
    assert sandbox.api_refusals == 400
