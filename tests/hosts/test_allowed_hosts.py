"""Where a token goes: to the allowed hosts, over connections that nobody else can read."""

import logging

import pytest

from bitquery_auth import ConfigurationError, StaticToken, from_env
from tests.hosts.conftest import TOKEN, CountingSource, carries_token
from tests.kit.clients import Client, OpenClient
from tests.kit.origin import Origin, answering


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


# -- hosts -----------------------------------------------------------------------------------------


def test_a_host_that_is_not_allowed_gets_its_request_unchanged_and_its_401_starts_nothing(
    open_client: OpenClient, source: CountingSource, origin: Origin
) -> None:
    """A session-wide auth also meets pre-signed URLs and other APIs (hazard S2)."""
    origin.handler = answering(401)
    client = open_client(source)
    outcome = client.post(origin.at(), content=b"query", headers={"Authorization": "Basic theirs"})
    (request,) = origin.requests
    assert (outcome.status, request.body, request.headers["authorization"]) == (
        401,
        b"query",
        "Basic theirs",
    )
    assert (source.calls, source.discarded) == (0, [])


def test_each_host_that_is_not_allowed_is_logged_once(
    open_client: OpenClient,
    source: CountingSource,
    origin: Origin,
    names: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = open_client(source)
    for url in (
        "http://a.example/1",
        "http://a.example/2",
        "http://a.example:81/3",
        "http://b.example/",
    ):
        assert client.get(url).status == 200
    assert [message.split()[0] for message in warnings(caplog)] == ["a.example", "b.example"]
    assert all("allowed_hosts" in message for message in warnings(caplog))


def test_a_port_in_allowed_hosts_keeps_the_token_from_other_ports(
    open_client: OpenClient, source: CountingSource, origin: Origin, elsewhere: Origin
) -> None:
    client = open_client(source, allowed_hosts=[origin.allowed_host])
    client.get(origin.at())
    client.get(elsewhere.at())
    assert [carries_token(each) for each in (*origin.requests, *elsewhere.requests)] == [
        True,
        False,
    ]


def test_a_name_beyond_ascii_is_allowed_in_either_form(
    open_client: OpenClient, source: CountingSource, origin: Origin, names: list[str]
) -> None:
    client = open_client(
        source, insecure_http=True, allowed_hosts=["b\u00fccher.example", "xn--caf-dma.example"]
    )
    for host in ("B\u00dcCHER.example", "caf\u00e9.example", "bucher.example"):
        client.get(f"http://{host}/")
    assert names == ["xn--bcher-kva.example", "xn--caf-dma.example", "bucher.example"]
    assert [carries_token(request) for request in origin.requests] == [True, True, False]


def test_the_host_of_bitquery_endpoint_is_the_default_of_allowed_hosts(
    kind: type[Client], origin: Origin, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It replaces Bitquery's hosts, so that a token for a test API stays with the test API."""
    monkeypatch.setenv("BITQUERY_TOKEN", TOKEN)
    monkeypatch.setenv("BITQUERY_ENDPOINT", "https://api.example.com/graphql")
    with kind(kind.auth_class(from_env(), insecure_http=True)) as client:
        for host in ("api.example.com", "streaming.bitquery.io", "other.example.com"):
            client.get(f"http://{host}/")
    assert [carries_token(request) for request in origin.requests] == [True, False, False]


def test_allowed_hosts_win_over_bitquery_endpoint(
    open_client: OpenClient, origin: Origin, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BITQUERY_TOKEN", TOKEN)
    monkeypatch.setenv("BITQUERY_ENDPOINT", "https://api.example.com/graphql")
    client = open_client(from_env(), insecure_http=True, allowed_hosts=["other.example.com"])
    for host in ("api.example.com", "other.example.com"):
        client.get(f"http://{host}/")
    assert [carries_token(request) for request in origin.requests] == [False, True]


# -- schemes ---------------------------------------------------------------------------------------


def test_plain_http_to_an_allowed_host_raises_before_its_name_is_looked_up(
    kind: type[Client], source: CountingSource, names: list[str]
) -> None:
    with kind(kind.auth_class(source)) as client:
        for _ in range(2):
            with pytest.raises(kind.base_error, match="use https") as caught:
                client.post("http://streaming.bitquery.io/graphql", content=b"query")
            assert isinstance(caught.value, ConfigurationError)
    assert (source.calls, names) == (0, [])


def test_insecure_http_permits_plain_http_with_one_warning(
    open_client: OpenClient,
    source: CountingSource,
    origin: Origin,
    names: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = open_client(source, allowed_hosts=["api.example.com"], insecure_http=True)
    for path in ("a", "b"):
        assert client.get(f"http://api.example.com/{path}").status == 200
    assert [carries_token(request) for request in origin.requests] == [True, True]
    (warning,) = warnings(caplog)
    assert "http://api.example.com" in warning
    assert "insecure_http" in warning


def test_plain_http_on_loopback_needs_no_permission(
    open_client: OpenClient,
    source: CountingSource,
    origin: Origin,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = open_client(source, allowed_hosts=["localhost", "127.0.0.1"])
    for host in ("localhost", "127.0.0.1"):
        assert client.get(origin.at(host=host)).status == 200
    assert [carries_token(request) for request in origin.requests] == [True, True]
    assert warnings(caplog) == []


# -- headers ---------------------------------------------------------------------------------------


def test_an_authorization_header_of_the_caller_is_replaced(
    open_client: OpenClient, origin: Origin
) -> None:
    client = open_client(StaticToken(TOKEN), allowed_hosts=[origin.allowed_host])
    client.get(origin.at(), headers={"authorization": "Bearer the-callers"})
    (request,) = origin.requests
    assert [value for name, value in request.headers.pairs if name.lower() == "authorization"] == [
        f"Bearer {TOKEN}"
    ]


def test_the_token_can_travel_in_another_header_beside_the_callers_authorization(
    open_client: OpenClient, origin: Origin
) -> None:
    client = open_client(
        StaticToken(TOKEN),
        allowed_hosts=[origin.allowed_host],
        header_name="X-Auth-Token",
        scheme="Token",
    )
    client.get(origin.at(), headers={"Authorization": "Basic mine", "x-auth-token": "stale"})
    (request,) = origin.requests
    sent = {name.lower(): value for name, value in request.headers.pairs}
    assert (sent["authorization"], sent["x-auth-token"]) == ("Basic mine", f"Token {TOKEN}")
    assert "stale" not in str(request.headers.pairs)
