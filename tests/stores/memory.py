"""A store in memory, the simplest there can be, and one that fails where a test wants it to."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bitquery_auth import Token


class MemoryStore:
    """Shared by the sources of one process."""

    def __init__(self) -> None:
        self.tokens: dict[str, Token] = {}
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}

    def get(self, key: str) -> Token | None:
        with self._guard:
            token = self.tokens.get(key)
            if token is not None and token.expires_in is not None and token.expires_in <= 0:
                del self.tokens[key]
                return None
            return token

    def set(self, key: str, token: Token) -> None:
        with self._guard:
            self.tokens[key] = token

    def discard(self, key: str, access_token: str) -> None:
        with self._guard:
            if key in self.tokens and self.tokens[key].access_token == access_token:
                del self.tokens[key]

    @contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[None]:
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        if not lock.acquire(timeout=timeout):
            raise TimeoutError
        try:
            yield
        finally:
            lock.release()


class FailingStore(MemoryStore):
    """Fails in the methods named in `fails` with `error`, and notes each call in `calls`."""

    def __init__(self, *fails: str, error: Exception | None = None) -> None:
        super().__init__()
        self.fails = set(fails)
        self.error = error or RuntimeError("the store has a fault")
        self.calls: list[str] = []
        self.instead: Any = None
        self.on_lock: Callable[[], None] = lambda: None

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if method in self.fails:
            raise self.error

    def get(self, key: str) -> Token | None:
        self._called("get")
        return super().get(key) if self.instead is None else self.instead

    def set(self, key: str, token: Token) -> None:
        self._called("set")
        super().set(key, token)

    def discard(self, key: str, access_token: str) -> None:
        self._called("discard")
        super().discard(key, access_token)

    @contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[None]:
        self._called("lock")
        self.on_lock()
        with super().lock(key, timeout):
            yield
        self._called("unlock")
