"""The Redis store: its arguments, what it keeps on the server, and for how long."""

import contextlib
import json
import os
import pickle
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
import redis.asyncio

from bitquery_auth import ConfigurationError, RedisTokenStore, Token

SECRET_URL = "rediss://someone:sentinel%21@127.0.0.1:6390/3?socket_timeout=5"


def ending_in(seconds: float) -> Token:
    return Token("ory_at_kept", expires_at=datetime.now(UTC) + timedelta(seconds=seconds))


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """A client of the user's own."""
    with contextlib.closing(redis.Redis.from_url(redis_url)) as client:
        yield client


@pytest.fixture
def prefix() -> str:
    """Keys of this test's own."""
    return f"test-{uuid.uuid4()}:"


@pytest.fixture
def store(client: redis.Redis, prefix: str) -> RedisTokenStore:
    """A store on that client."""
    return RedisTokenStore(client, prefix=prefix)


def test_the_server_forgets_a_token_when_it_ends(store: RedisTokenStore, client: redis.Redis, prefix: str) -> None:
    store.set("k", ending_in(100))
    assert 90_000 < client.pttl(prefix + "k") <= 100_000


def test_a_token_that_ended_is_not_kept(store: RedisTokenStore, client: redis.Redis, prefix: str) -> None:
    store.set("k", ending_in(-1))
    assert not client.exists(prefix + "k")


def test_a_token_without_end_stays(store: RedisTokenStore, client: redis.Redis, prefix: str) -> None:
    store.set("k", Token("endless"))
    assert client.ttl(prefix + "k") == -1


def test_what_is_kept_is_json_and_no_pickle(store: RedisTokenStore, client: redis.Redis, prefix: str) -> None:
    store.set("k", Token("kept", scope="api"))
    assert json.loads(client.get(prefix + "k") or b"") == {
        "bitquery_auth": 1,
        "access_token": "kept",
        "token_type": "Bearer",
        "scope": "api",
        "expires_at": None,
    }


def test_the_lock_of_a_dead_process_is_free_while_others_still_wait(store: RedisTokenStore) -> None:
    """Whoever takes its place has time left to fetch, and the others to take that token."""
    abandoned = store.lock("k", 0.9)
    abandoned.__enter__()
    began = time.monotonic()
    with store.lock("k", 0.9):
        assert 0.1 < time.monotonic() - began < 0.8


def test_a_lock_that_outlasted_its_time_is_not_taken_from_its_new_holder(
    store: RedisTokenStore, client: redis.Redis, prefix: str
) -> None:
    with store.lock("k", 5):
        client.set(f"{prefix}k:lock", "another's")
    assert client.get(f"{prefix}k:lock") == b"another's"


def test_a_client_that_decodes_serves_as_well(redis_url: str, prefix: str) -> None:
    with contextlib.closing(redis.Redis.from_url(redis_url, decode_responses=True)) as client:
        store, token = RedisTokenStore(client, prefix=prefix), ending_in(100)
        with store.lock("k", 1):
            store.set("k", token)
        assert store.get("k") == token
        store.discard("k", token.access_token)
        assert store.get("k") is None


@pytest.mark.parametrize("planted", [b"", b"[", b"5", b'"ory_at_kept"', b"null", b"[]"], ids=repr)
def test_discarding_leaves_what_is_no_token_of_ours(
    store: RedisTokenStore, client: redis.Redis, prefix: str, planted: bytes
) -> None:
    client.set(prefix + "k", planted)
    store.discard("k", "ory_at_kept")
    assert client.get(prefix + "k") == planted


def test_by_default_keys_begin_with_the_packages_name(client: redis.Redis) -> None:
    key = uuid.uuid4().hex
    RedisTokenStore(client).set(key, ending_in(5))
    assert client.delete(f"bitquery_auth:{key}") == 1


@pytest.mark.parametrize("scheme", ["redis", "valkey", "VALKEY"])
def test_a_url_may_name_redis_or_valkey(redis_url: str, prefix: str, scheme: str) -> None:
    store = RedisTokenStore(redis_url.replace("redis", scheme, 1), prefix=prefix)
    with contextlib.closing(store._client):
        store.set("k", ending_in(100))
        assert store.get("k")


def test_construction_connects_to_nothing() -> None:
    assert RedisTokenStore("redis://127.0.0.1:1")._client.connection_pool._in_use_connections == set()


def test_a_url_sets_redis_pys_own_settings() -> None:
    store = RedisTokenStore("redis://127.0.0.1:6390/3?socket_timeout=7")
    assert store._client.connection_pool.connection_kwargs["socket_timeout"] == 7


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "  ",
        "host:6379",
        "http://127.0.0.1",
        "redis//host",
        "redis://host:port",
        "redis://host:99999",
        "redis://h?socket_timeout=x",
        None,
        5,
        b"redis://127.0.0.1",
        redis.Redis,
        redis.asyncio.Redis(),
        redis.ConnectionPool(),
    ],
    ids=repr,
)
def test_what_is_neither_url_nor_client_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^url_or_client "):
        RedisTokenStore(wrong)


@pytest.mark.parametrize("wrong", ["", " ", "a\nb", None, 5], ids=repr)
def test_what_is_no_prefix_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^prefix "):
        RedisTokenStore("redis://127.0.0.1", prefix=wrong)


def test_an_error_does_not_quote_the_url() -> None:
    with pytest.raises(ConfigurationError) as caught:
        RedisTokenStore("redis://someone:sentinel@host:sentinel")
    assert "sentinel" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_its_repr_says_where_it_is_and_hides_the_password() -> None:
    assert repr(RedisTokenStore(SECRET_URL)) == "RedisTokenStore(<127.0.0.1:6390/3>, prefix='bitquery_auth:')"


def test_its_repr_knows_sockets() -> None:
    assert "</run/redis.sock/0>" in repr(RedisTokenStore("unix:///run/redis.sock?password=sentinel"))
    assert "sentinel" not in repr(RedisTokenStore("unix:///run/redis.sock?password=sentinel"))


def test_a_pickle_keeps_url_and_prefix() -> None:
    copy = pickle.loads(pickle.dumps(RedisTokenStore(SECRET_URL, prefix="p:")))
    assert repr(copy) == repr(RedisTokenStore(SECRET_URL, prefix="p:"))
    assert copy._client.connection_pool.connection_kwargs["password"] == "sentinel!"


def test_a_store_made_from_a_client_says_why_it_has_no_pickle(store: RedisTokenStore) -> None:
    with pytest.raises(TypeError, match="make it from a URL"):
        pickle.dumps(store)


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'bitquery_auth\[redis\]'"):
        RedisTokenStore("redis://127.0.0.1")


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_has_connections_of_its_own(store: RedisTokenStore) -> None:
    """Hazard P2: neither reads the other's answers."""
    store.set("parent", ending_in(100))
    child = os.fork()
    if child == 0:
        kept = False
        with contextlib.suppress(BaseException):
            for _ in range(50):
                store.set("child", ending_in(100))
                kept = store.get("child") is not None
        os._exit(0 if kept else 1)
    for _ in range(50):
        assert store.get("nothing") is None
    assert os.waitpid(child, 0)[1] == 0
