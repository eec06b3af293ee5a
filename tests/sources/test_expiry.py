"""When a token is used, refreshed and replaced, and how long a pause lasts."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitquery_auth import TokenRequestError
from bitquery_auth._checks import MAX_SECONDS
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
from tests.kit.examples import same_examples_in_every_run

HOUR = 3600.0
START = Instant(monotonic=1_000.0, wall=1_800_000_000.0)
ERROR = TokenRequestError("no response")
IN_A_PAUSE = Backoff(NEVER, ERROR)

seconds = st.floats(0, 1e7)
lifetimes = st.floats(0.01, 1e7)
jitters = st.floats(0, 1)
jumps = st.floats(-1e7, 1e7)
settings = st.fixed_dictionaries({"leeway": seconds, "renew_ahead": st.none() | seconds})


def fetched(lifetime: float | None) -> FetchedToken:
    """Return a token that was requested at `START`."""
    return FetchedToken.of("first", START, lifetime)


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


def after(seconds: float, *, suspended: float = 0.0) -> Instant:
    """Return the moment so many seconds after `START`, of which the machine slept some more."""
    return Instant(START.monotonic + seconds, START.wall + seconds + suspended)


# -- decisions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "expected", "during_a_fetch", "in_a_pause"),
    [
        (0, Action.USE, Action.USE, Action.USE),
        (HOUR - 360.1, Action.USE, Action.USE, Action.USE),
        (HOUR - 360, Action.REFRESH, Action.USE, Action.USE),
        (HOUR - 60.1, Action.REFRESH, Action.USE, Action.USE),
        (HOUR - 60, Action.FETCH, Action.USE, Action.USE),
        (HOUR - 0.1, Action.FETCH, Action.USE, Action.USE),
        (HOUR, Action.FETCH, Action.WAIT, Action.FAIL),
        (HOUR + 1, Action.FETCH, Action.WAIT, Action.FAIL),
    ],
)
def test_a_token_is_used_then_refreshed_then_replaced_before_use(
    second: float, expected: Action, during_a_fetch: Action, in_a_pause: Action
) -> None:
    """Hazards C4, E1, E3, F2: and used to its end during a fetch, and after one that failed."""
    assert action(cached(), after(second)) is expected
    assert action(cached(), after(second), fetching=True) is during_a_fetch
    assert action(cached(), after(second), backoff=IN_A_PAUSE) is in_a_pause


def test_without_a_token_the_first_caller_fetches_and_the_next_ones_wait() -> None:
    assert action(None, START) is Action.FETCH
    assert action(None, START, fetching=True) is Action.WAIT
    assert action(None, START, fetching=True, backoff=IN_A_PAUSE) is Action.WAIT
    assert action(None, START, backoff=IN_A_PAUSE) is Action.FAIL
    unshared = Backoff(NEVER, error=None)
    assert action(None, START, backoff=unshared) is Action.FETCH, "the failure was not theirs"


@pytest.mark.parametrize("token", [None, cached()])
def test_a_caller_who_wants_a_new_token_fetches_or_joins_a_fetch(token: CachedToken | None) -> None:
    assert action(token, START, backoff=IN_A_PAUSE, force=True) is Action.FETCH
    assert action(token, START, backoff=IN_A_PAUSE, force=True, fetching=True) is Action.WAIT


def test_a_token_of_unknown_lifetime_is_used_until_it_is_rejected() -> None:
    """Hazard E4: a missing ``expires_in`` does not mean expired."""
    token = cached(None)
    assert token == CachedToken(fetched(None).token, NEVER, NEVER, NEVER, is_fresh=True)
    assert action(token, after(10 * 365 * 86400)) is Action.USE


# -- the life of a token ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lifetime", "leeway", "renew_ahead", "refresh_at", "replace_at"),
    [
        (HOUR, 60.0, None, HOUR - 360, HOUR - 60),  # a tenth is 360 s, at most 300 s count
        (1000.0, 60.0, None, 840.0, 940.0),
        (45.0, 60.0, None, 31.5, 36.0),  # the leeway is at most a fifth of the lifetime
        (45.0, 60.0, 600.0, 22.5, 36.0),  # both together are at most half of it
        (100.0, 0.0, 0.0, 100.0, 100.0),
        (100.0, 10.0, 0.0, 90.0, 90.0),
        (100.0, 10.0, 5.0, 85.0, 90.0),
    ],
)
def test_leeway_and_renew_ahead_fit_into_the_lifetime(
    lifetime: float, leeway: float, renew_ahead: float | None, refresh_at: float, replace_at: float
) -> None:
    """Hazards E2, E8."""
    token = cached(lifetime, leeway=leeway, renew_ahead=renew_ahead)
    for moment, second in [(token.refresh_at, refresh_at), (token.replace_at, replace_at)]:
        assert moment.monotonic - START.monotonic == pytest.approx(second)
        assert moment.wall - START.wall == pytest.approx(second)
    assert token.expires_at == START.plus(lifetime)


@same_examples_in_every_run
@given(settings, lifetimes, jitters)
def test_every_life_is_in_order_and_jitter_only_makes_refreshing_earlier(
    settings: dict[str, float], lifetime: float, jitter: float
) -> None:
    """Hazards C7, E1, E2, E3: half of it nothing is fetched, and four fifths nobody waits."""
    token = schedule(fetched(lifetime), **settings, jitter=jitter)
    plain = schedule(fetched(lifetime), **settings, jitter=0.0)
    renew_ahead = settings["renew_ahead"]
    if renew_ahead is None:
        renew_ahead = min(lifetime / 10, 300.0)
    for hand in (0, 1):
        moments = [START, token.refresh_at, token.replace_at, token.expires_at]
        hands = [moment[hand] for moment in moments]
        assert hands == sorted(hands)
        leeway = min(settings["leeway"], lifetime / 5)
        assert math.isclose(token.expires_at[hand] - token.replace_at[hand], leeway, abs_tol=1e-5)
        earlier = plain.refresh_at[hand] - token.refresh_at[hand]
        assert 0 <= earlier <= jitter * renew_ahead / 10 + 1e-6
    assert token[2:] == plain[2:]
    assert action(token, START.plus(lifetime * 0.499)) is Action.USE
    assert action(token, START.plus(lifetime * 0.799)) in {Action.USE, Action.REFRESH}


def test_jitter_spreads_the_refreshes_of_a_fleet_by_a_tenth() -> None:
    """Hazard C7."""
    latest, earliest = (
        schedule(fetched(HOUR), leeway=60.0, renew_ahead=300.0, jitter=jitter).refresh_at.wall
        for jitter in (0.0, 1.0)
    )
    assert latest - earliest == pytest.approx(30.0)


@same_examples_in_every_run
@given(settings, st.floats(-MAX_SECONDS, MAX_SECONDS) | lifetimes, jitters, jumps, jumps)
def test_no_expired_token_is_used_wherever_the_clocks_go(
    settings: dict[str, float], lifetime: float, jitter: float, monotonic: float, wall: float
) -> None:
    """Hazards E3, E4, E5, E6, E7: what has expired by either clock has expired."""
    token = schedule(fetched(lifetime), **settings, jitter=jitter)
    now = Instant(START.monotonic + monotonic, START.wall + wall)
    expiry = START.plus(lifetime)
    if now.monotonic >= expiry.monotonic or now.wall >= expiry.wall:
        assert action(token, now) is Action.FETCH
        assert action(token, now, fetching=True) is Action.WAIT
    else:
        assert action(token, now, fetching=True) is Action.USE


@pytest.mark.parametrize("is_fresh", [True, False])
@pytest.mark.parametrize("lifetime", [None, HOUR])
def test_a_cached_token_is_as_fresh_as_it_was_fetched(
    lifetime: float | None, *, is_fresh: bool
) -> None:
    token = fetched(lifetime)._replace(is_fresh=is_fresh)
    assert schedule(token, leeway=0.0, renew_ahead=0.0, jitter=0.0).is_fresh is is_fresh


def test_a_token_names_its_expiry_by_the_wall_clock_when_it_was_requested() -> None:
    """Hazard E7: not when its response arrived."""
    token = FetchedToken.of("first", START, 90.0, token_type="JWT", scope="api").token
    assert token.expires_at == datetime.fromtimestamp(START.wall + 90, UTC)
    assert (token.access_token, token.token_type, token.scope) == ("first", "JWT", "api")
    unknown = fetched(None).token
    assert (unknown.expires_at, unknown.token_type, unknown.scope) == (None, "Bearer", None)


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


# -- backoff ---------------------------------------------------------------------------------------


def pause(times: int, *, jitter: float = 0.0, retry_after: float | None = None) -> float:
    """Return the seconds of the pause after so many failures in a row, all at `START`."""
    backoff = Backoff()
    for _ in range(times):
        backoff = backoff.after_failure(START, jitter, error=ERROR, retry_after=retry_after)
    assert backoff.error is ERROR
    return backoff.retry_at.seconds_from(START)


@pytest.mark.parametrize(
    ("times", "seconds"),
    [(1, 0.25), (2, 0.5), (3, 1), (4, 2), (8, 32), (9, 60), (10, 60), (5_000, 60)],
)
def test_each_failure_in_a_row_doubles_the_pause_up_to_a_minute(times: int, seconds: float) -> None:
    """Hazard F3: a caller who tries again after a second is served."""
    assert pause(times) == pytest.approx(seconds)
    assert pause(times, jitter=1.0) == pytest.approx(seconds * 0.8)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [(None, 0.25), (0.0, 0.25), (0.1, 0.25), (30.0, 30), (HOUR, HOUR), (1e9, HOUR)],
)
def test_retry_after_lengthens_a_pause_up_to_an_hour(
    retry_after: float | None, seconds: float
) -> None:
    """Hazard F3."""
    assert pause(1, retry_after=retry_after) == pytest.approx(seconds)


def test_a_pause_ends_by_the_clock_that_is_first() -> None:
    """It ends in a suspended machine, and is not lengthened by a wall clock that is set back."""
    backoff = Backoff().after_failure(START, 0.0, error=ERROR, retry_after=60.0)
    assert action(None, after(59), backoff=backoff) is Action.FAIL
    assert action(None, after(60), backoff=backoff) is Action.FETCH
    assert action(None, after(1, suspended=60), backoff=backoff) is Action.FETCH
    assert action(None, after(60, suspended=-HOUR), backoff=backoff) is Action.FETCH
    assert action(None, after(59, suspended=-HOUR), backoff=backoff) is Action.FAIL
    assert action(cached(), after(HOUR - 1), backoff=backoff) is Action.FETCH
