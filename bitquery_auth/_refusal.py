"""What a refusal earns: a 401 from the API one new token and a second try, an API that always says 401 a pause.

The decisions are pure: the time is an argument. What is known is one immutable `Trouble` an origin, replaced whole,
so that no lock is needed: when two threads note the same refusal at once, either's note will do.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any, NamedTuple

from bitquery_auth._deadline import Deadline

PAUSE_FIRST = 1.0
PAUSE_MOST = 300.0

UNAUTHORIZED = 401
LOWEST_REDIRECT = 300
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing on the server (RFC 9110 §9.2.1)."""

DRAIN_BYTES = 65536
DRAIN_SECONDS = 2.0
"""A refusal's body is read this far, so that its connection can be used again; beyond, the connection is closed."""


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

    def is_answered(self, origin: Hashable, access_token: str, now: float) -> bool:
        """Whether the refusal of a token is answered by a new one. A fresh token's is not: it would go on for ever.

        Args:
            origin: Where it was refused.
            access_token: What was refused there.
            now: Monotonic seconds.
        """
        trouble = self.troubles.get(origin, Trouble())
        if access_token == trouble.replacement:
            self.hold_back(origin, now)
            return False
        return now >= trouble.until

    def replaced(self, origin: Hashable, replacement: str) -> None:
        """Note which token was fetched in answer to a refusal."""
        self.troubles[origin] = self.troubles.get(origin, Trouble())._replace(replacement=replacement)

    def hold_back(self, origin: Hashable, now: float) -> None:
        """Hand refusals from there over for a while, each time twice as long."""
        pause = self.troubles.get(origin, Trouble()).pause
        self.troubles[origin] = Trouble(None, now + pause, min(pause * 2, PAUSE_MOST))

    def accepted(self, origin: Hashable) -> None:
        """End the trouble with an origin: it has answered something else than a refusal."""
        self.troubles.pop(origin, None)


def is_replayed(replay: str, method: str | None) -> bool:
    """Whether a refused request of that method is sent again.

    Args:
        replay: ``"all"``, ``"safe"`` or ``"never"``.
        method: Of the request.
    """
    return replay == "all" or (replay == "safe" and (method or "").upper() in SAFE_METHODS)


class Drain(Deadline):
    """The body of a refusal, read within bounds; whatever stops the reading (them, the connection) leaves none of it.

    Args:
        response: The refusal, of any client.
    """

    def __init__(self, response: Any) -> None:
        super().__init__(DRAIN_SECONDS)
        self.body = b""
        self.is_whole = False
        self._is_encoded = "content-encoding" in response.headers

    def __exit__(self, *exc_info: object) -> bool | None:
        super().__exit__(*exc_info)
        _, error, *_ = exc_info
        self.is_whole = error is None and not self.passed and len(self.body) <= DRAIN_BYTES
        if not self.is_whole or self._is_encoded:  # few bytes may unzip to many, or not at all
            self.body = b""
        return isinstance(error, Exception)

    def take(self, chunk: bytes) -> None:
        """Take a piece in. Beyond the bounds the connection is shut down, and the stream ends by itself.

        To leave it in the middle would leave generators behind, of which trio complains.
        """
        if len(self.body) <= DRAIN_BYTES:
            self.body += chunk
        elif self._watched:
            self.shut_down()
        else:
            raise OverflowError
