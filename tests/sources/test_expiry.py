"""When a token is used, refreshed and replaced, and how long a pause lasts, at named moments."""

import math
from datetime import UTC, datetime

import pytest

from bitquery_auth import TokenEndpointError, TokenRequestError
from bitquery_auth._sources.expiry import (
    NEVER,
    PAST,
    Action,
    Backoff,
    CachedToken,
    FetchedToken,
    Instant,
    decide,
    schedule,
)
from tests.sources.moments import HOUR, START, after, fetched


def cached(
    lifetime: float | None = HOUR, *, leeway: float = 60.0, renew_ahead: float | None = 300.0
) -> CachedToken:
    """Return a token that was requested at `START`, scheduled without jitter."""
    return schedule(fetched(lifetime), leeway=leeway, renew_ahead=renew_ahead, jitter=0.0)


def action(
    token: CachedToken | None,
    now: Instant,
    *,
    backoff: Backoff = Backoff(),  # noqa: B008 - it is immutable
    fetching: bool = False,
    force: bool = False,
) -> Action:
    return decide(token, backoff, now, fetching=fetching, force=force)


# -- the life of a token ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (0, Action.USE),
        (HOUR - 360.1, Action.USE),
        (HOUR - 360, Action.REFRESH),
        (HOUR - 60.1, Action.REFRESH),
        (HOUR - 60, Action.FETCH),
        (HOUR - 0.1, Action.FETCH),
        (HOUR, Action.FETCH),
        (HOUR + 1, Action.FETCH),
    ],
)
def test_a_token_is_used_then_refreshed_then_replaced_before_use(
    second: float, expected: Action
) -> None:
    """Hazards E1, E3 and C4."""
    assert action(cached(), after(second)) is expected


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (HOUR - 300, Action.USE),
        (HOUR - 30, Action.USE),
        (HOUR - 0.1, Action.USE),
        (HOUR, Action.WAIT),
    ],
)
def test_during_a_fetch_the_token_is_used_until_it_expires(second: float, expected: Action) -> None:
    """Hazard F2."""
    assert action(cached(), after(second), fetching=True) is expected


def test_without_a_token_the_first_caller_fetches_and_the_next_ones_wait() -> None:
    assert action(None, START) is Action.FETCH
    assert action(None, START, fetching=True) is Action.WAIT


def test_a_caller_who_wants_a_new_token_fetches_or_joins_a_fetch() -> None:
    backoff = Backoff().after_failure(START, 0.0, error=TokenRequestError("no response"))
    for token in (None, cached()):
        assert action(token, START, backoff=backoff, force=True) is Action.FETCH
        assert action(token, START, backoff=backoff, force=True, fetching=True) is Action.WAIT


def test_a_token_of_unknown_lifetime_is_used_until_it_is_rejected() -> None:
    """A missing ``expires_in`` does not mean expired (hazard E4)."""
    token = cached(None)
    assert token == CachedToken(fetched(None).token, NEVER, NEVER, NEVER, is_fresh=True)
    assert action(token, after(10 * 365 * 86400)) is Action.USE


@pytest.mark.parametrize(
    ("lifetime", "leeway", "renew_ahead", "refresh_at", "replace_at"),
    [
        (HOUR, 60.0, None, HOUR - 360, HOUR - 60),  # a tenth is 360 s, at most 300 s count
        (86400.0, 60.0, None, 86400 - 360, 86400 - 60),
        (1000.0, 60.0, None, 840.0, 940.0),
        (45.0, 60.0, None, 31.5, 36.0),  # the leeway is at most a fifth of the lifetime
        (1.0, 60.0, None, 0.7, 0.8),
        (45.0, 60.0, 600.0, 22.5, 36.0),  # both together are at most half of it
        (100.0, 0.0, None, 90.0, 100.0),
        (100.0, 0.0, 0.0, 100.0, 100.0),
        (100.0, 10.0, 0.0, 90.0, 90.0),
        (100.0, 10.0, 5.0, 85.0, 90.0),
        (100.0, 10.0, 1.0, 89.0, 90.0),
    ],
)
def test_leeway_and_renew_ahead_fit_into_the_lifetime(
    lifetime: float, leeway: float, renew_ahead: float | None, refresh_at: float, replace_at: float
) -> None:
    """A short lifetime is not all leeway, and zero is a value (hazards E2 and E8)."""
    token = cached(lifetime, leeway=leeway, renew_ahead=renew_ahead)
    for moment, seconds in ((token.refresh_at, refresh_at), (token.replace_at, replace_at)):
        assert moment.monotonic - START.monotonic == pytest.approx(seconds)
        assert moment.wall - START.wall == pytest.approx(seconds)
    assert token.expires_at == START.plus(lifetime)


def test_with_renew_ahead_of_zero_nothing_is_refreshed_in_the_background() -> None:
    token = cached(renew_ahead=0.0)
    actions = {action(token, after(second / 10)) for second in range(36100)}
    assert actions == {Action.USE, Action.FETCH}


def test_jitter_spreads_the_refreshes_of_a_fleet_by_a_tenth_and_only_to_the_earlier() -> None:
    """Hazard C7."""
    refreshes = [
        schedule(fetched(HOUR), leeway=60.0, renew_ahead=300.0, jitter=jitter / 10).refresh_at
        for jitter in range(11)
    ]
    assert refreshes == sorted(refreshes, reverse=True)
    assert refreshes[0].monotonic - refreshes[-1].monotonic == pytest.approx(30.0)


@pytest.mark.parametrize("is_fresh", [True, False])
@pytest.mark.parametrize("lifetime", [None, HOUR])
def test_a_cached_token_is_as_fresh_as_it_was_fetched(
    lifetime: float | None, *, is_fresh: bool
) -> None:
    token = fetched(lifetime)._replace(is_fresh=is_fresh)
    assert schedule(token, leeway=0.0, renew_ahead=0.0, jitter=0.0).is_fresh is is_fresh


# -- clocks ----------------------------------------------------------------------------------------


def test_a_moment_has_passed_when_either_clock_says_so() -> None:
    """Hazard E6."""
    moment = Instant(10.0, 100.0)
    assert moment.has_passed(Instant(10.0, 0.0))
    assert moment.has_passed(Instant(0.0, 100.0))
    assert not moment.has_passed(Instant(9.9, 99.9))
    assert moment.plus(2.5) == Instant(12.5, 102.5)
    assert moment.seconds_from(Instant(8.0, 99.0)) == 1.0
    assert moment.seconds_from(Instant(11.0, 99.0)) == 0.0
    assert not NEVER.has_passed(Instant(1e18, 1e18))
    assert PAST.has_passed(Instant(-1e18, -1e18))
    assert NEVER.monotonic == NEVER.wall == math.inf


@pytest.mark.parametrize(
    "now",
    [
        after(1, suspended=2 * HOUR),  # the monotonic clock has stood still
        after(HOUR + 1, wall_set_by=-2 * HOUR),
        after(1, wall_set_by=HOUR),
    ],
    ids=["suspended", "set back", "set forward"],
)
def test_a_token_that_has_expired_by_either_clock_is_replaced(now: Instant) -> None:
    """Hazard E6."""
    assert action(cached(), now) is Action.FETCH
    assert action(cached(), now, fetching=True) is Action.WAIT


def test_a_token_names_its_expiry_by_the_wall_clock_when_it_was_requested() -> None:
    """Hazard E7: not when its response arrived."""
    token = FetchedToken.of(
        "first", Instant(5.0, 1_800_000_000.0), 90.0, token_type="JWT", scope="api"
    ).token
    assert token.expires_at == datetime.fromtimestamp(1_800_000_090.0, UTC)
    assert (token.access_token, token.token_type, token.scope) == ("first", "JWT", "api")
    unknown = fetched(None).token
    assert (unknown.expires_at, unknown.token_type, unknown.scope) == (None, "Bearer", None)


# -- backoff ---------------------------------------------------------------------------------------


def failed(times: int, *, jitter: float = 0.0, retry_after: float | None = None) -> Backoff:
    """Return the backoff after so many failures in a row, all at `START`."""
    backoff = Backoff()
    error = TokenEndpointError("slow down", status_code=503)
    for _ in range(times):
        backoff = backoff.after_failure(START, jitter, error=error, retry_after=retry_after)
    return backoff


def pause(backoff: Backoff) -> float:
    return backoff.retry_at.seconds_from(START)


@pytest.mark.parametrize(
    ("times", "seconds"),
    [(1, 0.25), (2, 0.5), (3, 1), (4, 2), (8, 32), (9, 60), (10, 60), (5_000, 60)],
)
def test_each_failure_in_a_row_doubles_the_pause_up_to_a_minute(times: int, seconds: float) -> None:
    """A caller who tries again after a second is served (hazard F3)."""
    assert pause(failed(times)) == pytest.approx(seconds)


def test_jitter_shortens_a_pause_by_up_to_a_fifth() -> None:
    assert pause(failed(1, jitter=1.0)) == pytest.approx(0.2)
    assert pause(failed(3, jitter=0.5)) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        (None, 0.25),
        (0.0, 0.25),
        (0.1, 0.25),
        (30.0, 30),
        (HOUR, HOUR),
        (HOUR + 1, HOUR),
        (1e9, HOUR),
    ],
)
def test_retry_after_lengthens_a_pause_up_to_an_hour(
    retry_after: float | None, seconds: float
) -> None:
    assert pause(failed(1, retry_after=retry_after)) == pytest.approx(seconds)


def test_in_a_pause_a_caller_without_a_token_gets_the_failure_at_once() -> None:
    backoff = failed(1)
    assert action(None, after(0.2), backoff=backoff) is Action.FAIL
    assert action(None, after(0.2), backoff=backoff, fetching=True) is Action.WAIT
    assert action(None, after(0.25), backoff=backoff) is Action.FETCH


def test_in_a_pause_after_a_failure_that_is_not_shared_a_caller_without_a_token_fetches() -> None:
    backoff = Backoff().after_failure(START, 0.0, error=None)
    assert pause(backoff) == pytest.approx(0.25)
    assert action(None, START, backoff=backoff) is Action.FETCH


def test_in_a_pause_a_valid_token_is_used_until_it_expires() -> None:
    """A refresh that failed fails no request (hazard F2)."""
    failed_at = after(HOUR - 60)
    backoff = Backoff().after_failure(failed_at, 0.0, error=TokenRequestError("no response"))
    assert action(cached(), failed_at, backoff=backoff) is Action.USE
    assert action(cached(), failed_at.plus(0.25), backoff=backoff) is Action.FETCH
    late = backoff._replace(retry_at=NEVER)
    assert action(cached(), after(HOUR - 0.1), backoff=late) is Action.USE
    assert action(cached(), after(HOUR), backoff=late) is Action.FAIL


def test_a_pause_ends_by_the_clock_that_is_first() -> None:
    """It ends in a suspended machine, and is not lengthened by a wall clock that is set back."""
    backoff = failed(9)
    assert action(None, after(1, suspended=60), backoff=backoff) is Action.FETCH
    assert action(None, after(60, wall_set_by=-HOUR), backoff=backoff) is Action.FETCH
    assert action(None, after(59, wall_set_by=-HOUR), backoff=backoff) is Action.FAIL
