"""Whether a refusal is answered: a 401 from the API earns one new token, an API that always says 401 earns a pause.

Pure: the time is an argument. What is known is one immutable `Trouble` an origin, replaced whole,
so that no lock is needed: when two threads note the same refusal at once, either's note will do.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any, NamedTuple

PAUSE_FIRST = 1.0
PAUSE_MOST = 300.0
MOST_REMEMBERED = 256

UNAUTHORIZED = 401
LOWEST_REDIRECT = 300
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Trouble(NamedTuple):
    """What an origin has refused since it last accepted something.

    Args:
        replacement: The token that was fetched in answer to a refusal, and not yet refused itself.
        until: Monotonic seconds until which refusals are handed over as they are.
        pause: How long the next such pause is.
    """

    replacement: str | None = None
    until: float = -math.inf
    pause: float = PAUSE_FIRST


class Refusals:
    """What the APIs that see a source's tokens have refused.

    `troubles` is empty as long as all is well: one look at it is all that a good answer costs.
    """

    __slots__ = ("troubles",)

    def __init__(self) -> None:
        self.troubles: dict[Hashable, Trouble] = {}

    def is_answered(self, origin: Hashable, access_token: str | None, now: float) -> bool:
        """Whether the refusal of a token is answered by a new one. A fresh token's is not: it would go on for ever.

        Args:
            origin: Where it was refused.
            access_token: What was refused there; None: the request had lost it on its way.
            now: Monotonic seconds.
        """
        trouble = self.troubles.get(origin, Trouble())
        if access_token is not None and access_token == trouble.replacement:
            self.hold_back(origin, now)
            return False
        return now >= trouble.until

    def replaced(self, origin: Hashable, replacement: str) -> None:
        """Note which token was fetched in answer to a refusal."""
        remember(self.troubles, origin, self.troubles.get(origin, Trouble())._replace(replacement=replacement))

    def hold_back(self, origin: Hashable, now: float) -> None:
        """Hand refusals from there over for a while, each time twice as long."""
        _, until, pause = self.troubles.get(origin, Trouble())
        if now >= until:  # else another of those refused at once has begun it
            remember(self.troubles, origin, Trouble(None, now + pause, min(pause * 2, PAUSE_MOST)))

    def accepted(self, origin: Hashable) -> None:
        """End the trouble with an origin: it has answered something else than a refusal."""
        self.troubles.pop(origin, None)


def remember(known: dict[Any, Any], key: Any, value: Any) -> None:
    """Keep what was found out about a destination: emptied when full, so that no crawler makes it grow."""
    if len(known) >= MOST_REMEMBERED and key not in known:
        known.clear()
    known[key] = value
