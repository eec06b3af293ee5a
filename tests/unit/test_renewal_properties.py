"""What holds for every leeway, renew_ahead, lifetime and jitter, and wherever the two clocks go."""

import math

from hypothesis import given
from hypothesis import strategies as st

from bitquery_auth._checks import MAX_SECONDS
from bitquery_auth._errors import TokenEndpointError, TokenRequestError
from bitquery_auth._renewal import AHEAD_MOST, BACKOFF_MOST, RETRY_AFTER_MOST, Instant, Ledger, Schedule, Step
from tests.unit.moments import START, grant

seconds = st.floats(0, 1e7)
lifetimes = st.floats(0.01, 1e7)
jitters = st.floats(0, 1)
schedules = st.builds(Schedule, seconds, st.none() | seconds)
jumps = st.floats(-1e7, 1e7)


def held(schedule: Schedule, lifetime: float, jitter: float) -> Ledger:
    made = Ledger(schedule)
    made.succeeded(grant(lifetime), START, jitter)
    return made


@given(schedules, lifetimes, jitters)
def test_renewal_comes_before_replacement_and_that_before_the_end(
    schedule: Schedule, lifetime: float, jitter: float
) -> None:
    """Hazard E3: no sign is inverted, on either clock."""
    kept = schedule.keep(grant(lifetime), jitter)
    for hand in (0, 1):
        assert START[hand] <= kept.renew[hand] <= kept.replace[hand] <= kept.end[hand]


@given(schedules, lifetimes, jitters)
def test_half_of_every_lifetime_needs_no_fetch(schedule: Schedule, lifetime: float, jitter: float) -> None:
    """Hazard E2: whatever the settings, a short token is no reason to fetch at every call."""
    made = held(schedule, lifetime, jitter)
    assert made.step(START.plus(lifetime * 0.499), fetching=False) is Step.USE


@given(schedules, lifetimes, jitters)
def test_four_fifths_of_every_lifetime_nobody_waits(schedule: Schedule, lifetime: float, jitter: float) -> None:
    """Hazards E1, E2."""
    made = held(schedule, lifetime, jitter)
    assert made.step(START.plus(lifetime * 0.799), fetching=False) in {Step.USE, Step.USE_AND_RENEW}


@given(schedules, lifetimes, jitters)
def test_the_leeway_is_kept_where_the_lifetime_has_room(schedule: Schedule, lifetime: float, jitter: float) -> None:
    """Hazard E1."""
    kept = schedule.keep(grant(lifetime), jitter)
    leeway = min(schedule.leeway, lifetime / 5)
    assert math.isclose(kept.end.monotonic - kept.replace.monotonic, leeway, abs_tol=1e-6)
    assert math.isclose(kept.end.wall - kept.replace.wall, leeway, abs_tol=1e-5)


@given(schedules, lifetimes, jitters)
def test_jitter_makes_renewal_only_earlier_and_by_no_more_than_a_tenth(
    schedule: Schedule, lifetime: float, jitter: float
) -> None:
    """Hazard C7."""
    plain = schedule.keep(grant(lifetime), 0.0)
    jittered = schedule.keep(grant(lifetime), jitter)
    ahead = min(lifetime / 10, AHEAD_MOST) if schedule.renew_ahead is None else schedule.renew_ahead
    assert 0 <= plain.renew.monotonic - jittered.renew.monotonic <= ahead / 10 + 1e-6
    assert jittered[2:] == plain[2:], "what is replaced when, and the end, stay"


@given(schedules, lifetimes, jitters, jumps, jumps)
def test_no_ended_token_is_used_wherever_the_clocks_go(
    schedule: Schedule, lifetime: float, jitter: float, monotonic: float, wall: float
) -> None:
    """Hazards E3, E6: what has ended by either clock has ended; what lives by both is there to be used."""
    made = held(schedule, lifetime, jitter)
    now = Instant(START.monotonic + monotonic, START.wall + wall)
    end = START.plus(lifetime)
    ended = now.monotonic >= end.monotonic or now.wall >= end.wall
    assert (made.usable(now) is None) is ended
    assert made.step(now, fetching=True) is (Step.WAIT if ended else Step.USE)
    if ended:
        assert made.step(now, fetching=False) is Step.FETCH


@given(schedules, lifetimes, jitters, seconds, seconds)
def test_time_only_takes_a_token_towards_its_end(
    schedule: Schedule, lifetime: float, jitter: float, first: float, more: float
) -> None:
    """Hazard E3."""
    order = [Step.USE, Step.USE_AND_RENEW, Step.FETCH]
    made = held(schedule, lifetime, jitter)
    earlier, later = (made.step(START.plus(passed), fetching=False) for passed in (first, first + more))
    assert order.index(earlier) <= order.index(later)


@given(schedules, st.floats(-MAX_SECONDS, MAX_SECONDS), jitters, seconds)
def test_every_lifetime_that_a_server_can_name_can_be_kept_or_passed_over(
    schedule: Schedule, lifetime: float, jitter: float, took: float
) -> None:
    """Hazards E4, E5, E7: absurd ones too, counted from before the request."""
    made = Ledger(schedule)
    now = START.plus(took)
    made.succeeded(grant(lifetime), now, jitter)
    end = START.plus(lifetime)
    arrived_alive = now.monotonic < end.monotonic and now.wall < end.wall
    assert (made.kept is not None) is arrived_alive


@given(st.lists(st.tuples(jitters, st.none() | st.floats(0, 1e9)), min_size=1, max_size=40))
def test_every_pause_lies_between_its_bounds(failures: list[tuple[float, float | None]]) -> None:
    """Hazard F3: neither hammering nor silence for ever."""
    made = Ledger(Schedule(60.0, None))
    for count, (jitter, retry_after) in enumerate(failures):
        error = TokenEndpointError("no", status_code=503, retry_after=retry_after)
        made.failed(error, START, jitter)
        pause = made.seconds_to_retry(START)
        asked_for = min(retry_after or 0.0, RETRY_AFTER_MOST)
        backoff = min(2.0**count, BACKOFF_MOST)
        assert max(backoff * 0.8, asked_for) - 1e-6 <= pause <= max(backoff, asked_for) + 1e-6


@given(jitters, jumps, jumps)
def test_a_caller_without_a_token_fails_at_once_exactly_while_the_pause_runs(
    jitter: float, monotonic: float, wall: float
) -> None:
    """Hazards E6, F3."""
    made = Ledger(Schedule(60.0, None))
    made.failed(TokenRequestError("no answer"), START, jitter)
    now = Instant(START.monotonic + monotonic, START.wall + wall)
    pausing = made.step(now, fetching=False) is Step.FAIL
    assert pausing is (made.seconds_to_retry(now) > 0)
    if max(monotonic, wall) >= 1:
        assert not pausing
