"""The sandbox as an HTTP server: connections, bodies, and clients that misbehave."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from contextlib import closing
from urllib.parse import urlencode

import pytest

from bitquery_auth.sandbox import Sandbox


def connect(sandbox: Sandbox) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(sandbox.host, sandbox.port, timeout=10)


def exchange(sandbox: Sandbox, sent: bytes) -> bytes:
    """Send these bytes, and give all that comes back until the server closes."""
    with socket.create_connection((sandbox.host, sandbox.port), timeout=10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while more := connection.recv(65536):
            received += more
        return received


def token_form(sandbox: Sandbox) -> bytes:
    fields = {
        "grant_type": "client_credentials",
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
    }
    return urlencode(fields).encode()


def token_head(*lines: str) -> bytes:
    head = ["POST /oauth2/token HTTP/1.1", "Host: sandbox", "Content-Type: application/x-www-form-urlencoded", *lines]
    return "\r\n".join([*head, "\r\n"]).encode()


def sandbox_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("bitquery-sandbox")]


def test_a_connection_serves_many_requests() -> None:
    with Sandbox() as sandbox, closing(connect(sandbox)) as client:
        client.connect()
        first = client.sock
        for _ in range(50):
            client.request("GET", "/graphql")
            assert client.getresponse().read() == b"Unauthorized"
            assert client.sock is first


def test_answers_say_when_and_how_long() -> None:
    with Sandbox() as sandbox, closing(connect(sandbox)) as client:
        client.request("GET", "/graphql")
        answer = client.getresponse()
        assert answer.getheader("Content-Length") == "12"
        assert (answer.getheader("Date") or "").endswith(" GMT")
        answer.read()


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\r\nConnection: close\r\n", b"GET / HTTP/1.0\r\n"])
def test_a_connection_is_closed_where_the_client_wants_it(head: bytes) -> None:
    with Sandbox() as sandbox, socket.create_connection((sandbox.host, sandbox.port), timeout=10) as connection:
        connection.sendall(head + b"Host: sandbox\r\n\r\n")
        with connection.makefile("rb") as stream:
            answer = stream.read()
    assert answer.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert b"\r\nConnection: close\r\n" in answer


def test_requests_sent_ahead_are_answered_in_order() -> None:
    with Sandbox() as sandbox:
        answer = exchange(sandbox, (b"GET /graphql HTTP/1.1\r\n\r\n\r\nGET /other HTTP/1.1\r\n\r\n"))
    assert [answer.count(status) for status in (b"HTTP/1.1 401", b"HTTP/1.1 404")] == [1, 1]
    assert answer.index(b" 401 ") < answer.index(b" 404 ")


def test_a_chunked_body_is_decoded() -> None:
    with Sandbox() as sandbox:
        form = token_form(sandbox)
        body = b"%x;extension=1\r\n%b\r\n" % (10, form[:10]) + b"%X\r\n%b\r\n" % (len(form) - 10, form[10:])
        sent = token_head("Transfer-Encoding: chunked", "Content-Length: 3") + body + b"0\r\nTrailer: x\r\n\r\n"
        assert exchange(sandbox, sent).startswith(b"HTTP/1.1 200 OK\r\n")
        assert sandbox.requests[-1].body == form


def test_a_client_that_waits_for_permission_gets_it() -> None:
    with Sandbox() as sandbox, socket.create_connection((sandbox.host, sandbox.port), timeout=10) as connection:
        form = token_form(sandbox)
        connection.sendall(token_head(f"Content-Length: {len(form)}", "Expect: 100-continue", "Connection: close"))
        with connection.makefile("rb") as stream:
            assert stream.readline() == b"HTTP/1.1 100 Continue\r\n"
            assert stream.readline() == b"\r\n"
            connection.sendall(form)
            assert stream.readline() == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\r\n", b"400"),
        (b"GET / HTTP/2.0\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n folded: x\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", b"400"),
        (b"GET /" + b"a" * 70_000, b"431"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 201, b"431"),
    ],
)
def test_what_is_no_proper_request_is_refused_and_not_recorded(sent: bytes, status: bytes) -> None:
    with Sandbox() as sandbox:
        with socket.create_connection((sandbox.host, sandbox.port), timeout=10) as connection:
            connection.sendall(sent)
            assert connection.recv(65536).startswith(b"HTTP/1.1 " + status)
        assert sandbox.requests == ()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /oauth2/tok",
        b"POST /oauth2/token HTTP/1.1\r\nHost: x\r\n",
        b"POST /oauth2/token HTTP/1.1\r\nContent-Length: 50\r\n\r\nhalf",
        b"POST /oauth2/token HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
def test_a_client_that_leaves_in_the_middle_is_not_counted(sent: bytes) -> None:
    with Sandbox() as sandbox:
        assert exchange(sandbox, sent) == b""
        assert (sandbox.token_requests, sandbox.requests) == (0, ())


def test_a_client_that_leaves_before_the_answer_does_no_harm(capfd: pytest.CaptureFixture[str]) -> None:
    with Sandbox(delay=0.05) as sandbox:
        form = token_form(sandbox)
        for _ in range(5):
            with socket.create_connection((sandbox.host, sandbox.port), timeout=10) as connection:
                linger_not_at_all = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not_at_all)
                connection.sendall(token_head(f"Content-Length: {len(form)}") + form)
        sandbox.delay = 0
        assert exchange(sandbox, token_head(f"Content-Length: {len(form)}") + form).startswith(b"HTTP/1.1 200")
    assert capfd.readouterr() == ("", "")


def test_a_herd_of_connections_is_taken_at_once() -> None:
    with Sandbox() as sandbox:
        herd = [socket.create_connection((sandbox.host, sandbox.port), timeout=10) for _ in range(100)]
        for connection in herd:
            connection.sendall(b"GET /graphql HTTP/1.1\r\n\r\n")
        for connection in herd:
            assert connection.recv(65536).startswith(b"HTTP/1.1 401")
            connection.close()
        assert sandbox.api_refusals == 100
    assert sandbox_threads() == []


def test_an_ambient_socket_timeout_does_not_reach_the_server() -> None:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(0.05)
    try:
        with Sandbox(delay=0.2) as sandbox, closing(connect(sandbox)) as client:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            for _ in range(2):
                client.request("POST", "/oauth2/token", token_form(sandbox), headers)
                assert client.getresponse().read().startswith(b'{"access_token"')
    finally:
        socket.setdefaulttimeout(before)
