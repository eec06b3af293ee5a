"""The body of a 401: read where it is short, which keeps the connection; otherwise closed."""

import time
from collections.abc import Callable
from itertools import repeat
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from bitquery_auth import BitqueryAuthError, ClientCredentials, HTTPXAuth, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.kit.clients import HTTPX_SYNC, Client, OpenClient, only
from tests.kit.origin import Connection, Gate, Handler, Origin, answering, on_the_wire

HEAD = b"HTTP/1.1 401 Unauthorized\r\n"
KIB_64 = 65536


def of_length(length: int) -> Handler:
    return answering(401, "x" * length)


@on_the_wire
def chunked(connection: Connection) -> None:
    connection.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")


@on_the_wire
def endless_chunks(connection: Connection) -> None:
    connection.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    connection.drip(repeat(b"1\r\nx\r\n"))


@on_the_wire
def until_it_is_closed(connection: Connection) -> None:
    connection.send(HEAD + b"Connection: close\r\n\r\n")
    connection.drip(repeat(b"x"))


@on_the_wire
def endless(connection: Connection) -> None:
    connection.send(HEAD + b"\r\n")
    connection.flood(b"x" * KIB_64)


@on_the_wire
def dripping_a_megabyte(connection: Connection) -> None:
    connection.send(HEAD + b"Content-Length: 1048576\r\n\r\n")
    connection.drip(repeat(b"x"))


@on_the_wire
def cut_short(connection: Connection) -> None:
    connection.send(HEAD + b"Content-Length: 100\r\n\r\nUnauth")
    connection.close()


LONG: dict[str, Handler] = {
    "64 KiB and a byte": of_length(KIB_64 + 1),
    "chunked": chunked,
    "endless chunks": endless_chunks,
    "until it is closed": until_it_is_closed,
    "endless": endless,
    "dripping": dripping_a_megabyte,
}
SHORT: dict[str, Handler] = {
    "empty": of_length(0),
    "12 bytes": of_length(12),
    "64 KiB": of_length(KIB_64),
}
each_long_body = pytest.mark.parametrize("body", LONG.values(), ids=LONG.keys())
each_short_body = pytest.mark.parametrize("body", SHORT.values(), ids=SHORT.keys())
a_body_of_each_kind = pytest.mark.parametrize("body", [endless_chunks, of_length(12)])


@pytest.fixture
def api(origin: Origin, gate: Gate) -> Origin:
    """The sandbox's API behind a server that can misbehave."""
    return origin


@pytest.fixture
def call(open_client: OpenClient, source: ClientCredentials, api: Origin) -> Callable[[], Any]:
    """One request to that API, which has responded to one before."""
    client = open_client(source, allowed_hosts=[api.allowed_host])

    def call() -> Any:
        return client.get(api.at("/graphql"))

    call()
    return call


@each_long_body
def test_a_long_body_is_closed_and_the_second_try_follows_at_once(
    call: Callable[[], Any], api: Origin, body: Handler
) -> None:
    api.plan.append(body)
    began = time.monotonic()
    outcome = call()
    assert time.monotonic() - began < 5, "it waited for the body"
    assert (outcome.status, outcome.history) == (200, (401,))
    assert outcome.raw.history[0].content == b""
    assert api.connections == 2
    assert call().status == 200


@each_short_body
def test_a_short_body_is_read_and_the_second_try_has_its_connection(
    call: Callable[[], Any], api: Origin, body: Handler
) -> None:
    api.plan.append(body)
    outcome = call()
    assert (outcome.status, outcome.history) == (200, (401,))
    assert api.connections == 1


def test_the_body_of_a_401_can_be_read_in_the_history(
    call: Callable[[], Any], sandbox: Sandbox
) -> None:
    sandbox.revoke_all()
    assert call().raw.history[0].text == "Unauthorized"


def test_a_short_body_that_is_cut_off_is_an_error_of_the_client_and_the_next_request_works(
    call: Callable[[], Any], api: Origin, kind: type[Client]
) -> None:
    api.plan.append(cut_short)
    with pytest.raises(kind.base_error) as raised:
        call()
    assert not isinstance(raised.value, BitqueryAuthError)
    assert call().status == 200


@pytest.mark.parametrize("replay", ["all", "never"])
@a_body_of_each_kind
def test_a_pool_of_one_connection_of_requests_does_not_deadlock(
    source: ClientCredentials, api: Origin, body: Handler, replay: Any
) -> None:
    url = api.at("/graphql")
    with requests.Session() as session:
        session.auth = RequestsAuth(source, allowed_hosts=[api.allowed_host], replay=replay)
        session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=1, pool_block=True))
        api.plan.append(body)
        with session.get(url, stream=True, timeout=20) as response:
            assert response.status_code == (200 if replay == "all" else 401)
        with session.get(url, stream=True, timeout=20) as response:
            assert response.json() == {"data": {"ok": True}}


@only(HTTPX_SYNC)
@a_body_of_each_kind
def test_a_pool_of_one_connection_of_httpx_does_not_deadlock(
    source: ClientCredentials, api: Origin, body: Handler, kind: Any
) -> None:
    url, module = api.at("/graphql"), kind.module
    auth = HTTPXAuth(source, allowed_hosts=[api.allowed_host])
    limits = module.Limits(max_connections=1)
    with module.Client(auth=auth, limits=limits, timeout=20, trust_env=False) as client:
        api.plan.append(body)
        with client.stream("GET", url) as response:
            assert response.status_code == 200
        assert client.get(url).json() == {"data": {"ok": True}}
