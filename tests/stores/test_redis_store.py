"""The Redis store: its arguments, what it keeps on the server, and for how long."""

import contextlib
import json
import pickle
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
import redis.asyncio

from bitquery_auth import ConfigurationError, RedisTokenStore, Token

SECRET_URL = "rediss://someone:sentinel%21@127.0.0.1:6390/3?socket_timeout=5"


def expiring_in(seconds: float) -> Token:
    return Token("ory_at_stored", expires_at=datetime.now(UTC) + timedelta(seconds=seconds))


@pytest.fixture
def store(client: redis.Redis, prefix: str) -> RedisTokenStore:
    """A store over the user's own client."""
    return RedisTokenStore(client, prefix=prefix)


# -- what is on the server -------------------------------------------------------------------------


def test_the_server_removes_a_token_when_it_expires(
    store: RedisTokenStore, client: redis.Redis, prefix: str
) -> None:
    store.set("k", expiring_in(100))
    assert 90_000 < client.pttl(prefix + "k") <= 100_000
    store.set("k", Token("endless"))
    assert client.ttl(prefix + "k") == -1


def test_what_is_stored_is_json_and_not_a_pickle(
    store: RedisTokenStore, client: redis.Redis, prefix: str
) -> None:
    store.set("k", Token("stored", scope="api", expires_at=datetime(2100, 1, 2, tzinfo=UTC)))
    assert json.loads(client.get(prefix + "k") or b"") == {
        "bitquery_auth": 1,
        "access_token": "stored",
        "token_type": "Bearer",
        "scope": "api",
        "expires_at": "2100-01-02T00:00:00+00:00",
    }


def test_the_lock_of_a_crashed_process_expires(
    store: RedisTokenStore, client: redis.Redis, prefix: str
) -> None:
    """Hazard P3."""
    with store.lock("k", 0):
        assert 1_000 < client.pttl(f"{prefix}k:lock") <= 5_000


def test_a_lock_that_expired_is_not_taken_from_its_new_holder(
    store: RedisTokenStore, client: redis.Redis, prefix: str
) -> None:
    with store.lock("k", 0):
        client.set(f"{prefix}k:lock", "another's")
    assert client.get(f"{prefix}k:lock") == b"another's"


@pytest.mark.parametrize("planted", [b"", b"[", b"5", b"[]"], ids=repr)
def test_discarding_a_token_leaves_a_corrupt_entry(
    store: RedisTokenStore, client: redis.Redis, prefix: str, planted: bytes
) -> None:
    client.set(prefix + "k", planted)
    store.discard("k", "ory_at_stored")
    assert client.get(prefix + "k") == planted


# -- its arguments ---------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["redis", "valkey"])
def test_a_url_may_name_redis_or_valkey(redis_url: str, prefix: str, scheme: str) -> None:
    store = RedisTokenStore(redis_url.replace("redis", scheme, 1), prefix=prefix)
    with contextlib.closing(store._client):
        store.set("k", expiring_in(100))
        assert store.get("k")


def test_a_client_that_decodes_responses_serves_as_well(redis_url: str, prefix: str) -> None:
    with contextlib.closing(redis.Redis.from_url(redis_url, decode_responses=True)) as client:
        store, token = RedisTokenStore(client, prefix=prefix), expiring_in(100)
        with store.lock("k", 0):
            store.set("k", token)
        assert store.get("k") == token
        store.discard("k", token.access_token)
        assert store.get("k") is None


def test_settings_of_redis_py_may_stand_in_the_url() -> None:
    settings = RedisTokenStore(SECRET_URL)._client.connection_pool.connection_kwargs
    assert (settings["socket_timeout"], settings["socket_connect_timeout"]) == (5, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "host:6379",
        "http://127.0.0.1",
        "redis://host:port",
        "redis://h?socket_timeout=x",
        None,
        redis.Redis,
        redis.asyncio.Redis(),
        redis.ConnectionPool(),
    ],
)
def test_what_is_neither_a_url_nor_a_client_is_rejected(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^url_or_client "):
        RedisTokenStore(wrong)


@pytest.mark.parametrize("wrong", ["", "a\nb"], ids=repr)
def test_a_prefix_must_be_plain_text(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^prefix "):
        RedisTokenStore("redis://127.0.0.1", prefix=wrong)


def test_without_redis_py_construction_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigurationError, match="pip install redis"):
        RedisTokenStore("redis://127.0.0.1")


def test_neither_the_repr_nor_an_error_shows_the_url() -> None:
    """Hazard S5."""
    assert repr(RedisTokenStore(SECRET_URL)) == (
        "RedisTokenStore(<hidden>, prefix='bitquery_auth:')"
    )
    with pytest.raises(ConfigurationError) as caught:
        RedisTokenStore("redis://someone:sentinel@host:sentinel")
    assert "sentinel" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert "sentinel" not in repr([frame.locals for frame in caught.traceback[1:]])


# -- pickles ---------------------------------------------------------------------------------------


def test_a_pickle_holds_url_and_prefix() -> None:
    copy = pickle.loads(pickle.dumps(RedisTokenStore(SECRET_URL, prefix="p:")))
    assert repr(copy) == repr(RedisTokenStore(SECRET_URL, prefix="p:"))
    assert copy._client.connection_pool.connection_kwargs["password"] == "sentinel!"


def test_a_store_over_a_client_says_why_it_cannot_be_pickled(store: RedisTokenStore) -> None:
    with pytest.raises(TypeError, match="make it from a URL"):
        pickle.dumps(store)
