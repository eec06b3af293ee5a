"""Where a token goes: to the allowed hosts, over connections that nobody else can read."""

import logging

import pytest

from bitquery_auth import ConfigurationError, RequestsAuth, StaticToken, from_env
from tests.kit.clients import Client, OpenClient
from tests.kit.origin import Origin, answering
from tests.kit.tokens import TOKEN, CountingSource, carries_token


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_a_host_that_is_not_allowed_gets_its_request_unchanged_and_its_401_starts_nothing(
    open_client: OpenClient, source: CountingSource, origin: Origin
) -> None:
    """A session-wide auth also meets pre-signed URLs and other APIs (hazard S2)."""
    origin.handler = answering(401)
    theirs = {"Authorization": "Basic theirs"}
    outcome = open_client(source).post(origin.at(), content=b"query", headers=theirs)
    (request,) = origin.requests
    assert (outcome.status, request.body) == (401, b"query")
    assert request.headers["authorization"] == "Basic theirs"
    assert (source.calls, source.discarded) == (0, [])


def test_each_host_that_is_not_allowed_is_logged_once(
    open_client: OpenClient,
    source: CountingSource,
    names: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = open_client(source)
    for place in ("a.example/1", "a.example/2", "a.example:81/3", "b.example/"):
        assert client.get(f"http://{place}").status == 200
    assert [message.split()[0] for message in warnings(caplog)] == ["a.example", "b.example"]
    assert all("allowed_hosts" in message for message in warnings(caplog))


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


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [({}, "api.example.com"), ({"allowed_hosts": ["other.example.com"]}, "other.example.com")],
)
def test_the_host_of_bitquery_endpoint_is_the_default_of_allowed_hosts(
    kind: type[Client],
    origin: Origin,
    names: list[str],
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, list[str]],
    allowed: str,
) -> None:
    """It replaces Bitquery's hosts, so that a token for a test API stays with the test API."""
    monkeypatch.setenv("BITQUERY_TOKEN", TOKEN)
    monkeypatch.setenv("BITQUERY_ENDPOINT", "https://api.example.com/graphql")
    with kind(kind.auth_class(from_env(), insecure_http=True, **settings)) as client:
        for host in ("api.example.com", "streaming.bitquery.io", "other.example.com"):
            client.get(f"http://{host}/")
    visits = zip(names, map(carries_token, origin.requests), strict=True)
    assert [host for host, with_token in visits if with_token] == [allowed]


def test_another_token_endpoint_in_the_environment_leaves_no_default_of_allowed_hosts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BITQUERY_TOKEN_ENDPOINT", "https://login.example.com/token")
    source = from_env(client_id="id", client_secret="secret")
    with pytest.raises(ConfigurationError, match="allowed_hosts is required"):
        RequestsAuth(source)


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


@pytest.mark.parametrize("header_name", ["Authorization", "X-Auth-Token"])
def test_a_header_of_the_caller_is_replaced_if_it_is_the_one_that_carries_the_token(
    open_client: OpenClient,
    origin: Origin,
    caplog: pytest.LogCaptureFixture,
    header_name: str,
) -> None:
    client = open_client(
        StaticToken(TOKEN),
        allowed_hosts=[origin.allowed_host],
        header_name=header_name,
        scheme="Token",
    )
    client.get(origin.at(), headers={"authorization": "Basic mine", "x-auth-token": "mine"})
    (request,) = origin.requests
    sent = sorted((name.lower(), value) for name, value in request.headers.pairs)
    callers = {"authorization": "Basic mine", "x-auth-token": "mine"}
    expected = sorted((callers | {header_name.lower(): f"Token {TOKEN}"}).items())
    assert [pair for pair in sent if pair[0] in callers] == expected
    assert warnings(caplog) == []
