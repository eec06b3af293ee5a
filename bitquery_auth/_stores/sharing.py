"""How a fetch goes through a token store that other processes use as well.

A process takes the token that is in the store if that one will do. Otherwise it takes the store's
lock, looks once more, requests a token and stores it. A process that has to wait for the lock looks
for the token in between, and leaves as soon as it is there: however many processes wait for one
token, they do not queue for the lock to learn that they no longer need it.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from bitquery_auth._checks import must_be
from bitquery_auth._log import logger
from bitquery_auth._sources.expiry import FetchedToken, Instant
from bitquery_auth._stores.protocol import CorruptEntryError, TokenStore, attempt
from bitquery_auth._token import Token

T = TypeVar("T")

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
_PAUSE_GROWTH = 1.5
"""Pauses between attempts to take a lock grow: 500 processes every 50 ms keep a server busy."""

_LONGEST_WAIT_FOR_TURN = 1.0
_turns: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
"""For each key, the lock of the thread of this process that is calling a store."""


def check_token_store(field: str, value: object) -> SharedStore | None:
    """Accept None, or an object that has the methods of a `TokenStore`."""
    if value is None:
        return None
    if isinstance(value, type) or not isinstance(value, TokenStore):
        raise must_be(field, "a token store, such as FileTokenStore(), or None")
    return SharedStore(value)


class SharedStore:
    """The token store of one source. If the store fails, the source goes on without it.

    Args:
        store: The store.
    """

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        self._name = type(store).__name__
        self._has_warned = False

    def get_or_fetch(
        self,
        key: str,
        fetch: Callable[[], FetchedToken],
        *,
        discarded: frozenset[str],
        replaced: str | None,
        force: bool,
        default_lifetime: float | None,
        lock_timeout: float,
        now: Callable[[], Instant],
    ) -> FetchedToken:
        """Return a token from the store, or fetch one and store it.

        Args:
            key: The key of the token.
            fetch: Requests a token from the token endpoint.
            discarded: Tokens that were discarded since the last fetch. They are not returned, and
                removed from the store.
            replaced: A token that is still valid but about to expire. It is not returned either.
            force: Whether only a token will do that was not in the store when this call began.
            default_lifetime: Seconds that a token of unknown expiry is taken to be valid, or None.
            lock_timeout: Seconds to wait for other processes that are fetching.
            now: Returns the current time.

        Returns:
            The token. One from the store is not fresh: it may have been requested before the last
            token was discarded.

        Raises:
            BitqueryAuthError: What `fetch` raised.
        """
        rejected = {*discarded, replaced}
        usable = partial(_usable, rejected=rejected, default_lifetime=default_lifetime, now=now)
        with self._session(key) as store, ExitStack() as lock:
            token = store.get()
            if force and token is not None:
                rejected.add(token.access_token)
            elif (shared := usable(token)) is not None:
                return shared
            for token in store.wait_for_lock(lock_timeout, lock):
                if (shared := usable(token)) is not None:
                    return shared
            if token is not None and token.access_token in discarded:
                store.discard(token.access_token)
            fetched = fetch()
            if not fetched.token.is_expired:
                store.set(fetched.token)
            return fetched

    def get(self, key: str) -> Token | None:
        """Return the token that is stored under a key, or None."""
        with self._session(key) as store:
            return store.get()

    def discard(self, key: str, access_token: str, lock_timeout: float) -> None:
        """Remove the token that is stored under a key if it is this one, and no other.

        Args:
            key: The key of the token.
            access_token: The token.
            lock_timeout: Seconds to wait for other processes that are fetching.
        """
        with self._session(key) as store, ExitStack() as lock:
            for token in store.wait_for_lock(lock_timeout, lock):
                if token is None or token.access_token != access_token:
                    return
            store.discard(access_token)

    @contextmanager
    def _session(self, key: str) -> Iterator[_Session]:
        session = _Session(self._store, key, self._warn)
        yield session
        if self._has_warned and not session.has_failed:
            self._has_warned = False
            logger.info("token store works again: %s", self._name)

    def _warn(self, method: str, error: Exception) -> None:
        """Log the first of a series of failures."""
        if self._has_warned:
            return
        self._has_warned = True
        # Only the words of the system and our own: Redis quotes the beginning of a command that it
        # rejects, and with it the token.
        is_quotable = isinstance(error, CorruptEntryError) or (
            isinstance(error, OSError) and type(error).__module__ == "builtins"
        )
        logger.warning(
            "token store failed (%s: %s), tokens may not be shared until it works again: %s",
            method,
            error if is_quotable else type(error).__name__,
            self._name,
        )


class _Session:
    """One use of a store for one token, such as a fetch. No method raises what the store raised.

    Args:
        store: The store.
        key: The key of the token.
        on_failure: Called with the name of a method and the exception that it raised.

    Attributes:
        has_failed: Whether the store failed.
    """

    def __init__(
        self, store: TokenStore, key: str, on_failure: Callable[[str, Exception], None]
    ) -> None:
        self._store = store
        self._key = key
        self._on_failure = on_failure
        self._is_skipped = False
        self.has_failed = False

    def get(self) -> Token | None:
        """Return the token that is stored, or None."""
        token = self._call("get")
        if token is None or isinstance(token, Token):
            return token
        self._note("get", CorruptEntryError("it returned something that is not a Token"))
        return None

    def set(self, token: Token) -> None:
        """Store a token."""
        self._call("set", token)

    def discard(self, access_token: str) -> None:
        """Remove the token that is stored if it is this one."""
        self._call("discard", access_token)

    def wait_for_lock(self, timeout: float, held: ExitStack) -> Iterator[Token | None]:
        """Wait for the lock, and yield what is stored: after each pause, and under the lock.

        Args:
            timeout: Seconds to wait. Only the pauses count, so that a process that was frozen in
                one of them does not give up the lock.
            held: Releases the lock.
        """
        for pause in _pauses(timeout):
            if self._take_lock(held):
                break
            time.sleep(pause)
            yield self.get()
        else:
            self._note("lock", TimeoutError(f"other processes held it for {timeout:g} s"))
        yield self.get()

    def _take_lock(self, held: ExitStack) -> bool:
        """Try once to take the lock; True as well if the store cannot lock."""
        if self._is_skipped:
            return True
        lock = ExitStack()
        error = self._attempt(lambda: lock.enter_context(self._store.lock(self._key, 0)))[1]
        if isinstance(error, TimeoutError):
            return False
        self._note("lock", error)
        held.callback(self._release, lock)
        return True

    def _release(self, lock: ExitStack) -> None:
        self._note("lock", self._attempt(lock.close)[1])

    def _call(self, method: str, *args: object) -> Any:
        if self._is_skipped:
            return None
        result, error = self._attempt(getattr(self._store, method), self._key, *args)
        self._is_skipped = error is not None and not isinstance(error, ValueError)
        self._note(method, error)
        return result

    def _note(self, method: str, error: Exception | None) -> None:
        if error is not None:
            self.has_failed = True
            self._on_failure(method, error)

    def _attempt(self, call: Callable[..., T], *args: object) -> tuple[T | None, Exception | None]:
        return attempt(self._take_turn, call, *args)

    def _take_turn(self, call: Callable[..., T], *args: object) -> T:
        """Call a function while no other thread of this process calls a store for this key.

        Hundreds of threads that hear from a server at the same moment would spend more time on
        passing on Python's interpreter lock than on their work, and hold up all other threads.
        """
        turn = _turns.setdefault(self._key, threading.Lock())
        if not turn.acquire(timeout=_LONGEST_WAIT_FOR_TURN):
            # The store is slow, or this is a fork and the holder is a thread of its parent.
            _turns.pop(self._key, None)
            return call(*args)
        try:
            return call(*args)
        finally:
            turn.release()


def _usable(
    token: Token | None,
    *,
    rejected: set[str | None],
    default_lifetime: float | None,
    now: Callable[[], Instant],
) -> FetchedToken | None:
    """Return a token of a store as if it had been fetched, or None if it will not do."""
    if token is None or token.is_expired or token.access_token in rejected:
        return None
    lifetime = default_lifetime if token.expires_in is None else token.expires_in
    return FetchedToken(token, now(), lifetime, is_fresh=False)


def _pauses(total: float) -> Iterator[float]:
    """Yield growing pauses that add up to `total` seconds."""
    longest = _FIRST_PAUSE
    while total > 0:
        pause = min(longest * random.uniform(0.5, 1.0), total)  # noqa: S311 - spreads load only
        yield pause
        total -= pause
        longest = min(longest * _PAUSE_GROWTH, _LONGEST_PAUSE)
