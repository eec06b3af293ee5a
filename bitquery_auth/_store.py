"""Tokens shared by processes and machines: what a store is, and how a fetch goes through one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, runtime_checkable

from bitquery_auth._errors import ConfigurationError
from bitquery_auth._renewal import Grant, Instant, Wanted
from bitquery_auth._token import Token

__all__ = ["TokenStore"]

logger = logging.getLogger("bitquery_auth")


@runtime_checkable
class TokenStore(Protocol):
    """Where processes or machines share their tokens. Any method may raise: that is a miss and a warning."""

    def get(self, key: str) -> Token | None:
        """Give the token kept under a key, or None."""
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
            timeout: Seconds to wait for it, and after which one that a dead process left is free again.
        """
        ...


def check_token_store(field: str, value: object) -> TokenStore | None:
    """Accept None, or whatever has the methods of a `TokenStore`."""
    if value is None:
        return None
    if isinstance(value, type) or not isinstance(value, TokenStore):
        msg = f"{field} must be a token store, such as FileTokenStore(), or None."
        raise ConfigurationError(msg)
    return value


def fetch_through(
    store: TokenStore,
    key: str,
    *,
    now: Instant,
    wanted: Wanted,
    timeout: float,
    ask: Callable[[], Grant],
) -> Grant:
    """Take a token out of a store that another process put there, or ask for one and put it there.

    Args:
        store: The store; where it fails, it is as if there were none.
        key: Under which the token is kept.
        now: The time.
        wanted: What will do, and what will not.
        timeout: Seconds to wait for others that are fetching.
        ask: Asks the token endpoint.
    """

    def shared() -> Grant | None:
        token = None if wanted.anew else attempt(store, "get", key)
        if token is None or token.access_token in wanted.not_these:
            return None
        lifetime = None if token.expires_at is None else token.expires_at.timestamp() - now.wall
        return None if lifetime is not None and lifetime <= 0 else Grant(token, now, lifetime)

    if (found := shared()) is not None:
        return found
    with _locked(store, key, timeout):
        for access_token in wanted.discarded:
            attempt(store, "discard", key, access_token)
        if (found := shared()) is not None:  # another process fetched while this one waited
            return found
        grant = ask()
        if grant.lifetime is None or grant.lifetime > 0:
            attempt(store, "set", key, grant.token)
        return grant


@contextmanager
def _locked(store: TokenStore, key: str, timeout: float) -> Iterator[None]:
    """Hold a store's lock, or go on without where that fails: a second token request harms nobody."""
    lock = attempt(store, "lock", key, timeout)
    entered = False
    if lock is not None:  # None: the store gave an error instead
        with _failures_logged(store, "lock"):
            lock.__enter__()
            entered = True
    try:
        yield
    finally:
        if lock is not None and entered:
            with _failures_logged(store, "lock"):
                lock.__exit__(None, None, None)


def attempt(store: TokenStore, method: str, *arguments: Any) -> Any:
    """Call a store's method; its failure is a miss, never a failed request."""
    with _failures_logged(store, method):
        return getattr(store, method)(*arguments)
    return None


@contextmanager
def _failures_logged(store: TokenStore, method: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever a store raises
        logger.warning("%s: %s failed (%s), going on without", type(store).__name__, method, type(error).__name__)
