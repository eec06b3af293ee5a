"""Which sources share a token: those whose settings lead to the same one."""

from typing import Any

import pytest

from bitquery_auth import ClientCredentials, Token
from tests.stores.memory import MemoryStore


class KeyStore(MemoryStore):
    """Has a token under every key, and notes the key."""

    key = ""

    def get(self, key: str) -> Token:
        self.key = key
        return Token("stored")


def sign(auth: Any, method: str, uri: str, headers: Any, body: Any) -> tuple[str, Any, Any]:
    """A client authentication of the user's own."""
    return uri, headers, body


def another_sign(auth: Any, method: str, uri: str, headers: Any, body: Any) -> tuple[str, Any, Any]:
    """Another."""
    return uri, headers, body


def key(client_id: str = "id", client_secret: Any = "secret", **settings: Any) -> str:
    """Return the key under which a source looks for its token."""
    store = KeyStore()
    chosen: dict[str, Any] = {"token_endpoint": "http://127.0.0.1:9/oauth2/token"} | settings
    ClientCredentials(client_id, client_secret, store=store, **chosen).token()
    return store.key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"client_id": "other"}),
        ({}, {"client_secret": "other"}),
        ({}, {"client_secret": lambda: "other"}),
        ({}, {"token_endpoint": "http://127.0.0.1:9/other/token"}),
        ({}, {"token_endpoint_auth_method": "client_secret_basic"}),
        ({}, {"token_endpoint_auth_method": sign}),
        ({}, {"scope": "None"}),
        ({}, {"token_params": {"audience": "a"}}),
        ({}, {"token_params": {"audience": ["a", "b"]}}),
        ({}, {"token_params": {"scopes": "api"}}),
        ({}, {"token_headers": {"x-tenant": "a"}}),
        ({"token_headers": {"x-tenant": "a"}}, {"token_params": {"x-tenant": "a"}}),
        ({"token_params": {"a": "1", "b": "2"}}, {"token_params": {"a": "1b", "2": ""}}),
        ({"token_params": {"a": "b"}}, {"token_params": {"b": "a"}}),
        ({"token_params": {"a": ["1", "2"]}}, {"token_params": {"a": ["2", "1"]}}),
        ({"scope": "a b"}, {"scope": "b a"}),
        ({"token_endpoint_auth_method": sign}, {"token_endpoint_auth_method": another_sign}),
    ],
)
def test_settings_that_shape_a_token_are_part_of_the_key(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
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
)
def test_settings_that_do_not_shape_a_token_are_not_part_of_the_key(
    different: dict[str, Any],
) -> None:
    assert key(**different) == key()


def test_a_key_reveals_nothing_of_the_settings() -> None:
    made = key("sentinel-id", "sentinel-secret", scope="sentinel")
    assert len(made) == 64
    assert set(made) <= set("0123456789abcdef")
