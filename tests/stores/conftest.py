"""The stores, a sandbox that goes by the time of day, and what was logged."""

import contextlib
import logging
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from bitquery_auth import FileTokenStore, RedisTokenStore, TokenStore
from bitquery_auth.sandbox import Sandbox
from tests.stores.valkey import a_server

Log = Callable[[int], list[str]]


@dataclass
class Place:
    """Where tokens are shared.

    Attributes:
        store: The store as one process has it.
        another: Returns the store as another process has it.
        plant: Stores bytes under a key, past the store.
        contents: Returns everything that is stored, names included.
    """

    store: TokenStore
    another: Callable[[], TokenStore]
    plant: Callable[[str, bytes], object]
    contents: Callable[[], bytes]


@pytest.fixture(params=["file", "redis"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each of the stores."""
    place: Place = request.getfixturevalue(f"{request.param}_place")
    return place


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a file store is, once it is needed."""
    return tmp_path / "cache" / "tokens"


@pytest.fixture
def file_place(folder: Path) -> Place:
    def plant(key: str, data: bytes) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / f"{key}.json").write_bytes(data)

    def contents() -> bytes:
        return b"\n".join(path.name.encode() + path.read_bytes() for path in folder.iterdir())

    return Place(FileTokenStore(folder), lambda: FileTokenStore(folder), plant, contents)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A server that tests share, each with a prefix of its own."""
    with a_server() as url:
        if url is None:
            pytest.skip("no valkey-server or redis-server here, and REDIS_URL is not set")
        yield url


@pytest.fixture
def prefix() -> str:
    """The beginning of this test's keys."""
    return f"test-{uuid.uuid4()}:"


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """A client of the user's own."""
    with contextlib.closing(redis.Redis.from_url(redis_url)) as client:
        yield client


@pytest.fixture
def redis_place(redis_url: str, prefix: str, client: redis.Redis) -> Iterator[Place]:
    with contextlib.ExitStack() as stack:

        def another() -> RedisTokenStore:
            store = RedisTokenStore(redis_url, prefix=prefix)
            stack.callback(store._client.close)
            return store

        def contents() -> bytes:
            keys = client.scan_iter(f"{prefix}*")
            return b"\n".join(key + (client.get(key) or b"") for key in keys)

        yield Place(another(), another, lambda key, data: client.set(prefix + key, data), contents)


@pytest.fixture
def live_sandbox() -> Iterator[Sandbox]:
    """A stand-in for Bitquery that goes by the time of day, as other processes do."""
    with Sandbox() as running:
        yield running


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Log:
    """Return what the package logged at a level."""
    caplog.set_level(logging.DEBUG, "bitquery_auth")

    def at(level: int) -> list[str]:
        records = [each for each in caplog.records if each.name == "bitquery_auth"]
        return [each.getMessage() for each in records if each.levelno == level]

    return at
