"""What a token store is, the text that stands for a token in one, and how its errors are caught."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import ParamSpec, Protocol, TypeVar, runtime_checkable

from bitquery_auth._errors import raised_by_signal_handler
from bitquery_auth._token import Token

P = ParamSpec("P")
T = TypeVar("T")

_FORMAT = "bitquery_auth"
_FORMAT_VERSION = 1


class CorruptEntryError(ValueError):
    """What is stored under a key is not a token that this version of the package can read."""


@runtime_checkable
class TokenStore(Protocol):
    """Where processes or machines share tokens.

    Methods are called from any thread. One of them may fail at any time: a source then goes on
    without the store, logs one warning, and tries the store again at its next fetch. What counts
    is which exception it raises:

    - `ValueError` from `get` means that the entry is corrupt. The source replaces it and goes on
      using the store.
    - `TimeoutError` from `lock` means that another process holds the lock.
    - Any other exception from `lock` means that there is no lock to be had. The source goes on
      using the store without it.
    - Any other exception means that the store is unavailable. The source skips it for the rest of
      the fetch, because a store that fails is often slow to do so.
    """

    def get(self, key: str) -> Token | None:
        """Return the token that is stored under a key, or None if there is none.

        Raises:
            ValueError: The entry is corrupt.
        """
        ...

    def set(self, key: str, token: Token) -> None:
        """Store a token under a key until its ``expires_at``, in place of the one that is there."""
        ...

    def discard(self, key: str, access_token: str) -> None:
        """Remove the token that is stored under a key if it is this one, and no other."""
        ...

    def lock(self, key: str, timeout: float) -> AbstractContextManager[object]:
        """Return a context manager that holds the lock of a key: one process fetches at a time.

        A source tries with a timeout of 0 again and again, and looks in between whether the token
        that it waits for is there. A process that crashes must not keep the lock for good. The
        operating system releases the lock of a file at once. A lock on a server needs an expiry of
        some seconds: long enough for most token requests, short enough for others to wait for. If
        it expires during a slow token request, the cost is a second token request.

        Args:
            key: The key under which the token is stored.
            timeout: Seconds to wait for the lock; 0 means to try once.

        Raises:
            TimeoutError: Another process held the lock all the time.
        """
        ...


def dump_token(token: Token) -> str:
    """Return the text that stands for a token in a store.

    The expiry is a point in time and not a number of seconds left, so that it means the same
    whenever and wherever it is read.
    """
    return json.dumps(
        {
            _FORMAT: _FORMAT_VERSION,
            "access_token": token.access_token,
            "token_type": token.token_type,
            "scope": token.scope,
            "expires_at": None if token.expires_at is None else token.expires_at.isoformat(),
        }
    )


def load_token(text: str | bytes) -> Token:
    """Return the token that `dump_token` wrote.

    Raises:
        CorruptEntryError: The text is anything else. It is not quoted.
    """
    try:
        entry = json.loads(text)
        if entry[_FORMAT] != _FORMAT_VERSION:
            raise ValueError  # noqa: TRY301 - caught below, with all else that may be wrong
        expires_at = entry["expires_at"]
        return Token(
            entry["access_token"],
            token_type=entry["token_type"],
            scope=entry["scope"],
            expires_at=None if expires_at is None else datetime.fromisoformat(expires_at),
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        raise CorruptEntryError(
            "the entry is not a token that this version of bitquery_auth wrote"
        ) from None


def attempt(
    call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> tuple[T | None, Exception | None]:
    """Call a method of a store, which may raise anything.

    Returns:
        What it returned, and what it raised.

    Raises:
        Exception: What a signal handler of the program raised meanwhile. It is not the store's.
    """
    handled = sys.exception()
    try:
        return call(*args, **kwargs), None
    except Exception as caught:  # noqa: BLE001 - stores are written by users, too
        error = caught
    if (foreign := raised_by_signal_handler(error, handled)) is not None:
        raise foreign
    return None, error
