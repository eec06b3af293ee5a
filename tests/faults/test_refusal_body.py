"""The body of a refusal is read within bounds of bytes and time, so that its connection is free again; else closed."""

import gzip
import time
from collections.abc import Iterator
from itertools import repeat
from typing import Any

import httpx
import httpx2
import pytest
import requests
from requests.adapters import HTTPAdapter

from bitquery_auth import ClientCredentials, HTTPXAuth, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.kit.clients import CLIENTS, Client
from tests.faults.faults import MIB, answering
from tests.faults.proxy import Connection, Fault, FaultProxy

HEAD = b"HTTP/1.1 401 Unauthorized\r\n"
SECONDS = 0.3
MARGIN = 2.0


def silent(connection: Connection) -> None:
    connection.send(HEAD + b"Content-Length: 100\r\n\r\n")
    connection.wait_until_left()


def dripping(connection: Connection) -> None:
    connection.send(HEAD + b"Content-Length: 60000\r\n\r\n")
    connection.drip(repeat(b"x"))


def dripping_chunks(connection: Connection) -> None:
    connection.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    connection.drip(repeat(b"1\r\nx\r\n"))


def dripping_on_a_closing_connection(connection: Connection) -> None:
    connection.send(HEAD + b"Connection: close\r\nContent-Length: 60000\r\n\r\n")
    connection.drip(repeat(b"x"))


def dripping_in_http_1_0(connection: Connection) -> None:
    connection.send(b"HTTP/1.0 401 Unauthorized\r\n\r\n")
    connection.drip(repeat(b"x"))


def endless(connection: Connection) -> None:
    connection.send(HEAD + b"\r\n")
    while not connection.server.stopping.is_set():
        connection.send(b"x" * 65536)


def cut(connection: Connection) -> None:
    connection.send(HEAD + b"Content-Length: 100\r\n\r\nUnauth")
    connection.close()


def wrongly_zipped(connection: Connection) -> None:
    connection.send(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 12\r\n\r\nUnauthorized")


BODIES: dict[str, Fault] = {
    "silent": silent,
    "dripping": dripping,
    "dripping chunks": dripping_chunks,
    "dripping, to be closed": dripping_on_a_closing_connection,
    "dripping in HTTP/1.0": dripping_in_http_1_0,
    "endless": endless,
    "huge": answering(401, b"x" * MIB),
    "cut": cut,
    "wrongly zipped": wrongly_zipped,
}
each_body = pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())


@pytest.fixture(autouse=True)
def _short_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bitquery_auth._replay.DRAIN_SECONDS", SECONDS)


@pytest.fixture(params=["requests", "httpx", "httpx-asyncio", "httpx-trio", "httpx2"])
def client(
    request: pytest.FixtureRequest, source: ClientCredentials, api_proxy: FaultProxy, api: str
) -> Iterator[Client]:
    """A client that has just got an answer."""
    kind = CLIENTS[request.param]
    with kind(kind.auth_class(source, allowed_hosts=[api_proxy.host])) as client:
        client.get(api)
        yield client


@each_body
def test_the_second_try_follows_in_time_whatever_the_body_does(
    body: Fault, client: Client, api_proxy: FaultProxy, api: str, sandbox: Sandbox
) -> None:
    sandbox.revoke_all()
    api_proxy.plan.append(body)
    began = time.monotonic()
    outcome = client.get(api)
    assert time.monotonic() - began < SECONDS + MARGIN
    assert (outcome.status, outcome.history) == (200, (401,))
    assert client.get(api).status == 200


def test_a_short_body_leaves_the_connection_to_the_second_try(
    client: Client, api_proxy: FaultProxy, api: str, sandbox: Sandbox
) -> None:
    sandbox.revoke_all()
    assert client.get(api).history == (401,)
    assert api_proxy.connections == 1


def test_a_short_body_can_be_read_in_the_history(
    client: Client, api_proxy: FaultProxy, api: str, sandbox: Sandbox
) -> None:
    sandbox.revoke_all()
    assert client.get(api).raw.history[0].text == "Unauthorized"


@pytest.mark.parametrize("replay", ["all", "never"])
@each_body
def test_a_pool_of_one_blocking_connection_does_not_deadlock(
    body: Fault, replay: Any, source: ClientCredentials, api_proxy: FaultProxy, api: str, sandbox: Sandbox
) -> None:
    """Hazard A6: a streamed answer that nobody reads to its end gives its connection back."""
    with requests.Session() as session:
        session.auth = RequestsAuth(source, allowed_hosts=[api_proxy.host], replay=replay)
        session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=1, pool_block=True))
        api_proxy.plan.append(body)
        with session.get(api, stream=True, timeout=20) as response:
            assert response.status_code == (200 if replay == "all" else 401)
        with session.get(api, stream=True, timeout=20) as response:
            assert response.json() == {"data": {"ok": True}}


@pytest.mark.parametrize("module", [httpx, httpx2])
@each_body
def test_a_pool_of_one_connection_does_not_deadlock_in_httpx(
    body: Fault, module: Any, source: ClientCredentials, api_proxy: FaultProxy, api: str, sandbox: Sandbox
) -> None:
    auth = HTTPXAuth(source, allowed_hosts=[api_proxy.host])
    with module.Client(auth=auth, limits=module.Limits(max_connections=1), timeout=20) as client:
        api_proxy.plan.append(body)
        with client.stream("GET", api) as response:
            assert response.status_code == 200
        assert client.get(api).json() == {"data": {"ok": True}}


def test_a_body_of_a_few_bytes_that_unzips_to_many_is_not_unzipped(
    source: ClientCredentials, api_proxy: FaultProxy, api: str
) -> None:
    with requests.Session() as session:
        session.auth = RequestsAuth(source, allowed_hosts=[api_proxy.host])
        api_proxy.plan.append(_bomb)
        response = session.get(api, timeout=20)
        assert response.status_code == 200
        assert len(response.history[0].content) <= 65536


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_a_body_of_a_few_bytes_that_unzips_to_many_is_not_unzipped_in_httpx(
    module: Any, source: ClientCredentials, api_proxy: FaultProxy, api: str
) -> None:
    with module.Client(auth=HTTPXAuth(source, allowed_hosts=[api_proxy.host]), timeout=20) as client:
        api_proxy.plan.append(_bomb)
        response = client.get(api)
        assert response.status_code == 200
        assert len(response.history[0].content) <= MIB


def _bomb(connection: Connection) -> None:
    body = gzip.compress(b"x" * (16 * MIB))
    connection.send(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
