"""When a token is used, refreshed in the background, or replaced before use.

Everything here is pure: the time is an argument, and nothing waits, locks or sends. The life of a
token, from just before it was requested::

    requested_at        refresh_at           replace_at          expires_at
      |-- use -------------|-- use and refresh --|-- replace first ---|-- never used
                              in the background     (leeway)

Two clocks tell the time, and a moment has passed when either says so: the monotonic clock stops
while a machine sleeps, and the wall clock can be set back.
"""

from __future__ import annotations

import enum
import math
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bitquery_auth._errors import BitqueryAuthError
from bitquery_auth._token import Token

DEFAULT_LEEWAY = 60.0
LEEWAY_SHARE = 1 / 5
"""The leeway is at most this share of a lifetime, so that a short one is not all leeway."""

REFRESH_SHARE = 1 / 10
LONGEST_REFRESH = 300.0
"""By default refreshing starts this share of the lifetime before the leeway, at most 300 s."""

REFRESH_JITTER = 1 / 10
"""Refreshing starts earlier by up to this share, so that a fleet does not refresh in one second."""

EARLIEST_SHARE = 1 / 2
"""Refreshing never starts before this share of the lifetime is over."""

FIRST_BACKOFF = 0.25
LONGEST_BACKOFF = 60.0
BACKOFF_JITTER = 1 / 5
LONGEST_RETRY_AFTER = 3600.0


class Instant(NamedTuple):
    """A moment on both clocks, in seconds."""

    monotonic: float
    wall: float

    def plus(self, seconds: float) -> Instant:
        """Return the moment that is `seconds` later."""
        return Instant(self.monotonic + seconds, self.wall + seconds)

    def has_passed(self, now: Instant) -> bool:
        """Whether either clock has reached this moment."""
        return now.monotonic >= self.monotonic or now.wall >= self.wall

    def seconds_from(self, now: Instant) -> float:
        """Return the seconds until either clock reaches this moment, zero if one has."""
        return max(0.0, min(self.monotonic - now.monotonic, self.wall - now.wall))


NEVER = Instant(math.inf, math.inf)
PAST = Instant(-math.inf, -math.inf)


class FetchedToken(NamedTuple):
    """What a fetch brought.

    Args:
        token: The token.
        requested_at: When it was requested.
        lifetime: Seconds that it is valid from then, or None if that is not known.
        is_fresh: False if it may have been requested before the last token was discarded. Example:
            another process put it into a shared store.
    """

    token: Token
    requested_at: Instant
    lifetime: float | None
    is_fresh: bool = True

    @classmethod
    def of(
        cls,
        access_token: str,
        requested_at: Instant,
        lifetime: float | None,
        *,
        token_type: str = "Bearer",  # noqa: S107 - a type, not a secret
        scope: str | None = None,
    ) -> FetchedToken:
        """Make a token from the members of a response."""
        expires_at = None
        if lifetime is not None:
            # Not fromtimestamp(wall + lifetime): that of Windows ends with the year 3000.
            requested = datetime.fromtimestamp(requested_at.wall, UTC)
            expires_at = requested + timedelta(seconds=lifetime)
        token = Token(access_token, token_type=token_type, scope=scope, expires_at=expires_at)
        return cls(token, requested_at, lifetime)


class CachedToken(NamedTuple):
    """A token that is kept, with the moments of its life."""

    token: Token
    refresh_at: Instant
    replace_at: Instant
    expires_at: Instant
    is_fresh: bool


class Action(enum.Enum):
    """What a caller who wants a token does next."""

    USE = "use the cached token"
    REFRESH = "use it, and refresh it in the background"
    FETCH = "fetch a token and wait for it"
    WAIT = "wait for the fetch in progress"
    FAIL = "raise the last error: the backoff is not over"


class Backoff(NamedTuple):
    """How long the token endpoint is left alone after failures.

    Args:
        retry_at: When it may be asked again.
        error: What callers without a token get until then. None: they may ask at once, because the
            failure was not theirs (a refresh in the background) or not the endpoint's.
        next_pause: Seconds of the next pause.
    """

    retry_at: Instant = PAST
    error: BitqueryAuthError | None = None
    next_pause: float = FIRST_BACKOFF

    def after_failure(
        self,
        now: Instant,
        jitter: float,
        *,
        error: BitqueryAuthError | None,
        retry_after: float | None = None,
    ) -> Backoff:
        """Return the backoff after one more failure.

        Args:
            now: The time.
            jitter: A random number from 0 to 1, which makes the pause shorter.
            error: What callers without a token get during it.
            retry_after: Seconds that the server asked to wait (RFC 9110 §10.2.3).
        """
        pause = self.next_pause * (1 - BACKOFF_JITTER * jitter)
        pause = max(pause, min(retry_after or 0.0, LONGEST_RETRY_AFTER))
        return Backoff(now.plus(pause), error, min(2 * self.next_pause, LONGEST_BACKOFF))


def schedule(
    fetched: FetchedToken, *, leeway: float, renew_ahead: float | None, jitter: float
) -> CachedToken:
    """Lay out the life of a token.

    Args:
        fetched: What a fetch brought.
        leeway: With fewer seconds left, the token is replaced before it is used.
        renew_ahead: How many seconds before that it is refreshed in the background; 0 for never,
            None for a share of its lifetime.
        jitter: A random number from 0 to 1.
    """
    token, requested_at, lifetime, is_fresh = fetched
    if lifetime is None:
        return CachedToken(token, NEVER, NEVER, NEVER, is_fresh)
    leeway = min(leeway, lifetime * LEEWAY_SHARE)
    if renew_ahead is None:
        renew_ahead = min(lifetime * REFRESH_SHARE, LONGEST_REFRESH)
    early = min(leeway + renew_ahead * (1 + REFRESH_JITTER * jitter), lifetime * EARLIEST_SHARE)
    expires_at = requested_at.plus(lifetime)
    return CachedToken(
        token, expires_at.plus(-early), expires_at.plus(-leeway), expires_at, is_fresh
    )


def decide(
    cached: CachedToken | None, backoff: Backoff, now: Instant, *, fetching: bool, force: bool
) -> Action:
    """Decide what a caller who wants a token does next.

    Args:
        cached: The token that is kept, if there is one.
        backoff: How the last fetches went.
        now: The time.
        fetching: Whether a fetch is in progress.
        force: Whether only a new token will do, and the backoff does not count.
    """
    backing_off = not backoff.retry_at.has_passed(now)
    if not force and cached is not None and not cached.expires_at.has_passed(now):
        if fetching or backing_off or not cached.refresh_at.has_passed(now):
            return Action.USE
        return Action.FETCH if cached.replace_at.has_passed(now) else Action.REFRESH
    if fetching:
        return Action.WAIT
    if backing_off and backoff.error is not None and not force:
        return Action.FAIL
    return Action.FETCH
