"""Start and stop, and what they leave behind."""

import socket
import time

import pytest
import requests

from bitquery_auth.sandbox import Sandbox
from tests.kit.waiting import until
from tests.sandbox.calls import (
    call_api,
    connect,
    http_connection,
    new_token,
    raw_token_request,
    threads_of,
)


def test_a_sandbox_has_an_address_once_it_was_started() -> None:
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
    try:
        with Sandbox(host="::1") as sandbox:
            assert sandbox.allowed_hosts == (f"[::1]:{sandbox.port}",)
            assert requests.get(sandbox.graphql_endpoint, timeout=10).status_code == 401
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")


def test_a_stopped_sandbox_refuses_connections_and_is_back_with_its_tokens_after_a_start() -> None:
    sandbox = Sandbox()
    sandbox.stop()
    with sandbox.start() as same:
        assert same is sandbox
        port, token = sandbox.port, new_token(sandbox)
        assert sandbox.start().port == port
    sandbox.stop()
    assert threads_of(sandbox) == []
    with pytest.raises(ConnectionRefusedError):
        connect(sandbox)
    with sandbox:
        assert sandbox.port == port
        assert call_api(sandbox, token).status_code == 200


def test_a_port_that_is_taken_raises_and_leaves_nothing_behind(sandbox: Sandbox) -> None:
    other = Sandbox(port=sandbox.port)
    with pytest.raises(OSError, match=r"in use|Only one usage"):
        other.start()
    other.stop()
    assert len(threads_of(sandbox)) == 1


def test_stop_closes_idle_connections_and_leaves_no_thread() -> None:
    sandbox = Sandbox().start()
    clients = [http_connection(sandbox) for _ in range(20)]
    for client in clients:
        client.request("GET", "/graphql")
        assert client.getresponse().read() == b"Unauthorized"
    begin = time.monotonic()
    sandbox.stop()
    assert time.monotonic() - begin < 1
    assert threads_of(sandbox) == []
    for client in clients:
        assert isinstance(client.sock, socket.socket)
        assert client.sock.recv(1) == b""
        client.close()


def test_stop_ends_a_delay_and_no_token_is_issued() -> None:
    sandbox = Sandbox(delay=60).start()
    with connect(sandbox) as connection:
        connection.sendall(b"".join(raw_token_request(sandbox)))
        until(lambda: sandbox.token_requests == 1)
        begin = time.monotonic()
        sandbox.stop()
        assert time.monotonic() - begin < 1
        assert connection.recv(1) == b""
    assert sandbox.tokens_issued == 0
    assert threads_of(sandbox) == []
