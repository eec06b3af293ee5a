"""The sandbox's life: start, stop, start again, and what is left behind."""

from __future__ import annotations

import errno
import http.client
import socket
import threading
import time
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


def test_it_has_an_address_once_started() -> None:
    sandbox = Sandbox()
    assert repr(sandbox) == "<Sandbox not started>"
    with pytest.raises(RuntimeError, match="start it first"):
        _ = sandbox.url
    with sandbox:
        assert sandbox.url == f"http://127.0.0.1:{sandbox.port}"
        assert sandbox.allowed_hosts == (f"127.0.0.1:{sandbox.port}",)
        assert sandbox.token_endpoint == f"{sandbox.url}/oauth2/token"
        assert sandbox.revocation_endpoint == f"{sandbox.url}/oauth2/revoke"
        assert sandbox.graphql_endpoint == f"{sandbox.url}/graphql"
        assert repr(sandbox) == f"<Sandbox {sandbox.url}>"


def test_an_ipv6_address_is_written_in_brackets() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        with Sandbox(host="::1") as sandbox:
            assert sandbox.allowed_hosts == (f"[::1]:{sandbox.port}",)
            assert b"404" in exchange(sandbox, b"GET / HTTP/1.1\r\n\r\n")
    except OSError:
        pytest.skip("no IPv6 loopback here")


def test_start_and_stop_may_be_repeated() -> None:
    sandbox = Sandbox()
    sandbox.stop()
    with sandbox.start() as same:
        assert same is sandbox
        assert sandbox.start().port == sandbox.port
    sandbox.stop()
    assert sandbox_threads() == []


def test_stopped_it_refuses_connections_and_started_again_it_is_back_with_its_tokens() -> None:
    with Sandbox() as sandbox:
        address = sandbox.port
        with closing(connect(sandbox)) as client:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            client.request("POST", "/oauth2/token", token_form(sandbox), headers)
            token = client.getresponse().read().split(b'"')[3].decode()
    with pytest.raises(ConnectionRefusedError), closing(connect(sandbox)) as client:
        client.connect()
    with sandbox, closing(connect(sandbox)) as client:
        assert sandbox.port == address
        client.request("GET", "/graphql", headers={"Authorization": f"Bearer {token}"})
        assert client.getresponse().status == 200


def test_a_port_that_is_taken_raises_and_leaves_nothing_behind() -> None:
    with Sandbox() as sandbox:
        other = Sandbox(port=sandbox.port)
        with pytest.raises(OSError, match=r"in use|Only one usage"):
            other.start()
        other.stop()
        assert len(sandbox_threads()) == 1


def test_stop_drops_kept_alive_connections_and_leaves_no_thread() -> None:
    sandbox = Sandbox().start()
    clients = [connect(sandbox) for _ in range(20)]
    for client in clients:
        client.request("GET", "/graphql")
        assert client.getresponse().read() == b"Unauthorized"
    begin = time.monotonic()
    sandbox.stop()
    assert time.monotonic() - begin < 1
    assert sandbox_threads() == []
    for client in clients:
        assert client.sock is not None
        assert client.sock.recv(1) == b""
        client.close()


def test_stop_ends_a_delay() -> None:
    sandbox = Sandbox(delay=60).start()
    with socket.create_connection((sandbox.host, sandbox.port), timeout=10) as connection:
        form = token_form(sandbox)
        connection.sendall(token_head(f"Content-Length: {len(form)}") + form)
        deadline = time.monotonic() + 10
        while not sandbox.token_requests and time.monotonic() < deadline:
            threading.Event().wait(0.001)
        assert sandbox.token_requests == 1
        begin = time.monotonic()
        sandbox.stop()
        assert time.monotonic() - begin < 1
        assert connection.recv(1) == b""
    assert sandbox.tokens_issued == 0
    assert sandbox_threads() == []


def test_a_process_out_of_threads_drops_the_connection_and_takes_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: threading.Thread) -> None:
        msg = "can't start new thread"
        raise RuntimeError(msg)

    with Sandbox() as sandbox:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", fail)
            assert exchange(sandbox, b"") == b""
        assert exchange(sandbox, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 404")


def test_a_process_out_of_descriptors_takes_the_connection_later(monkeypatch: pytest.MonkeyPatch) -> None:
    real, failures = socket.socket.accept, [OSError(errno.EMFILE, "Too many open files")]

    def accept(listener: socket.socket) -> tuple[socket.socket, object]:
        if failures:
            raise failures.pop()
        return real(listener)

    monkeypatch.setattr(socket.socket, "accept", accept)
    with Sandbox() as sandbox:
        assert exchange(sandbox, b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 404")
    assert not failures
