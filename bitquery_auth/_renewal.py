"""When a token is used, renewed or fetched: every such decision, with the time as an argument.

Nothing here reads a clock, locks, waits or sends; `bitquery_auth._reuse` does, and asks here what
to do. A token's life, from the moment just before it was asked for::

    asked            renew              replace          end
      |-- use --------|-- use and renew --|-- fetch first --|-- never used
                         behind the back     (leeway)

Two clocks tell the time, and a moment is reached when either says so: the monotonic one stands
still while a machine sleeps, the wall clock can be set back.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from bitquery_auth._errors import BitqueryAuthError, ConfigurationError, TokenEndpointError
from bitquery_auth._token import Token

LEEWAY_SHARE = 1 / 5
"""The leeway takes no more of a lifetime than this, so that a short one is not all leeway."""

MARGIN_SHARE = 1 / 2
"""Leeway and renewal ahead together take no more of a lifetime than this."""

AHEAD_SHARE = 1 / 10
AHEAD_MOST = 300.0
"""By default renewal begins this share of the lifetime before the leeway, and at most these seconds."""

AHEAD_JITTER = 1 / 10
"""Renewal begins earlier by up to this share of its time, so that a fleet does not renew in one second."""

BACKOFF_FIRST = 1.0
BACKOFF_MOST = 60.0
BACKOFF_JITTER = 1 / 5
RETRY_AFTER_MOST = 3600.0


class Instant(NamedTuple):
    """A moment, on both clocks, in seconds."""

    monotonic: float
    wall: float

    def plus(self, seconds: float) -> Instant:
        """The moment that many seconds later."""
        return Instant(self.monotonic + seconds, self.wall + seconds)

    def reached(self, now: Instant) -> bool:
        """Whether either clock has come to this moment."""
        return now.monotonic >= self.monotonic or now.wall >= self.wall


NEVER = Instant(math.inf, math.inf)
LONG_AGO = Instant(-math.inf, -math.inf)


class Grant(NamedTuple):
    """What a fetch brought.

    Args:
        token: The token.
        asked: When it was asked for.
        lifetime: The seconds it lives from then; None: unknown.
        is_fresh: Whether it was asked for in answer to all that was discarded: another process's may be refused, too.
    """

    token: Token
    asked: Instant
    lifetime: float | None
    is_fresh: bool = True

    @classmethod
    def of(
        cls,
        access_token: str,
        asked: Instant,
        lifetime: float | None,
        *,
        token_type: str = "Bearer",  # noqa: S107 - a type, no secret
        scope: str | None = None,
    ) -> Grant:
        """Make the token of an answer: it ends `lifetime` seconds after it was asked for, or at no known time."""
        ends = None if lifetime is None else datetime.fromtimestamp(asked.wall + lifetime, UTC)
        return cls(Token(access_token, token_type=token_type, scope=scope, expires_at=ends), asked, lifetime)


class Wanted(NamedTuple):
    """What a fetch is to bring.

    Args:
        anew: Whether only a token that nobody has yet will do.
        discarded: Tokens that were discarded since the last one was fetched.
        replaced: The token that is to be replaced while it lives, or None.
    """

    anew: bool = False
    discarded: frozenset[str] = frozenset()
    replaced: str | None = None

    @property
    def reason(self) -> str:
        """Why it is fetched, for a log."""
        if self.anew:
            return "a new one is wanted"
        if self.discarded:
            return "the last one was discarded"
        return "none was there" if self.replaced is None else "the last one ends"

    @property
    def not_these(self) -> frozenset[str]:
        """Tokens that will not do."""
        return self.discarded if self.replaced is None else self.discarded | {self.replaced}


class Kept(NamedTuple):
    """A token that is kept, and the moments of its life."""

    token: Token
    renew: Instant
    replace: Instant
    end: Instant
    is_fresh: bool = True


class Step(enum.Enum):
    """What a caller who wants a token does next."""

    USE = "use the token that is kept"
    USE_AND_RENEW = "use it, and start a fetch that nobody waits for"
    FETCH = "fetch one and wait for it"
    WAIT = "wait for the fetch under way"
    FAIL = "raise what the last fetch ended with"


@dataclass(frozen=True, slots=True)
class Schedule:
    """How early a token is renewed.

    Args:
        leeway: Seconds before its end from which on a token is replaced before use.
        renew_ahead: Seconds before that from which on it is renewed in the background; 0: never; None: by lifetime.
    """

    leeway: float
    renew_ahead: float | None

    def keep(self, grant: Grant, jitter: float) -> Kept:
        """Lay out the life of a token.

        Args:
            grant: What the fetch brought.
            jitter: A number from 0 to 1, drawn by the caller.
        """
        if grant.lifetime is None:
            return Kept(grant.token, NEVER, NEVER, NEVER, grant.is_fresh)
        leeway = min(self.leeway, grant.lifetime * LEEWAY_SHARE)
        ahead = min(grant.lifetime * AHEAD_SHARE, AHEAD_MOST) if self.renew_ahead is None else self.renew_ahead
        margin = min(leeway + ahead * (1 + AHEAD_JITTER * jitter), grant.lifetime * MARGIN_SHARE)
        end = grant.asked.plus(grant.lifetime)
        replace = end.plus(-leeway)
        return Kept(grant.token, end.plus(-margin), replace, end, grant.is_fresh)


class Ledger:
    """What is known of a source's token: the one kept, and how the last fetch ended.

    Args:
        schedule: How early a token is renewed.

    Its methods are called under the lock of whoever drives it; `usable` may be called, `kept` and `ready` read without.

    Attributes:
        kept: The token kept, or None.
        ready: The same for the way of nearly every request: until when it is used without a thought, on either
            clock, and the token. A bare tuple, since reading a `Kept` by name takes three times as long.
        error: What the last fetch ended with, if it failed.
    """

    __slots__ = ("_backoff", "_discarded", "_retry", "_schedule", "error", "kept", "ready")

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._keep(None)
        self.error: BitqueryAuthError | None = None
        self._discarded: frozenset[str] = frozenset()
        self._backoff = BACKOFF_FIRST
        self._retry = LONG_AGO

    def _keep(self, kept: Kept | None) -> None:
        self.kept = kept
        moment, token = (LONG_AGO, None) if kept is None else (kept.renew, kept.token)
        self.ready: tuple[float, float, Token | None] = (moment.monotonic, moment.wall, token)

    def usable(self, now: Instant) -> Token | None:
        """The token kept, if it has not ended."""
        kept = self.kept  # read once, as it may be discarded meanwhile
        return None if kept is None or kept.end.reached(now) else kept.token

    def step(self, now: Instant, *, fetching: bool) -> Step:
        """Decide what a caller who wants a token does next.

        Args:
            now: The time.
            fetching: Whether a fetch is under way.
        """
        kept, pausing = self.kept, not self._retry.reached(now)
        if kept is None or kept.end.reached(now):
            if fetching:
                return Step.WAIT
            return Step.FAIL if self.error is not None and pausing else Step.FETCH
        if not kept.renew.reached(now) or fetching or pausing:
            return Step.USE
        return Step.FETCH if kept.replace.reached(now) else Step.USE_AND_RENEW

    def wanted(self, *, anew: bool) -> Wanted:
        """Say what the next fetch is to bring."""
        return Wanted(anew, self._discarded, None if self.kept is None else self.kept.token.access_token)

    def seconds_to_retry(self, now: Instant) -> float:
        """How long the token endpoint is still left alone."""
        return max(0.0, min(self._retry.monotonic - now.monotonic, self._retry.wall - now.wall))

    def succeeded(self, grant: Grant, now: Instant, jitter: float) -> None:
        """Keep what a fetch brought, unless it has ended on the way: then whoever waited for it may use it, once."""
        kept = self._schedule.keep(grant, jitter)
        self.error = None
        self._backoff = BACKOFF_FIRST
        if not kept.end.reached(now):
            self._discarded = frozenset()
            self._keep(kept)
            self._retry = LONG_AGO
        else:  # a token that still lives is not given up for it, nor asked for again at every request
            self._retry = now.plus(BACKOFF_FIRST)

    def failed(self, error: BitqueryAuthError, now: Instant, jitter: float) -> None:
        """Note how a fetch failed, and leave the token endpoint alone for a while (RFC 9110 §10.2.3).

        A wrong setting, such as a vault's that is sealed, is no matter of the endpoint: only while a token lives does
        it make a pause.
        """
        is_ours = isinstance(error, ConfigurationError)
        if is_ours and not self._retry.reached(now):
            return
        self.error = None if is_ours else error
        if is_ours and self.usable(now) is None:
            return
        pause = self._backoff * (1 - BACKOFF_JITTER * jitter)
        if isinstance(error, TokenEndpointError) and error.retry_after is not None:
            pause = max(pause, min(error.retry_after, RETRY_AFTER_MOST))
        self._backoff = min(2 * self._backoff, BACKOFF_MOST)
        self._retry = now.plus(pause)

    def discard(self, access_token: str) -> bool:
        """Forget this token and no other.

        Returns:
            Whether it was the one kept.
        """
        if self.kept is None or self.kept.token.access_token != access_token:
            return False
        self._keep(None)
        self._discarded |= {access_token}
        return True
