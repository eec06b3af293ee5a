"""What is refused at construction may be a secret in the wrong place: no crash report of the error shows it."""

import sys
import traceback
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

import bitquery_auth
from bitquery_auth import (
    ClientCredentials,
    ConfigurationError,
    HTTPXAuth,
    RedisTokenStore,
    RequestsAuth,
    ShortTermToken,
    StaticToken,
    Token,
    from_env,
    websocket_url,
)
from bitquery_auth.integrations._credentials import source_of
from tests.attacks.conftest import SECRET, TOKEN
from tests.attacks.leaks import assert_hidden, own_locals, texts_of_error

Call = Callable[[], object]

unchecked: Any = bitquery_auth
"""The package as type checkers do not see it: some calls below are wrong on purpose."""

ENDPOINT = "wss://streaming.bitquery.io/graphql"
BAD_SETTINGS: list[dict[str, Any]] = [
    {"client_id": ""},
    {"client_id": f"{SECRET}\n"},
    {"client_secret": f"{SECRET}\n"},
    {"client_secret": SECRET.encode()},
    {"token_endpoint": "https://[oops"},
    {"token_endpoint": f"https://the-id:{SECRET}@auth.example.com/"},
    {"token_endpoint": f"https://auth.example.com/?client_secret={SECRET}"},
    {"revocation_endpoint": "http://auth.example.com/"},
    {"token_endpoint_auth_method": "none"},
    {"token_endpoint_auth_method": SECRET},
    {"scope": "a  b"},
    {"token_params": {"client_secret": SECRET}},
    {"token_params": {"client_id": SECRET}},
    {"token_params": {"audience": f"{SECRET}\n"}},
    {"leeway": -1},
    {"renew_ahead": "soon"},
    {"default_lifetime": 0},
    {"timeout": 0},
    {"verify": None},
    {"cert": ("a", "b", "c")},
    {"proxies": {"https": f"http://user:{SECRET}@proxy.example\n"}},
    {"trust_env": 1},
    {"insecure_http": "yes"},
    {"store": object()},
]


def credentials(**settings: Any) -> object:
    return ClientCredentials(**{"client_id": "the-id", "client_secret": SECRET, **settings})


def refusal_of(call: Call, kind: type[Exception] = ConfigurationError) -> Exception:
    """The error, of which neither the report nor what hangs on it shows a secret."""
    with pytest.raises(kind) as caught:
        call()
    shown = list(own_locals(caught.value))
    assert shown, "no frame of ours was looked at"
    for text in (*shown, *texts_of_error(caught.value)):
        assert_hidden(text, SECRET, TOKEN)
    return caught.value


@pytest.mark.parametrize("settings", BAD_SETTINGS, ids=lambda settings: ascii(settings)[:60])
def test_of_client_credentials(settings: dict[str, Any]) -> None:
    error = refusal_of(lambda: credentials(**settings))
    assert error.__context__ is None


# What a type checker finds wrong in these is what they are about.
UNKNOWN: dict[str, Call] = {
    "ClientCredentials": lambda: credentials(leway=5),
    "ClientCredentials without an id": lambda: unchecked.ClientCredentials(client_secret=SECRET),
    "ClientCredentials with a third": lambda: unchecked.ClientCredentials("the-id", "x", SECRET),
    "StaticToken": lambda: unchecked.StaticToken(TOKEN, lifetime=5),
    "Token": lambda: unchecked.Token(TOKEN, lifetime=5),
    "ShortTermToken": lambda: unchecked.ShortTermToken(TOKEN, lifetme=5),
    "RequestsAuth": lambda: unchecked.RequestsAuth(client_id="the-id", client_secret=SECRET),
    "HTTPXAuth": lambda: unchecked.HTTPXAuth("the-id", SECRET),
    "RedisTokenStore": lambda: unchecked.RedisTokenStore(f"redis://:{SECRET}@h", prefx="p"),
    "websocket_url": lambda: unchecked.websocket_url(ENDPOINT, tokn=TOKEN),
    "source_of": lambda: source_of("the-id", SECRET, leway=5),
}


@pytest.mark.parametrize("call", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_of_an_argument_that_there_is_not(call: Call) -> None:
    refusal_of(call, TypeError)


TOKENS: dict[str, Call] = {
    "StaticToken with a line end": lambda: StaticToken(f"{TOKEN}\nX-Evil: 1"),
    "StaticToken of bytes": lambda: unchecked.StaticToken(TOKEN.encode()),
    "Token with a line end": lambda: Token(f"{TOKEN}\n"),
    "Token of an odd type": lambda: Token(TOKEN, token_type=f"{TOKEN}\n"),
    "Token of an odd scope": lambda: Token(TOKEN, scope=f"{TOKEN}\n"),
    "Token that ends in no zone": lambda: Token(TOKEN, expires_at=datetime(2030, 1, 1)),  # noqa: DTZ001 - the point
    "websocket_url of no WebSocket": lambda: websocket_url("https://streaming.bitquery.io/", TOKEN),
    "websocket_url in the clear": lambda: websocket_url("ws://streaming.bitquery.io/", Token(TOKEN)),
    "websocket_url with a line end": lambda: websocket_url(ENDPOINT, f"{TOKEN}\n"),
    "websocket_url of no URL": lambda: websocket_url(f"wss://[oops?token={TOKEN}", "x"),
}


@pytest.mark.parametrize("call", TOKENS.values(), ids=TOKENS.keys())
def test_of_a_token_that_cannot_be_used(call: Call) -> None:
    refusal_of(call)


@pytest.mark.parametrize("given", [TOKEN, SECRET.encode(), ("the-id", SECRET), {"client_secret": SECRET}], ids=repr)
@pytest.mark.parametrize("make", [RequestsAuth, HTTPXAuth, ShortTermToken])
def test_of_what_is_no_source(make: Callable[[Any], object], given: Any) -> None:
    refusal_of(lambda: make(given))


@pytest.mark.parametrize("make", [RequestsAuth, HTTPXAuth])
@pytest.mark.parametrize("setting", ["allowed_hosts", "header_name", "scheme", "replay", "insecure_http"])
def test_of_a_setting_of_an_auth_that_holds_a_token(make: Callable[..., object], setting: str) -> None:
    refusal_of(lambda: make(StaticToken("x"), **{setting: f"{TOKEN}\n"}))


@pytest.mark.parametrize(
    "url", [f"redis://user:{SECRET}@host:{SECRET}", f"redis://user:{SECRET}@host:port", f"http://{SECRET}@host"]
)
def test_of_a_redis_store_whose_url_is_none(url: str) -> None:
    error = refusal_of(lambda: RedisTokenStore(url))
    assert error.__context__ is None, "redis-py's own error quotes the URL"


def test_of_a_redis_store_whose_prefix_is_wrong() -> None:
    refusal_of(lambda: RedisTokenStore(f"redis://user:{SECRET}@host", prefix="\n"))


def test_of_a_redis_store_without_redis_py(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    error = refusal_of(lambda: RedisTokenStore(f"redis://user:{SECRET}@host"))
    assert isinstance(error.__cause__, ImportError)


ENVIRONMENTS: dict[str, dict[str, str]] = {
    "a bad method": {"CLIENT_ID": "the-id", "CLIENT_SECRET": SECRET, "TOKEN_ENDPOINT_AUTH_METHOD": "none"},
    "a bad endpoint": {"CLIENT_ID": "the-id", "CLIENT_SECRET": SECRET, "TOKEN_ENDPOINT": "https://[oops"},
    "a secret with a line end": {"CLIENT_ID": "the-id", "CLIENT_SECRET": f"{SECRET}\nx"},
    "a V1 key": {"API_KEY": f"BQY{TOKEN}"},
    "a key that is no token": {"API_KEY": SECRET},
    "a token with a control character": {"TOKEN": f"{TOKEN}\x01{TOKEN}"},
    "a token with a line end": {"ACCESS_TOKEN": f"{TOKEN}\r\nX-Evil: 1"},
}


@pytest.mark.parametrize("describe", [from_env, lambda: source_of(None, None)], ids=["from_env", "source_of"])
@pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=ENVIRONMENTS.keys())
def test_of_a_wrong_environment(
    environment: dict[str, str], describe: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"BITQUERY_{name}", value)
    refusal_of(describe)


def test_of_a_wrong_environment_of_client_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENTS["a bad method"].items():
        monkeypatch.setenv(f"MY_{name}", value)
    refusal_of(lambda: ClientCredentials.from_env("MY_"))


@pytest.mark.parametrize("settings", [{"timeout": 0}, {"leeway": -1}, {"scope": "a  b"}], ids=repr)
def test_of_credentials_that_another_library_hands_over(settings: dict[str, Any]) -> None:
    refusal_of(lambda: source_of("the-id", SECRET, **settings))


HALF_MADE: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {
    "ClientCredentials without an id": (ClientCredentials, ("", "secret"), {}),
    "ClientCredentials without a secret": (ClientCredentials, ("the-id", None), {}),
    "ClientCredentials with a bad leeway": (ClientCredentials, ("the-id", "secret"), {"leeway": -1}),
    "ShortTermToken without a source": (ShortTermToken, (None,), {}),
    "ShortTermToken with a bad leeway": (ShortTermToken, (StaticToken("x"),), {"leeway": -1}),
    "ShortTermToken with a bad lifetime": (ShortTermToken, (StaticToken("x"),), {"lifetime": 0}),
    "RequestsAuth without a source": (RequestsAuth, (None,), {}),
    "RequestsAuth with bad hosts": (RequestsAuth, (StaticToken("x"),), {"allowed_hosts": ()}),
    "HTTPXAuth without a source": (HTTPXAuth, (None,), {}),
    "HTTPXAuth with bad hosts": (HTTPXAuth, (StaticToken("x"),), {"allowed_hosts": ()}),
}


@pytest.mark.parametrize(("base", "args", "settings"), HALF_MADE.values(), ids=HALF_MADE.keys())
def test_of_a_subclass_shows_an_object_that_is_half_made(
    base: Any, args: tuple[Any, ...], settings: dict[str, Any]
) -> None:
    class Own(base):  # type: ignore[misc]  # whichever it is
        def __init__(self) -> None:
            super().__init__(*args, **settings)

    with pytest.raises(ConfigurationError) as caught:
        Own()
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    (shown,) = [frame.locals["self"] for frame in report.stack if frame.locals and "self" in frame.locals]
    assert shown.startswith("Own(")
