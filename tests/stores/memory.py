"""A store in memory, as a user might write one, and one that watches another store."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bitquery_auth import Token, TokenStore


class MemoryStore:
    """Shared by the sources of one process."""

    def __init__(self) -> None:
        self.tokens: dict[str, Token] = {}
        self._locks: dict[str, threading.Lock] = {}

    def get(self, key: str) -> Token | None:
        token = self.tokens.get(key)
        return None if token is None or token.is_expired else token

    def set(self, key: str, token: Token) -> None:
        self.tokens[key] = token

    def discard(self, key: str, access_token: str) -> None:
        if key in self.tokens and self.tokens[key].access_token == access_token:
            del self.tokens[key]

    @contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[None]:
        lock = self._locks.setdefault(key, threading.Lock())
        if not lock.acquire(timeout=timeout):
            raise TimeoutError
        try:
            yield
        finally:
            lock.release()


class WatchedStore:
    """A store with one token, which notes each call and does before it what `before` says.

    Args:
        store: Where the token is, under the key ``k``; by default in memory.
        before: What to do before a call of that name. ``unlock`` stands for the release of a lock.

    Attributes:
        calls: The names of the calls.
    """

    def __init__(self, store: TokenStore | None = None, **before: Callable[[], object]) -> None:
        self.store = MemoryStore() if store is None else store
        self.before = before
        self.calls: list[str] = []

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if method in self.before:
            self.before[method]()

    def get(self, key: str) -> Token | None:
        self._called("get")
        return self.store.get("k")

    def set(self, key: str, token: Token) -> None:
        self._called("set")
        self.store.set("k", token)

    def discard(self, key: str, access_token: str) -> None:
        self._called("discard")
        self.store.discard("k", access_token)

    @contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[None]:
        self._called("lock")
        with self.store.lock("k", timeout):
            try:
                yield
            finally:
                self._called("unlock")


def raising(error: BaseException) -> Callable[[], object]:
    """Return a function that raises."""

    def fails() -> object:
        raise error

    return fails


def failing(*methods: str, error: BaseException | None = None) -> WatchedStore:
    """Return a store whose methods of these names raise."""
    fails = raising(error or RuntimeError("a fault of the store"))
    store = WatchedStore()
    store.before = dict.fromkeys(methods, fails)
    return store
