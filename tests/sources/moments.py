"""Moments and tokens in short: all that a decision depends on."""

from bitquery_auth._sources.expiry import FetchedToken, Instant

HOUR = 3600.0
START = Instant(monotonic=1_000.0, wall=1_800_000_000.0)


def after(seconds: float, *, suspended: float = 0.0, wall_set_by: float = 0.0) -> Instant:
    """Return the moment so many seconds after `START`.

    Args:
        seconds: What both clocks have counted.
        suspended: Seconds that the machine has slept, too.
        wall_set_by: By how much the wall clock was set forward since.
    """
    return Instant(START.monotonic + seconds, START.wall + seconds + suspended + wall_set_by)


def fetched(lifetime: float | None, name: str = "first") -> FetchedToken:
    """Return a token that was requested at `START`."""
    return FetchedToken.of(name, START, lifetime)
