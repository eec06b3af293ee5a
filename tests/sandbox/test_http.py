"""The sandbox as an HTTP server: connections, bodies, and clients that misbehave."""

import socket
import struct
import time
from contextlib import closing

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.sandbox.calls import connect, http_connection, raw_token_request


def send(sandbox: Sandbox, data: bytes, *, end: bool = True) -> bytes:
    """Send bytes and perhaps their end; return all that comes until the connection is closed."""
    with connect(sandbox) as connection, connection.makefile("rb") as stream:
        connection.sendall(data)
        if end:
            connection.shutdown(socket.SHUT_WR)
        return stream.read()


def test_a_connection_serves_many_requests(sandbox: Sandbox) -> None:
    with closing(http_connection(sandbox)) as client:
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
    response = send(sandbox, head, end=False)
    assert response.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert b"\r\nConnection: close\r\n" in response


def test_pipelined_requests_get_their_responses_in_order(sandbox: Sandbox) -> None:
    requests = b"HEAD /graphql HTTP/1.1\r\n\r\nGET /other HTTP/1.1\r\n\r\n"
    first, second = send(sandbox, requests).split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"401 ")
    assert first.endswith(b"\r\n\r\n"), "a response to HEAD has a body"
    assert second.startswith(b"404 ")


def test_a_chunked_body_is_decoded(sandbox: Sandbox) -> None:
    head, form = raw_token_request(sandbox, "Transfer-Encoding: chunked", "Content-Length: 3")
    body = b"%x;extension=1\r\n%b\r\n" % (10, form[:10])
    body += b"%X\r\n%b\r\n" % (len(form) - 10, form[10:])
    request = head + body + b"0\r\nTrailer: x\r\n\r\n"
    received = send(sandbox, request + b"GET /other HTTP/1.1\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"HTTP/1.1 404 Not Found\r\n" in received
    assert [record.body for record in sandbox.requests] == [form, b""]


def test_a_client_that_expects_100_continue_gets_it_before_it_sends_the_body(
    sandbox: Sandbox,
) -> None:
    _, form = raw_token_request(sandbox)
    length = f"Content-Length: {len(form)}"
    head, _ = raw_token_request(sandbox, "Expect: 100-continue", length, "Connection: close")
    with connect(sandbox) as connection, connection.makefile("rb") as stream:
        connection.sendall(head)
        assert stream.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert stream.readline() == b"\r\n"
        connection.sendall(form)
        assert stream.readline() == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", b"HTTP/1.1 400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", b"HTTP/1.1 400"),
        (b"PURGE / HTTP/1.1\r\n\r\n", b"HTTP/1.1 501"),
        (b"POST /oauth2/token HTTP/1.1\r\nContent-Length: 50\r\n\r\nhalf", b""),
        (b"POST /oauth2/token HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", b""),
    ],
)
def test_a_request_that_is_malformed_or_not_complete_is_not_recorded(
    sandbox: Sandbox, data: bytes, status: bytes
) -> None:
    received = send(sandbox, data)
    assert received.startswith(status)
    assert bool(received) == bool(status)
    assert (sandbox.token_requests, sandbox.requests) == (0, ())


def test_a_client_that_leaves_before_the_response_does_no_harm(
    sandbox: Sandbox, capfd: pytest.CaptureFixture[str]
) -> None:
    head, form = raw_token_request(sandbox)
    sandbox.delay = 0.05
    for _ in range(5):
        with connect(sandbox) as connection:
            reset_on_close = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset_on_close)
            connection.sendall(head + form)
    assert send(sandbox, head + form).startswith(b"HTTP/1.1 200")
    assert capfd.readouterr() == ("", "")


def test_400_connections_at_once_are_served(sandbox: Sandbox) -> None:
    begin = time.monotonic()
    connections = [connect(sandbox) for _ in range(400)]
    assert time.monotonic() - begin < 20, "connections were not accepted at once"
    for connection in connections:
        connection.sendall(b"GET /graphql HTTP/1.1\r\n\r\n")
    for connection in connections:
        assert connection.recv(65536).startswith(b"HTTP/1.1 401")
        connection.close()
    assert sandbox.api_refusals == 400
