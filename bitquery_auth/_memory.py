"""What is remembered of hosts, URLs and pickles, within bounds: a crawler meets many hosts."""

from __future__ import annotations

from contextlib import suppress
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

MAX_REMEMBERED = 256


def remember(known: dict[K, V], key: K, value: V) -> V:
    """Keep a value, and forget the oldest one if there are too many.

    Returns:
        The value that is kept under the key: that of another thread, if it was quicker.
    """
    kept = known.setdefault(key, value)
    if len(known) > MAX_REMEMBERED:
        with suppress(RuntimeError, StopIteration, KeyError):  # another thread does the same
            del known[next(iter(known))]
    return kept
