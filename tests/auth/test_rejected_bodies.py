"""The body of a 401: read where it is short, which keeps the connection; otherwise closed."""

import time
from collections.abc import Callable
from itertools import repeat
from typing import Any

import httpx
import pytest
import requests
from requests.adapters import HTTPAdapter

from bitquery_auth import BitqueryAuthError, ClientCredentials, HTTPXAuth, RequestsAuth
from tests.kit.clients import Client
from tests.kit.origin import Connection, Gate, Handler, Origin, answering, on_the_wire

KIB_64 = 65536


def rejecting(headers: bytes, body: Callable[[Connection], None]) -> Handler:
    """Respond 401 with these headers and what sends the body."""

    @on_the_wire
    def handler(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 401 Unauthorized\r\n" + headers + b"\r\n")
        body(connection)

    return handler


def cut_short(connection: Connection) -> None:
    connection.send(b"Unauth")
    connection.close()


CHUNKED = b"Transfer-Encoding: chunked\r\n"
endless_chunks = rejecting(CHUNKED, lambda connection: connection.drip(repeat(b"1\r\nx\r\n")))
twelve_bytes = answering(401, "Unauthorized")
LONG = {
    "64 KiB and a byte": answering(401, "x" * (KIB_64 + 1)),
    "chunked": rejecting(CHUNKED, lambda connection: connection.send(b"1\r\nx\r\n0\r\n\r\n")),
    "endless chunks": endless_chunks,
    "until it is closed": rejecting(b"", lambda connection: connection.drip(repeat(b"x"))),
    "endless": rejecting(b"", lambda connection: connection.flood(b"x" * KIB_64)),
    "dripping": rejecting(
        b"Content-Length: 1048576\r\n", lambda connection: connection.drip(repeat(b"x"))
    ),
    "compressed": rejecting(
        CHUNKED + b"Content-Encoding: gzip\r\n", lambda connection: connection.drip(repeat(b"x"))
    ),
}
SHORT = {
    "empty": answering(401),
    "12 bytes": twelve_bytes,
    "64 KiB": answering(401, "x" * KIB_64),
}


@pytest.mark.parametrize("body", LONG.values(), ids=LONG)
def test_a_long_body_is_closed_and_the_second_try_follows_at_once(
    call: Callable[[], Any], origin: Origin, body: Handler
) -> None:
    call()
    origin.plan.append(body)
    began = time.monotonic()
    outcome = call()
    assert time.monotonic() - began < 5, "it waited for the body"
    assert (outcome.status, outcome.history) == (200, (401,))
    assert outcome.raw.history[0].content == b""
    assert origin.connections == 2
    assert call().status == 200


@pytest.mark.parametrize("body", SHORT.values(), ids=SHORT)
def test_a_short_body_is_read_and_the_second_try_has_its_connection(
    call: Callable[[], Any], origin: Origin, body: Handler
) -> None:
    call()
    origin.plan.append(body)
    outcome = call()
    assert (outcome.status, outcome.history) == (200, (401,))
    assert origin.connections == 1


def test_a_short_body_that_is_cut_off_is_an_error_of_the_client_and_the_next_request_works(
    call: Callable[[], Any], origin: Origin, kind: type[Client]
) -> None:
    origin.plan.append(rejecting(b"Content-Length: 100\r\n", cut_short))
    with pytest.raises(kind.base_error) as raised:
        call()
    assert not isinstance(raised.value, BitqueryAuthError)
    assert call().status == 200


@pytest.mark.parametrize("replay", ["all", "never"])
@pytest.mark.parametrize("body", [endless_chunks, twelve_bytes])
def test_a_pool_of_one_connection_of_requests_does_not_deadlock(
    source: ClientCredentials, origin: Origin, gate: Gate, body: Handler, replay: Any
) -> None:
    url = origin.at("/graphql")
    with requests.Session() as session:
        session.auth = RequestsAuth(source, allowed_hosts=[origin.allowed_host], replay=replay)
        session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=1, pool_block=True))
        origin.plan.append(body)
        with session.get(url, stream=True, timeout=20) as response:
            assert response.status_code == (200 if replay == "all" else 401)
        with session.get(url, stream=True, timeout=20) as response:
            assert response.json() == {"data": {"ok": True}}


@pytest.mark.parametrize("body", [endless_chunks, twelve_bytes])
def test_a_pool_of_one_connection_of_httpx_does_not_deadlock(
    source: ClientCredentials, origin: Origin, gate: Gate, body: Handler
) -> None:
    auth = HTTPXAuth(source, allowed_hosts=[origin.allowed_host])
    limits = httpx.Limits(max_connections=1)
    with httpx.Client(auth=auth, limits=limits, timeout=20, trust_env=False) as client:
        origin.plan.append(body)
        with client.stream("GET", origin.at("/graphql")) as response:
            assert response.status_code == 200
        assert client.get(origin.at("/graphql")).json() == {"data": {"ok": True}}
