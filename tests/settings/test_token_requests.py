"""Settings of token requests: headers, proxies and certificates."""

import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from bitquery_auth import ClientCredentials, TokenRequestError
from bitquery_auth.sandbox import Sandbox
from tests.kit.origin import Gate, Origin, answering
from tests.kit.recorded import token_posts
from tests.settings.conftest import message_of


def test_token_headers_are_sent_with_every_token_request(sandbox: Sandbox) -> None:
    """A gateway before the endpoint may want an API key or a User-Agent of its own."""
    source = sandbox.credentials(token_headers={"x-api-key": "k", "User-Agent": "mine"})
    source.renew()
    source.renew()
    for post in token_posts(sandbox):
        assert (post.headers["x-api-key"], post.headers["user-agent"]) == ("k", "mine")
        assert post.headers["accept"] == "application/json"


def test_a_revocation_has_the_token_headers_too(sandbox: Sandbox) -> None:
    source = sandbox.credentials(token_headers={"x-api-key": "k"})
    source.token()
    source.revoke()
    assert sandbox.requests[-1].path == "/oauth2/revoke"
    assert sandbox.requests[-1].headers["x-api-key"] == "k"


# -- proxies ---------------------------------------------------------------------------------------


@pytest.fixture
def proxy(origin: Origin, sandbox: Sandbox) -> Origin:
    """A forward proxy, whose clients send the whole URL; the sandbox is behind it."""

    behind = Gate(sandbox)
    origin.handler = lambda request: behind(
        replace(request, target=request.target.removeprefix(sandbox.url))
    )
    return origin


@pytest.mark.parametrize("key", ["http", "http://", "all", "all://", "http://127.0.0.1"])
def test_a_proxy_is_used_with_the_keys_of_requests_and_of_httpx(
    key: str, proxy: Origin, sandbox: Sandbox
) -> None:
    assert sandbox.credentials(proxies={key: proxy.at()}).token().access_token
    assert proxy.visits == [f"POST {sandbox.token_endpoint}"]


@pytest.mark.parametrize("key", ["https", "https://", "all://auth.example.com"])
def test_a_proxy_for_other_urls_is_not_used(key: str, proxy: Origin, sandbox: Sandbox) -> None:
    assert sandbox.credentials(proxies={key: proxy.at()}).token().access_token
    assert proxy.requests == []


@pytest.mark.parametrize(
    ("settings", "proxied"),
    [
        ({}, True),
        ({"trust_env": False}, False),
        ({"proxies": {"all": None}}, False),
        ({"proxies": {"http://": None}}, False),
        ({"proxies": {"https": None}}, True),
    ],
    ids=str,
)
def test_the_environments_proxy_is_used_unless_it_is_switched_off(
    settings: dict[str, Any],
    proxied: bool,  # noqa: FBT001 - a case
    proxy: Origin,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.at())
    monkeypatch.setenv("NO_PROXY", "")
    assert sandbox.credentials(**settings).token().access_token
    assert len(proxy.requests) == int(proxied)


def test_a_proxy_that_is_given_wins_over_the_environments(
    proxy: Origin, elsewhere: Origin, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """requests prefers ``HTTP_PROXY`` to a proxy that was given for ``all``."""
    elsewhere.handler = answering(502)
    monkeypatch.setenv("HTTP_PROXY", elsewhere.at())
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert sandbox.credentials(proxies={"all": proxy.at()}).token().access_token
    assert (len(proxy.requests), elsewhere.requests) == (1, [])


# -- certificates ----------------------------------------------------------------------------------


@pytest.fixture
def at_tls(secure_origin: Origin, sandbox: Sandbox) -> Callable[..., ClientCredentials]:
    """Makes a source whose token endpoint has a certificate of the test's own authority."""
    secure_origin.handler = Gate(sandbox)

    def source(**settings: Any) -> ClientCredentials:
        endpoint = secure_origin.at("/oauth2/token", scheme="https")
        return sandbox.credentials(token_endpoint=endpoint, **settings)

    return source


def test_an_authority_that_is_not_trusted_is_an_error_that_names_the_settings(
    at_tls: Callable[..., ClientCredentials],
) -> None:
    with pytest.raises(TokenRequestError, match=r"verify=.*SSL_CERT_FILE") as caught:
        at_tls().token()
    assert not caught.value.retryable


def test_verify_may_be_a_file_or_an_ssl_context(
    at_tls: Callable[..., ClientCredentials], authority: tuple[trustme.CA, Path]
) -> None:
    assert at_tls(verify=str(authority[1])).token().access_token
    context = ssl.create_default_context(cafile=authority[1])
    assert at_tls(verify=context).token().access_token


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_environments_authorities_are_trusted_unless_that_is_switched_off(
    name: str,
    at_tls: Callable[..., ClientCredentials],
    authority: tuple[trustme.CA, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(name, str(authority[1]))
    assert at_tls().token().access_token
    with pytest.raises(TokenRequestError):
        at_tls(trust_env=False).token()


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_variable_that_names_no_certificates_is_an_error(
    name: str, at_tls: Callable[..., ClientCredentials], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "/no/such/place")
    assert f"{name} names certificates that do not exist" in message_of(at_tls().token)
