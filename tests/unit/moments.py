"""Moments and grants, made short: all a decision is given."""

from bitquery_auth._renewal import Grant, Instant

START = Instant(monotonic=1_000.0, wall=1_800_000_000.0)


def after(seconds: float, *, suspended: float = 0.0, wall_set_by: float = 0.0, start: Instant = START) -> Instant:
    """The moment that many seconds later, some of them more spent in suspend, or the wall clock set."""
    return Instant(start.monotonic + seconds, start.wall + seconds + suspended + wall_set_by)


def grant(lifetime: float | None, *, name: str = "first", asked: Instant = START) -> Grant:
    """What a fetch brought."""
    return Grant.of(name, asked, lifetime)
