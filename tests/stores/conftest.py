"""Each behaviour of a store is tried with every store."""

import contextlib
import logging
import pickle
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from bitquery_auth import FileTokenStore, RedisTokenStore, TokenStore
from bitquery_auth.sandbox import Sandbox
from tests.stores.memory import MemoryStore
from tests.stores.valkey import Valkey, a_server, binary

KINDS = ("file", "redis", "memory")
LASTING = ("file", "redis")


@dataclass
class Place:
    """Where tokens are shared: `store` as one process holds it, `another` as the next one does."""

    store: TokenStore
    another: Callable[[], TokenStore]
    plant: Callable[[str, bytes], None]
    contents: Callable[[], bytes]

    @property
    def pickled(self) -> bytes:
        return pickle.dumps(self.store)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A server that tests share, each with a prefix of its own."""
    with a_server() as url:
        if url is None:
            pytest.skip("no valkey-server or redis-server here, and REDIS_URL is not set")
        yield url


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    """A server that a test may spoil."""
    program = binary()
    if program is None:
        pytest.skip("no valkey-server or redis-server here")
    with Valkey(program) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a file store is, once it is needed."""
    return tmp_path / "cache" / "tokens"


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """One of the stores."""
    with contextlib.ExitStack() as stack:
        yield _places[request.param](request, stack)


def file_place(request: pytest.FixtureRequest, _: contextlib.ExitStack) -> Place:
    folder: Path = request.getfixturevalue("folder")

    def plant(key: str, data: bytes) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / f"{key}.json").write_bytes(data)
        (folder / f"{key}.json").chmod(0o600)

    def contents() -> bytes:
        return b"\n".join(each.name.encode() + b" " + each.read_bytes() for each in sorted(folder.iterdir()))

    return Place(FileTokenStore(folder), lambda: FileTokenStore(folder), plant, contents)


def redis_place(request: pytest.FixtureRequest, stack: contextlib.ExitStack) -> Place:
    url: str = request.getfixturevalue("redis_url")
    prefix = f"test-{uuid.uuid4()}:"
    client = stack.enter_context(contextlib.closing(redis.Redis.from_url(url)))

    def plant(key: str, data: bytes) -> None:
        client.set(prefix + key, data)

    def contents() -> bytes:
        return b"\n".join(each + b" " + (client.get(each) or b"") for each in client.scan_iter(f"{prefix}*"))

    def another() -> RedisTokenStore:
        store = RedisTokenStore(url, prefix=prefix)
        stack.callback(store._client.close)
        return store

    return Place(another(), another, plant, contents)


def memory_place(*_: object) -> Place:
    store = MemoryStore()

    def plant(key: str, data: bytes) -> None:
        raise NotImplementedError

    def contents() -> bytes:
        return b"\n".join(f"{key} {token.access_token}".encode() for key, token in store.tokens.items())

    return Place(store, lambda: store, plant, contents)


_places = {"file": file_place, "redis": redis_place, "memory": memory_place}


@pytest.fixture
def live_sandbox() -> Iterator[Sandbox]:
    """A stand-in for Bitquery that goes by the time of day, as other processes do."""
    with Sandbox() as running:
        yield running


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[[int], list[str]]:
    """What the package logged at a level."""
    caplog.set_level(logging.DEBUG, "bitquery_auth")

    def at(level: int) -> list[str]:
        return [each.getMessage() for each in caplog.records if each.levelno == level and each.name == "bitquery_auth"]

    return at


def until(condition: Callable[[], bool], *, within: float = 20) -> None:
    """Wait for what another thread or process does."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)
