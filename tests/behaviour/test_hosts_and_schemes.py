"""Where a token may go: to the hosts that are allowed, over connections that nobody else reads."""

import logging
import socket
from typing import Any

import pytest

from bitquery_auth import ConfigurationError, StaticToken
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Headers
from tests.behaviour.conftest import QUERY, Open, api_calls
from tests.kit.clients import Client
from tests.kit.origin import Origin, answering

TOKEN = "ory_at_token"


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every name leads to loopback; the list says which ones were looked up."""
    names: list[str] = []
    original = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name[0].isdigit():
            return original(host, *args, **kwargs)
        names.append(name)
        return original("127.0.0.1", *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return names


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def authorizations(headers: Headers) -> list[str]:
    return [value for name, value in headers.pairs if name.lower() == "authorization"]


# -- which hosts ------------------------------------------------------------------------------------


def test_a_foreign_host_gets_the_request_without_the_token(open_client: Open, sandbox: Sandbox, origin: Origin) -> None:
    """Hazard S2: an absolute URL to somewhere else, on a client whose auth is set for all requests."""
    client = open_client(sandbox.credentials())
    assert client.post(origin.at(), content=b"query").text == "query"
    (request,) = origin.requests
    assert authorizations(request.headers) == []
    assert sandbox.token_requests == 0


def test_a_foreign_hosts_401_starts_nothing(open_client: Open, sandbox: Sandbox, origin: Origin) -> None:
    """Hazards S1, S2."""
    origin.handler = answering(401)
    client = open_client(sandbox.credentials())
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    assert client.get(origin.at()).status == 401
    assert (len(origin.requests), sandbox.token_requests) == (1, 1)


def test_a_foreign_host_is_warned_of_once(
    open_client: Open, sandbox: Sandbox, origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    """Hazard S2: a forgotten host shows in the log, and does not fill it."""
    client = open_client(sandbox.credentials(), allowed_hosts=["api.example.com"])
    for path in ("/a", "/b", "/c"):
        client.get(origin.at(path))
    client.get(origin.at(host="localhost"))
    assert warnings(caplog) == [
        "127.0.0.1 is not among allowed_hosts: requests to it go without the token",
        "localhost is not among allowed_hosts: requests to it go without the token",
    ]


def test_a_foreign_hosts_own_authorization_is_left_alone(open_client: Open, sandbox: Sandbox, origin: Origin) -> None:
    client = open_client(sandbox.credentials())
    client.get(origin.at(), headers={"Authorization": "Basic theirs"})
    assert authorizations(origin.requests[0].headers) == ["Basic theirs"]


def test_an_allowed_host_is_told_from_a_user_of_that_name(open_client: Open, sandbox: Sandbox, origin: Origin) -> None:
    """Hazard S4: what stands before the @ is no host."""
    client = open_client(StaticToken(TOKEN), allowed_hosts=["localhost"])
    assert client.get(origin.at().replace("http://", "http://localhost:80@")).status == 200
    assert TOKEN not in str([request.headers.pairs for request in origin.requests])


def test_the_port_counts_where_the_allowed_host_has_one(open_client: Open, origin: Origin, elsewhere: Origin) -> None:
    """Hazard S2."""
    client = open_client(StaticToken(TOKEN), allowed_hosts=[origin.allowed_host])
    client.get(origin.at())
    client.get(elsewhere.at())
    assert (origin.tokens, elsewhere.tokens) == ([TOKEN], [None])


def test_a_host_is_recognised_however_it_is_written(open_client: Open, origin: Origin, resolved: list[str]) -> None:
    client = open_client(StaticToken(TOKEN), allowed_hosts=["*.Example.com"], insecure_http=True)
    for host in ("api.example.com", "API.EXAMPLE.COM", "api.example.com."):
        assert client.get(origin.at(host=host)).status == 200
    assert origin.tokens == [TOKEN] * 3


@pytest.mark.parametrize("host", ["streaming.bitquery.io", "bitquery.io"])
def test_bitquerys_hosts_see_the_token_by_default(
    kind: type[Client], trusting: dict[str, Any], secure_origin: Origin, resolved: list[str], host: str
) -> None:
    with kind(kind.auth_class(StaticToken(TOKEN)), **trusting) as client:
        assert client.get(secure_origin.at("/graphql", scheme="https", host=host)).status == 200
    assert secure_origin.tokens == [TOKEN]
    assert resolved == [host]


def test_a_name_that_only_begins_like_bitquerys_does_not(
    kind: type[Client], trusting: dict[str, Any], secure_origin: Origin, resolved: list[str]
) -> None:
    """Hazard S2."""
    with kind(kind.auth_class(StaticToken(TOKEN)), **trusting) as client:
        assert client.get(secure_origin.at(scheme="https", host="bitquery.io.example.com")).status == 200
    assert secure_origin.tokens == [None]


# -- which schemes ----------------------------------------------------------------------------------


def test_plain_http_to_an_allowed_host_raises_before_anything_is_sent(
    open_client: Open, kind: type[Client], sandbox: Sandbox, resolved: list[str]
) -> None:
    """Hazard S4: no token is fetched for it, and the host's name is not even looked up."""
    client = open_client(sandbox.credentials(), allowed_hosts=["api.example.com"])
    for _ in range(2):
        with pytest.raises(kind.base_error, match="use https") as raised:
            client.post("http://api.example.com/graphql", json=QUERY)
        assert isinstance(raised.value, ConfigurationError)
    assert resolved == []
    assert sandbox.token_requests == 0


def test_plain_http_to_bitquery_raises_by_default(kind: type[Client], resolved: list[str]) -> None:
    """Hazard S4."""
    with (
        kind(kind.auth_class(StaticToken(TOKEN))) as client,
        pytest.raises(kind.base_error, match="readable across the network"),
    ):
        client.post("http://streaming.bitquery.io/graphql", json=QUERY)
    assert resolved == []


def test_plain_http_can_be_allowed_and_is_warned_of_once(
    open_client: Open, origin: Origin, resolved: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Hazard S4: inside a mesh that encrypts."""
    client = open_client(StaticToken(TOKEN), allowed_hosts=["api.example.com"], insecure_http=True)
    for path in ("/a", "/b"):
        assert client.get(origin.at(path, host="api.example.com")).status == 200
    assert origin.tokens == [TOKEN] * 2
    (warning,) = warnings(caplog)
    assert "http://api.example.com" in warning
    assert "readable" in warning


def test_plain_http_to_this_machine_needs_no_permission(
    open_client: Open, origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    client = open_client(StaticToken(TOKEN), allowed_hosts=["localhost", "127.0.0.1"])
    client.get(origin.at(host="localhost"))
    client.get(origin.at(host="127.0.0.1"))
    assert origin.tokens == [TOKEN] * 2
    assert caplog.records == []


def test_a_name_that_only_begins_like_loopback_is_not_this_machine(
    open_client: Open, kind: type[Client], origin: Origin, resolved: list[str]
) -> None:
    """Hazard S4."""
    client = open_client(StaticToken(TOKEN), allowed_hosts=["*.example.com"])
    with pytest.raises(kind.base_error, match="use https"):
        client.get(origin.at(host="localhost.example.com"))
    assert origin.requests == []


# -- which header -----------------------------------------------------------------------------------


def test_an_authorization_header_that_was_there_is_replaced(open_client: Open, sandbox: Sandbox) -> None:
    """Hazard K3: credentials of one kind, and once."""
    source = sandbox.credentials()
    client = open_client(source)
    assert client.get(sandbox.graphql_endpoint, headers={"authorization": "Bearer of-the-caller"}).status == 200
    headers = api_calls(sandbox)[0].headers
    assert isinstance(headers, Headers)
    assert authorizations(headers) == [f"Bearer {source.token().access_token}"]


def test_another_header_can_carry_the_token_next_to_the_callers_authorization(
    open_client: Open, origin: Origin
) -> None:
    """Hazard G3."""
    client = open_client(
        StaticToken(TOKEN), allowed_hosts=[origin.allowed_host], header_name="X-Auth-Token", scheme="Token"
    )
    client.get(origin.at(), headers={"Authorization": "Basic mine", "x-auth-token": "stale"})
    (request,) = origin.requests
    assert authorizations(request.headers) == ["Basic mine"]
    assert [value for name, value in request.headers.pairs if name.lower() == "x-auth-token"] == [f"Token {TOKEN}"]


def test_a_token_in_another_header_is_renewed_as_well(open_client: Open, sandbox: Sandbox, origin: Origin) -> None:
    """Hazards G3, R1."""
    seen: list[str] = []

    def refusing_the_first(request: Any) -> Any:
        seen.append(request.headers["x-auth-token"])
        return answering(401 if len(seen) == 1 else 200)(request)

    origin.handler = refusing_the_first
    source = sandbox.credentials()
    client = open_client(source, allowed_hosts=[origin.allowed_host], header_name="X-Auth-Token", scheme="")
    outcome = client.post(origin.at(), content=b"query")
    assert (outcome.status, outcome.history) == (200, (401,))
    assert len(set(seen)) == 2
    assert seen[1] == source.token().access_token
    assert sandbox.token_requests == 2
