"""Which sources share a token: those whose settings give the same one."""

from typing import Any

import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox import Sandbox
from tests.stores.memory import MemoryStore

AT = "http://127.0.0.1:9/oauth2/token"
ELSEWHERE = "http://127.0.0.1:9/other/token"


def sign(auth: Any, method: str, uri: str, headers: Any, body: Any) -> tuple[str, Any, Any]:
    """A client authentication of the user's own."""
    return uri, headers, body


def another_sign(auth: Any, method: str, uri: str, headers: Any, body: Any) -> tuple[str, Any, Any]:
    """Another."""
    return uri, headers, body


def key(client_id: str = "id", client_secret: Any = "secret", **settings: Any) -> str:
    chosen: dict[str, Any] = {"token_endpoint": AT} | settings
    source = ClientCredentials(client_id, client_secret, **chosen)
    return source._exchange.fingerprint(source.token_endpoint, source._exchange.read_secret())


@pytest.mark.parametrize(
    "different",
    [
        {"client_id": "other"},
        {"client_secret": "other"},
        {"client_secret": lambda: "other"},
        {"token_endpoint": ELSEWHERE},
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"token_endpoint_auth_method": sign},
        {"scope": "api"},
        {"scope": "None"},
        {"token_params": {"audience": "a"}},
        {"token_params": {"audience": ["a", "b"]}},
        {"token_params": {"scopes": "api"}},
    ],
    ids=repr,
)
def test_sources_that_differ_in_what_shapes_a_token_do_not_share(different: dict[str, Any]) -> None:
    """Hazard C3."""
    assert key(**different) != key()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"token_params": {"a": "1", "b": "2"}}, {"token_params": {"a": "1b", "2": ""}}),
        ({"token_params": {"a": "b"}}, {"token_params": {"b": "a"}}),
        ({"token_params": {"a": ["1", "2"]}}, {"token_params": {"a": ["2", "1"]}}),
        ({"scope": "a b"}, {"scope": "b a"}),
        ({"token_endpoint_auth_method": sign}, {"token_endpoint_auth_method": another_sign}),
    ],
    ids=str,
)
def test_settings_that_look_alike_are_told_apart(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Hazard C3."""
    assert key(**one) != key(**other)


@pytest.mark.parametrize(
    "different",
    [
        {"leeway": 5},
        {"renew_ahead": 0},
        {"timeout": 3},
        {"trust_env": False},
        {"client_secret": lambda: "secret"},
    ],
    ids=repr,
)
def test_sources_that_differ_in_how_they_ask_share(different: dict[str, Any]) -> None:
    assert key(**different) == key()


def test_a_key_tells_nothing_of_the_settings() -> None:
    made = key("sentinel-id", "sentinel-secret", scope="sentinel")
    assert len(made) == 64
    assert set(made) <= set("0123456789abcdef")


def test_an_application_of_two_scopes_has_two_tokens(sandbox: Sandbox) -> None:
    store = MemoryStore()
    sandbox.allowed_scopes = ("api", "other")
    tokens = {sandbox.credentials(store=store, scope=scope).token().access_token for scope in ("api", "other")}
    assert (len(tokens), sandbox.token_requests) == (2, 2)
