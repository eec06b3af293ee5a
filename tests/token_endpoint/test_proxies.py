"""The token request goes through a proxy where one is set, and an error names it."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from bitquery_auth import ClientCredentials, RequestsAuth, TokenRequestError
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request, Response
from tests.kit import faults
from tests.kit.origin import Connection, Fault, Gate, Handler, Origin, answering, on_the_wire
from tests.kit.world import tunnel
from tests.token_endpoint.conftest import SourceOf, plain_http

PASSWORD = "pr0xy-p4ss"


@pytest.fixture
def proxy(sandbox: Sandbox) -> Iterator[Origin]:
    """A forward proxy: whole URLs for http, CONNECT for https."""
    behind = Gate(sandbox)

    def connect(connection: Connection) -> None:
        host, port = connection.request.target.split(":")
        connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        tunnel(connection, (host, int(port)))

    def handler(request: Request) -> Response | Fault | None:
        if request.method == "CONNECT":
            return connect
        return behind(replace(request, target=request.target.removeprefix(sandbox.url)))

    with Origin(handler) as running:
        yield running


def with_password(proxy: Origin) -> str:
    """Return the URL of a proxy, with a user and a password."""
    return f"http://user:{PASSWORD}@{proxy.allowed_host}"


def error_of(source: ClientCredentials) -> TokenRequestError:
    """Return the error of a token request, which must not show the proxy's password."""
    with pytest.raises(TokenRequestError) as caught:
        source.token()
    assert caught.value.retryable
    assert PASSWORD not in f"{caught.value} {caught.value!r} {vars(caught.value)}"
    return caught.value


# -- what goes through -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "used"),
    [
        *((key, True) for key in ("http", "http://", "all", "all://", "http://127.0.0.1")),
        *((key, False) for key in ("https", "https://", "all://auth.example.com")),
    ],
)
def test_a_proxy_gets_the_token_request_alone_by_the_keys_of_requests_and_of_httpx(
    key: str,
    used: bool,  # noqa: FBT001 - a case
    sandbox: Sandbox,
    proxy: Origin,
) -> None:
    """Hazard G2."""
    auth = RequestsAuth(
        sandbox.credentials(proxies={key: proxy.at("")}), allowed_hosts=sandbox.allowed_hosts
    )
    assert requests.get(sandbox.graphql_endpoint, auth=auth, timeout=20).status_code == 200
    assert proxy.visits == [f"POST {sandbox.token_endpoint}"] * used


def test_the_proxy_of_one_host_wins_over_the_one_of_all(sandbox: Sandbox, proxy: Origin) -> None:
    dead = "http://127.0.0.1:9"
    proxies = {"all": dead, "http": dead, "http://127.0.0.1": proxy.at("")}
    assert sandbox.credentials(proxies=proxies).token().access_token
    assert len(proxy.requests) == 1


@pytest.mark.parametrize(
    ("settings", "proxied"),
    [
        ({}, True),
        ({"trust_env": False}, False),
        ({"proxies": {"https": None}}, False),
        ({"proxies": {"all://": None}}, False),
        ({"proxies": {"http": None}}, True),
    ],
    ids=str,
)
def test_the_proxy_of_the_environment_is_used_unless_it_is_switched_off(
    settings: dict[str, Any],
    proxied: bool,  # noqa: FBT001 - a case
    trusting_source: SourceOf,
    proxy: Origin,
    secure_origin: Origin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Hazard G2."""
    monkeypatch.setenv("HTTPS_PROXY", proxy.at(""))
    assert trusting_source(**settings).token().access_token
    assert proxy.visits == [f"CONNECT {secure_origin.allowed_host}"] * proxied


def test_a_proxy_that_is_given_wins_over_the_environment(
    trusting_source: SourceOf, proxy: Origin, elsewhere: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """requests prefers ``HTTPS_PROXY`` to a proxy that was given for ``all``."""
    monkeypatch.setenv("HTTPS_PROXY", elsewhere.at(""))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert trusting_source(proxies={"all": with_password(proxy)}).token().access_token
    (request,) = proxy.requests
    encoded = b64encode(f"user:{PASSWORD}".encode()).decode()
    assert request.headers["proxy-authorization"] == f"Basic {encoded}"
    assert elsewhere.connections == 0


# -- what fails ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["proxies", "HTTPS_PROXY", "https_proxy", "all_proxy"])
def test_a_proxy_that_refuses_connections_is_named_and_the_variable_too(
    name: str, trusting_source: SourceOf, proxy: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard G7."""
    proxy.refuse_connections()
    settings = {}
    if name == "proxies":
        settings["proxies"] = {"https": with_password(proxy)}
    else:
        monkeypatch.setenv(name, with_password(proxy))
    message = str(error_of(trusting_source(**settings)))
    assert f"through the proxy {proxy.allowed_host} (set by {name}): " in message
    assert "refused" in message


@on_the_wire
def quoting_the_password(connection: Connection) -> None:
    connection.send(f"HTTP/1.1 407 not {PASSWORD}\r\nContent-Length: 0\r\n\r\n".encode())
    connection.close()


@pytest.mark.parametrize(
    ("handler", "why"),
    [
        (answering(403, f"wrong password {PASSWORD}"), "403"),
        (quoting_the_password, "407"),
        (faults.closed, ""),
        (faults.not_http, ""),
    ],
    ids=["403", "407", "closed", "not HTTP"],
)
def test_a_proxy_that_opens_no_tunnel_is_named(
    handler: Handler, why: str, trusting_source: SourceOf, proxy: Origin, secure_origin: Origin
) -> None:
    proxy.handler = handler
    message = str(error_of(trusting_source(proxies={"https": with_password(proxy)})))
    assert f"through the proxy {proxy.allowed_host}" in message
    assert why in message
    assert (len(proxy.requests), secure_origin.connections) == (1, 0)


def test_a_proxy_without_tls_at_an_https_url_is_named(
    trusting_source: SourceOf, proxy: Origin
) -> None:
    proxy.greeting = plain_http
    message = str(error_of(trusting_source(proxies={"https": proxy.at("", scheme="https")})))
    assert f"through the proxy {proxy.allowed_host}" in message
    assert message.endswith("write its URL with http://.")


@pytest.mark.parametrize("handler", [faults.silent, faults.dripping_headers])
def test_the_timeout_ends_a_tunnel_that_never_opens(
    handler: Handler, trusting_source: SourceOf, proxy: Origin
) -> None:
    """Hazard F5."""
    proxy.handler = handler
    message = str(error_of(trusting_source(proxies={"https": proxy.at("")}, timeout=0.3)))
    assert message.endswith("(timeout).")
    assert f"through the proxy {proxy.allowed_host}" in message


def missing_socks_library(*_: object, **__: object) -> None:
    """Do what requests does where PySocks is not installed."""
    raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")


@pytest.mark.parametrize(
    "url", [f"http://user:{PASSWORD}@", f"user:{PASSWORD}@:x", "http://[::1", "socks5://localhost"]
)
def test_a_proxy_that_cannot_be_used_is_an_error_that_names_its_variable(
    url: str, trusting_source: SourceOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazards F1, G7."""
    monkeypatch.setenv("HTTPS_PROXY", url)
    monkeypatch.setattr("requests.adapters.SOCKSProxyManager", missing_socks_library)
    message = str(error_of(trusting_source()))
    assert "(set by HTTPS_PROXY)" in message
    assert message.endswith("pip install PySocks.") is url.startswith("socks5:")
