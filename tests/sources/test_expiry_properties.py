"""What holds for every leeway, renew_ahead, lifetime and jitter, and wherever the clocks go."""

import math

from hypothesis import given
from hypothesis import strategies as st

from bitquery_auth import TokenRequestError
from bitquery_auth._checks import MAX_SECONDS
from bitquery_auth._sources.expiry import (
    FIRST_BACKOFF,
    LONGEST_BACKOFF,
    LONGEST_REFRESH,
    LONGEST_RETRY_AFTER,
    Action,
    Backoff,
    CachedToken,
    Instant,
    decide,
    schedule,
)
from tests.kit.examples import same_examples_in_every_run
from tests.sources.moments import START, fetched

seconds = st.floats(0, 1e7)
lifetimes = st.floats(0.01, 1e7)
jitters = st.floats(0, 1)
jumps = st.floats(-1e7, 1e7)
settings = st.fixed_dictionaries({"leeway": seconds, "renew_ahead": st.none() | seconds})
Settings = dict[str, float]


def action(token: CachedToken | None, now: Instant, *, fetching: bool = False) -> Action:
    return decide(token, Backoff(), now, fetching=fetching, force=False)


@same_examples_in_every_run
@given(settings, lifetimes, jitters)
def test_refreshing_comes_before_replacing_and_that_before_the_expiry(
    settings: Settings, lifetime: float, jitter: float
) -> None:
    """No sign is inverted, on either clock (hazard E3)."""
    token = schedule(fetched(lifetime), **settings, jitter=jitter)
    for hand in (0, 1):
        moments = [START, token.refresh_at, token.replace_at, token.expires_at]
        hands = [moment[hand] for moment in moments]
        assert hands == sorted(hands)


@same_examples_in_every_run
@given(settings, lifetimes, jitters)
def test_for_half_of_every_lifetime_nothing_is_fetched_and_for_four_fifths_nobody_waits(
    settings: Settings, lifetime: float, jitter: float
) -> None:
    """Whatever the settings, a short token is not fetched at every call (hazard E2)."""
    token = schedule(fetched(lifetime), **settings, jitter=jitter)
    assert action(token, START.plus(lifetime * 0.499)) is Action.USE
    assert action(token, START.plus(lifetime * 0.799)) in {Action.USE, Action.REFRESH}


@same_examples_in_every_run
@given(settings, lifetimes, jitters)
def test_the_leeway_is_kept_where_the_lifetime_has_room(
    settings: Settings, lifetime: float, jitter: float
) -> None:
    """Hazard E1."""
    token = schedule(fetched(lifetime), **settings, jitter=jitter)
    leeway = min(settings["leeway"], lifetime / 5)
    for hand in (0, 1):
        assert math.isclose(token.expires_at[hand] - token.replace_at[hand], leeway, abs_tol=1e-5)


@same_examples_in_every_run
@given(settings, lifetimes, jitters)
def test_jitter_makes_refreshing_only_earlier_and_by_no_more_than_a_tenth(
    settings: Settings, lifetime: float, jitter: float
) -> None:
    """Hazard C7."""
    plain = schedule(fetched(lifetime), **settings, jitter=0.0)
    jittered = schedule(fetched(lifetime), **settings, jitter=jitter)
    renew_ahead = settings["renew_ahead"]
    if renew_ahead is None:
        renew_ahead = min(lifetime / 10, LONGEST_REFRESH)
    earlier = plain.refresh_at.monotonic - jittered.refresh_at.monotonic
    assert 0 <= earlier <= renew_ahead / 10 + 1e-6
    assert jittered[2:] == plain[2:]


@same_examples_in_every_run
@given(settings, lifetimes, jitters, jumps, jumps)
def test_no_expired_token_is_used_wherever_the_clocks_go(
    settings: Settings, lifetime: float, jitter: float, monotonic: float, wall: float
) -> None:
    """What has expired by either clock has expired (hazards E3 and E6)."""
    token = schedule(fetched(lifetime), **settings, jitter=jitter)
    now = Instant(START.monotonic + monotonic, START.wall + wall)
    expiry = START.plus(lifetime)
    if now.monotonic >= expiry.monotonic or now.wall >= expiry.wall:
        assert action(token, now) is Action.FETCH
        assert action(token, now, fetching=True) is Action.WAIT
    else:
        assert action(token, now, fetching=True) is Action.USE


@same_examples_in_every_run
@given(settings, lifetimes, jitters, seconds, seconds)
def test_time_only_takes_a_token_towards_its_expiry(
    settings: Settings, lifetime: float, jitter: float, first: float, more: float
) -> None:
    """Hazard E3."""
    order = [Action.USE, Action.REFRESH, Action.FETCH]
    token = schedule(fetched(lifetime), **settings, jitter=jitter)
    earlier, later = (action(token, START.plus(passed)) for passed in (first, first + more))
    assert order.index(earlier) <= order.index(later)


@same_examples_in_every_run
@given(settings, st.floats(-MAX_SECONDS, MAX_SECONDS), jitters, seconds)
def test_every_lifetime_that_a_server_can_name_can_be_scheduled(
    settings: Settings, lifetime: float, jitter: float, took: float
) -> None:
    """Absurd ones, too, and each is counted from before the request (hazards E4, E5 and E7)."""
    token = schedule(fetched(lifetime), **settings, jitter=jitter)
    now, expiry = START.plus(took), START.plus(lifetime)
    is_valid = now.monotonic < expiry.monotonic and now.wall < expiry.wall
    assert token.expires_at.has_passed(now) is not is_valid


@same_examples_in_every_run
@given(st.lists(st.tuples(jitters, st.none() | st.floats(0, 1e9)), min_size=1, max_size=40))
def test_every_pause_lies_between_its_bounds(failures: list[tuple[float, float | None]]) -> None:
    """The server is neither hammered nor left alone for ever (hazard F3)."""
    backoff = Backoff()
    for count, (jitter, retry_after) in enumerate(failures):
        backoff = backoff.after_failure(START, jitter, error=None, retry_after=retry_after)
        pause = backoff.retry_at.seconds_from(START)
        asked_for = min(retry_after or 0.0, LONGEST_RETRY_AFTER)
        longest = min(FIRST_BACKOFF * 2.0**count, LONGEST_BACKOFF)
        assert max(longest * 0.8, asked_for) - 1e-6 <= pause <= max(longest, asked_for) + 1e-6


@same_examples_in_every_run
@given(jitters, jumps, jumps)
def test_a_caller_without_a_token_fails_at_once_exactly_while_the_pause_runs(
    jitter: float, monotonic: float, wall: float
) -> None:
    """Hazards E6 and F3."""
    error = TokenRequestError("no response")
    backoff = Backoff().after_failure(START, jitter, error=error)
    now = Instant(START.monotonic + monotonic, START.wall + wall)
    fails = decide(None, backoff, now, fetching=False, force=False) is Action.FAIL
    assert fails is (backoff.retry_at.seconds_from(now) > 0)
    if max(monotonic, wall) >= FIRST_BACKOFF:
        assert not fails
