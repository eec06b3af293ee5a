"""Settings are checked at construction: an error names the field and its rule, never the value.

There is one case for each rule whose breach would fail silently, insecurely or far from its cause.
"""

import math
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from bitquery_auth import (
    ClientCredentials,
    HTTPXAuth,
    RequestsAuth,
    ShortTermToken,
    StaticToken,
    Token,
    websocket_url,
)
from tests.settings.conftest import SENTINEL, message_of

Make = Callable[..., Any]


def credentials(**settings: Any) -> ClientCredentials:
    return ClientCredentials(**{"client_id": "id", "client_secret": "secret", **settings})


def short_term(**settings: Any) -> ShortTermToken:
    return ShortTermToken(StaticToken("x"), **settings)


def auth(**settings: Any) -> RequestsAuth:
    return RequestsAuth(**{"source": StaticToken("x"), **settings})


NO_SECONDS = "number of seconds"
BAD: list[tuple[Make, str, Any, str]] = [
    (credentials, "client_id", "", "blank"),
    (credentials, "client_id", None, "a string, not None"),
    (credentials, "client_secret", f"{SENTINEL}\n", "line end"),
    (credentials, "scope", f"{SENTINEL}  b", "single spaces"),
    (credentials, "scope", f'"{SENTINEL}"', "single spaces"),
    (credentials, "scope", f"{SENTINEL}\\b", "single spaces"),
    (credentials, "token_endpoint_auth_method", SENTINEL, "one of client_secret_post, "),
    (credentials, "token_params", [SENTINEL], "a mapping of form fields"),
    (credentials, "token_params", {"audience": 5}, "a string or a sequence of strings"),
    (credentials, "token_params", {"resource": []}, "a string or a sequence of strings"),
    (credentials, "token_params", {"client_secret": SENTINEL}, "it has its own setting"),
    (credentials, "token_params", {"client_id": SENTINEL}, "client_id"),
    (credentials, "token_headers", [SENTINEL], "a mapping of headers"),
    (credentials, "token_headers", {f"x {SENTINEL}": "a"}, "the name of a header"),
    (credentials, "token_headers", {"x-api-key": f"{SENTINEL}\r\nX-Evil: 1"}, "printable ASCII"),
    (credentials, "leeway", -1, NO_SECONDS),
    (credentials, "leeway", "60", NO_SECONDS),
    (credentials, "leeway", True, NO_SECONDS),
    (credentials, "leeway", math.nan, NO_SECONDS),
    (credentials, "renew_ahead", -1, NO_SECONDS),
    (credentials, "default_lifetime", 0, "more than zero"),
    (credentials, "timeout", 0, "more than zero"),
    (credentials, "proxies", f"http://{SENTINEL}", "a mapping"),
    (credentials, "proxies", {"htps": f"http://{SENTINEL}"}, "'http', 'https', 'all'"),
    (credentials, "proxies", {"all://*": f"http://{SENTINEL}"}, "'http', 'https', 'all'"),
    (credentials, "store", 5, "token store"),
    (short_term, "lifetime", 0, "more than zero"),
    (short_term, "endpoint", f"http://{SENTINEL}.com/", "https"),
    (short_term, "timeout", 0, "more than zero"),
    (auth, "source", SENTINEL, "a token source"),
    (auth, "allowed_hosts", SENTINEL, "comma"),
    (auth, "header_name", f"X-Token\r\n{SENTINEL}", "the name of a header"),
    (auth, "scheme", f"Bearer\r\n{SENTINEL}: 1", "printable ASCII"),
    (auth, "scheme", f"{SENTINEL} ", "no space around"),
    (auth, "is_auth_failure", 401, "a callable"),
    (auth, "replay", SENTINEL, "one of all, safe, never"),
]


@pytest.mark.parametrize(
    ("make", "field", "value", "rule"),
    [pytest.param(*case, id=f"{case[0].__name__}-{case[1]}-{case[2]!a:.30}") for case in BAD],
)
def test_a_bad_setting_is_an_error_that_names_its_field_and_its_rule(
    make: Make, field: str, value: Any, rule: str
) -> None:
    message = message_of(lambda: make(**{field: value}))
    assert field in message
    assert rule in message


@pytest.mark.parametrize(
    ("endpoint", "rule"),
    [
        (f"http://{SENTINEL}.example.com/token", "https"),
        ("http://localhost.evil.com/token", "https"),
        (f"https://id:{SENTINEL}@auth.example.com/token", "user or a password"),
        (f"http://localhost:80@{SENTINEL}.com/token", "user or a password"),
        (f"https://auth.example.com/token#{SENTINEL}", "fragment"),
        (f"https://auth.example.com/?a=b&Client_Secret={SENTINEL}", "secret in its query"),
        (f"{SENTINEL}/token", "scheme and host"),
        (f"ftp://{SENTINEL}/token", "scheme and host"),
        (f"https:///{SENTINEL}", "scheme and host"),
        (f"https://[::1]{SENTINEL}/token", "URL"),
        (f"https://{SENTINEL}:99999/token", "URL"),
        (f"https://{SENTINEL}.com\\@evil.com/", "printable ASCII"),
        (f"https://{SENTINEL}\u2100.com/", "printable ASCII"),
        (f"https://{SENTINEL}.com/to ken", "ASCII without spaces"),
        ("", "blank"),
    ],
)
def test_an_endpoint_that_would_show_or_misdirect_a_secret_is_an_error(
    endpoint: str, rule: str
) -> None:
    for field in ("token_endpoint", "revocation_endpoint"):
        message = message_of(lambda field=field: credentials(**{field: endpoint}))
        assert field in message
        assert rule in message


GOOD: dict[str, list[Any]] = {
    "client_secret": ["a%2B+ c:=/é€", lambda: "secret"],
    "token_endpoint": [
        "HTTPS://AUTH.EXAMPLE.COM:8443/token?tenant=a",
        "http://localhost:1/token",
        "http://127.0.0.1/token",
        "http://[::1]:8080/token",
    ],
    "revocation_endpoint": [None, "https://auth.example.com/revoke?tokens=1"],
    "token_endpoint_auth_method": ["client_secret_basic", "private_key_jwt", lambda *a: a[2:]],
    "scope": [None, "api", "read:all urn:x#y!"],
    "token_headers": [None, {"x-api-key": "k", "User-Agent": "two words"}],
    "token_params": [None, {}, {"audience": "x", "resource": ["a", "b"], "empty": ""}],
    "leeway": [0, 60, math.inf],
    "renew_ahead": [None, 0, 5.5],
    "default_lifetime": [None, 0.5],
    "timeout": [0.001, 1e300],
    "verify": [True, False, "/no/such/ca.pem", ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)],
    "cert": [None, "/no/such/client.pem", ("/no/such/client.pem", "/no/such/client.key")],
    "proxies": [
        None,
        {"https": "http://proxy:3128"},
        {"all://": "http://proxy:3128"},
        {"https://auth.example.com": "http://proxy:3128"},
        {"http": None},
    ],
}


def test_good_settings_are_accepted_without_any_input_or_output() -> None:
    """Zero is a value (hazard E8), and files and hosts need not exist yet."""
    for field, values in GOOD.items():
        for value in values:
            credentials(**{field: value})


def test_insecure_http_permits_plain_http_with_one_warning_and_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """For example, inside a service mesh that encrypts."""
    credentials(client_secret=SENTINEL, token_endpoint="http://auth.mesh/token", insecure_http=True)
    (warning,) = caplog.messages
    assert "insecure_http" in warning
    assert SENTINEL not in warning
    message_of(lambda: credentials(token_endpoint="ftp://auth.mesh/token", insecure_http=True))


# -- which hosts get a token by default ------------------------------------------------------------


@pytest.mark.parametrize("make", [RequestsAuth, HTTPXAuth])
def test_allowed_hosts_are_required_with_another_token_endpoint_than_bitquerys(make: Make) -> None:
    """The tokens of another server must not go to Bitquery by default (hazard S2)."""
    for endpoint in ("https://auth.example.com/", "https://bitquery.io.evil.com/"):
        foreign = credentials(token_endpoint=endpoint)
        assert "allowed_hosts is required" in message_of(lambda source=foreign: make(source))
        make(foreign, allowed_hosts=("api.example.com",))
    for endpoint in ("https://OAUTH2.Bitquery.IO./oauth2/token", "https://bitquery.io/token"):
        make(credentials(token_endpoint=endpoint))


def test_a_short_term_token_needs_an_endpoint_with_another_token_endpoint_than_bitquerys() -> None:
    foreign = credentials(token_endpoint="https://auth.example.com/")
    assert "endpoint is required" in message_of(lambda: ShortTermToken(foreign))
    short = ShortTermToken(foreign, endpoint="https://api.example.com/graphql")
    assert "allowed_hosts is required" in message_of(lambda: RequestsAuth(short))


# -- the URL of a WebSocket ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        (f"https://{SENTINEL}.com/", "WebSocket URL"),
        (f"wss://[{SENTINEL}/", "WebSocket URL"),
        (f"ws://{SENTINEL}.com/", "wss"),
        ("ws://localhost:80@evil.example/", "wss"),
    ],
)
def test_a_url_over_which_a_token_cannot_be_sent_safely_is_an_error(url: str, rule: str) -> None:
    assert rule in message_of(lambda: websocket_url(url, "x"))


def test_a_token_in_a_url_is_quoted_and_replaces_the_one_there() -> None:
    url = "wss://streaming.bitquery.io/graphql?a=1&token=old"
    assert websocket_url(url, "t&admin=1#x/+") == (
        "wss://streaming.bitquery.io/graphql?a=1&token=t%26admin%3D1%23x%2F%2B"
    )
    assert websocket_url("ws://localhost:8080", Token("t")) == "ws://localhost:8080?token=t"
