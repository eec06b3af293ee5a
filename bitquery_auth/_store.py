"""Tokens shared by processes and machines: what a store is, what is kept in one, and how a fetch goes through it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable

from bitquery_auth._errors import ConfigurationError
from bitquery_auth._renewal import Grant, Instant, Wanted
from bitquery_auth._token import Token

logger = logging.getLogger("bitquery_auth")

_SCHEMA = "bitquery_auth"
_SCHEMA_VERSION = 1


@runtime_checkable
class TokenStore(Protocol):
    """Where processes or machines share their tokens. Any method may raise: that is a miss and a warning."""

    def get(self, key: str) -> Token | None:
        """Give the token kept under a key, or None. A ValueError says that what is there is none: it is replaced."""
        ...

    def set(self, key: str, token: Token) -> None:
        """Keep a token under a key, until its ``expires_at``."""
        ...

    def discard(self, key: str, access_token: str) -> None:
        """Forget the token kept under a key if it is this one, and no other."""
        ...

    def lock(self, key: str, timeout: float) -> AbstractContextManager[object]:
        """Keep others from fetching under a key, as a context manager.

        Args:
            key: As of the others.
            timeout: Seconds to wait for it. One that a dead process left is free again so much earlier that a
                waiter can still take its place.
        """
        ...


def check_token_store(field: str, value: object) -> GuardedStore | None:
    """Accept None, or whatever has the methods of a `TokenStore`."""
    if value is None:
        return None
    if isinstance(value, type) or not isinstance(value, TokenStore):
        raise ConfigurationError(f"{field} must be a token store, such as FileTokenStore(), or None.")
    return GuardedStore(value)


# -- what is kept ------------------------------------------------------------------------------------


def dump_token(token: Token) -> str:
    """Write a token as text for a store: its end is a time of day, as another process's clock knows it."""
    ends = None if token.expires_at is None else token.expires_at.timestamp()
    kept = {"access_token": token.access_token, "token_type": token.token_type, "scope": token.scope}
    return json.dumps({_SCHEMA: _SCHEMA_VERSION, **kept, "expires_at": ends})


class NoTokenError(ValueError):
    """What is kept under a key is no token that this version wrote."""


def load_token(text: str | bytes) -> Token:
    """Read what `dump_token` wrote.

    Raises:
        NoTokenError: it is anything else; its words are not quoted.
    """
    with suppress(ValueError, TypeError, KeyError, OverflowError, OSError, RecursionError):
        kept = json.loads(text)
        if type(kept[_SCHEMA]) is int and kept[_SCHEMA] == _SCHEMA_VERSION and isinstance(kept["token_type"], str):
            ends = None if kept["expires_at"] is None else _moment(kept["expires_at"])
            return Token(kept["access_token"], token_type=kept["token_type"], scope=kept["scope"], expires_at=ends)
    raise NoTokenError("what is kept there is no token that this version wrote")


def has_ended(token: Token) -> bool:
    """Whether a token is past its end."""
    left = token.expires_in
    return left is not None and left <= 0


def _moment(seconds: object) -> datetime:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError
    return datetime.fromtimestamp(seconds, UTC)


# -- how it is used ----------------------------------------------------------------------------------


def fetch_through(
    store: GuardedStore,
    key: str,
    wanted: Wanted,
    ask: Callable[[], Grant],
    clock: Callable[[], Instant],
    *,
    default_lifetime: float | None,
    timeout: float,
) -> Grant:
    """Take a token out of a store that another process put there, or ask for one and put it there.

    Args:
        store: The store.
        key: Under which the token is kept.
        wanted: What will do, and what will not.
        ask: Asks the token endpoint.
        clock: Tells the time: waiting for others takes some of it.
        default_lifetime: Seconds that a token of no known end is taken to live.
        timeout: Seconds to wait for others that are fetching.
    """

    def usable(token: Token | None) -> Grant | None:
        if token is None or token.access_token in wanted.not_these:
            return None
        now = clock()
        lifetime = default_lifetime if token.expires_at is None else token.expires_at.timestamp() - now.wall
        return None if lifetime is not None and lifetime <= 0 else Grant(token, now, lifetime, is_fresh=False)

    with store.in_use():
        before = store.get(key)
        if not wanted.anew and (shared := usable(before)) is not None:
            return shared
        with store.lock(key, timeout):
            for access_token in wanted.discarded:
                store.discard(key, access_token)
            found = store.get(key)
            # Another process fetched while this one waited: whoever wants a new token has one, too.
            if (found != before or not wanted.anew) and (shared := usable(found)) is not None:
                return shared
            grant = ask()
            if grant.lifetime is None or grant.lifetime > 0:
                store.set(key, grant.token)
            return grant


class GuardedStore:
    """A store that never fails: where the one within does, it is empty, with one warning until it works again.

    Args:
        store: The one within.
    """

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        self._warned = False
        self._failed = False
        self._given_up = False

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Surround each use, such as a fetch. What fails in it is left alone until the next: it may be slow to fail."""
        self._failed = self._given_up = False
        yield
        if self._warned and not self._failed:
            self._warned = False
            logger.info("%s works again", type(self._store).__name__)

    def get(self, key: str) -> Token | None:
        """Give the token kept under a key, if there is one."""
        if not self._given_up:
            with self._failures_noted("get"):
                token = self._store.get(key)
                if token is None or isinstance(token, Token):
                    return token
                raise NoTokenError("it gave something else than a Token")
        return None

    def set(self, key: str, token: Token) -> None:
        """Keep a token under a key."""
        if not self._given_up:
            with self._failures_noted("set"):
                self._store.set(key, token)

    def discard(self, key: str, access_token: str) -> None:
        """Forget the token kept under a key if it is this one."""
        if not self._given_up:
            with self._failures_noted("discard"):
                self._store.discard(key, access_token)

    @contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[None]:
        """Hold the lock, or go on without where it cannot be had: a second token request harms nobody."""
        held = ExitStack()
        if not self._given_up:
            with self._failures_noted("lock", fatal=False):  # a token may be there nevertheless
                held.enter_context(self._store.lock(key, timeout))
        try:
            yield
        finally:
            with self._failures_noted("lock", fatal=False):
                held.close()

    @contextmanager
    def _failures_noted(self, method: str, *, fatal: bool = True) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever a store raises
            self._failed = True
            self._given_up |= fatal and not isinstance(error, ValueError)  # that quick: it is there, and can be mended
            if not self._warned:
                self._warned = True
                name = type(self._store).__name__
                logger.warning("%s: %s failed (%s), tokens are not shared until it works", name, method, _told(error))


def _told(error: Exception) -> str:
    """Tell an error: by its words only where those are Python's own or ours, as a server's may quote the token."""
    harmless = isinstance(error, NoTokenError) or (isinstance(error, OSError) and type(error).__module__ == "builtins")
    return str(error) if harmless else type(error).__name__
