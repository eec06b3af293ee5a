"""When a token is used, renewed, replaced: the decisions, at named moments of its life."""

import math
from datetime import UTC, datetime

import pytest

from bitquery_auth._errors import ConfigurationError, TokenEndpointError, TokenRequestError
from bitquery_auth._renewal import LONG_AGO, NEVER, Grant, Instant, Kept, Ledger, Schedule, Step
from tests.unit.moments import START, after, grant

HOUR = 3600.0


def ledger(lifetime: float | None = HOUR, *, leeway: float = 60.0, renew_ahead: float | None = 300.0) -> Ledger:
    """One that keeps a token, asked for at START, with no jitter."""
    made = Ledger(Schedule(leeway, renew_ahead))
    made.succeeded(grant(lifetime), START, 0.0)
    return made


@pytest.mark.parametrize(
    ("second", "step"),
    [
        (0, Step.USE),
        (HOUR - 360.1, Step.USE),
        (HOUR - 360, Step.USE_AND_RENEW),
        (HOUR - 60.1, Step.USE_AND_RENEW),
        (HOUR - 60, Step.FETCH),
        (HOUR - 0.1, Step.FETCH),
        (HOUR, Step.FETCH),
        (HOUR + 1, Step.FETCH),
    ],
)
def test_a_token_is_used_then_renewed_behind_the_back_then_replaced_first(second: float, step: Step) -> None:
    """Hazards E1, E3, C4."""
    assert ledger().step(after(second), fetching=False) is step


@pytest.mark.parametrize(
    ("second", "step"), [(HOUR - 300, Step.USE), (HOUR - 30, Step.USE), (HOUR - 0.1, Step.USE), (HOUR, Step.WAIT)]
)
def test_while_a_fetch_runs_the_token_is_used_to_its_end(second: float, step: Step) -> None:
    """Hazards C4, F2."""
    assert ledger().step(after(second), fetching=True) is step


def test_without_a_token_the_first_caller_fetches_and_the_next_waits() -> None:
    empty = Ledger(Schedule(60.0, None))
    assert empty.step(START, fetching=False) is Step.FETCH
    assert empty.step(START, fetching=True) is Step.WAIT
    assert empty.usable(START) is None


def test_a_token_of_unknown_lifetime_is_used_until_it_is_discarded() -> None:
    """Hazard E4: a missing expires_in is not an end."""
    kept = ledger(None)
    assert kept.kept == Kept(grant(None).token, NEVER, NEVER, NEVER)
    assert kept.step(after(10 * 365 * 86400), fetching=False) is Step.USE
    assert kept.discard("first")
    assert kept.step(after(1), fetching=False) is Step.FETCH


def test_the_lifetime_is_counted_from_when_the_token_was_asked_for() -> None:
    """Hazard E7: a slow answer has used up part of the lifetime."""
    made = Ledger(Schedule(0.0, 0.0))
    made.succeeded(grant(3.0), after(2.0), 0.0)
    assert made.usable(after(2.9)) is not None
    assert made.usable(after(3.0)) is None


def test_the_token_says_when_it_ends_by_the_wall_clock() -> None:
    made = Grant.of("first", Instant(5.0, 1_800_000_000.0), 90.0, token_type="bearer", scope="api")
    assert made.token.expires_at == datetime.fromtimestamp(1_800_000_090.0, UTC)
    assert (made.token.access_token, made.token.token_type, made.token.scope) == ("first", "bearer", "api")
    assert (made.asked, made.lifetime) == (Instant(5.0, 1_800_000_000.0), 90.0)


def test_a_token_of_unknown_lifetime_names_no_end_and_is_a_bearer_token() -> None:
    made = grant(None).token
    assert made.expires_at is None
    assert (made.token_type, made.scope) == ("Bearer", None)


@pytest.mark.parametrize(
    ("lifetime", "leeway", "ahead", "renews_at", "replaced_at"),
    [
        (HOUR, 60.0, None, HOUR - 360, HOUR - 60),  # a tenth is 360 s, 300 s are the most
        (86400.0, 60.0, None, 86400 - 360, 86400 - 60),
        (1000.0, 60.0, None, 840.0, 940.0),
        (45.0, 60.0, None, 31.5, 36.0),  # a leeway longer than the lifetime is cut to a fifth of it
        (1.0, 60.0, None, 0.7, 0.8),
        (45.0, 60.0, 600.0, 22.5, 36.0),  # both together leave half of it
        (100.0, 0.0, None, 90.0, 100.0),
        (100.0, 0.0, 0.0, 100.0, 100.0),
        (100.0, 10.0, 0.0, 90.0, 90.0),
        (100.0, 10.0, 5.0, 85.0, 90.0),
        (100.0, 10.0, 1.0, 89.0, 90.0),
    ],
)
def test_leeway_and_renewal_ahead_fit_into_the_lifetime(
    lifetime: float, leeway: float, ahead: float | None, renews_at: float, replaced_at: float
) -> None:
    """Hazards E2, E8: an hour's settings do not make a short token all leeway, and zero is a value."""
    kept = Schedule(leeway, ahead).keep(grant(lifetime), 0.0)
    assert kept.renew.monotonic - START.monotonic == pytest.approx(renews_at)
    assert kept.renew.wall - START.wall == pytest.approx(renews_at)
    assert kept.replace.monotonic - START.monotonic == pytest.approx(replaced_at)
    assert kept.replace.wall - START.wall == pytest.approx(replaced_at)
    assert kept.end == START.plus(lifetime)


def test_with_renewal_ahead_turned_off_nothing_runs_in_the_background() -> None:
    """Hazard E8."""
    kept = ledger(renew_ahead=0.0)
    steps = {kept.step(after(second / 10), fetching=False) for second in range(36100)}
    assert steps == {Step.USE, Step.FETCH}


def test_jitter_spreads_the_renewals_of_a_fleet() -> None:
    """Hazard C7: by up to a tenth of the time ahead, and only to the earlier."""
    schedule = Schedule(60.0, 300.0)
    renews = [schedule.keep(grant(HOUR), jitter / 10).renew.monotonic for jitter in range(11)]
    assert renews == sorted(renews, reverse=True)
    assert renews[0] - renews[-1] == pytest.approx(30.0)


def test_a_suspended_machine_does_not_use_an_ended_token() -> None:
    """Hazard E6: the monotonic clock has stood still."""
    assert ledger().step(after(1, suspended=2 * HOUR), fetching=False) is Step.FETCH
    assert ledger().usable(after(1, suspended=2 * HOUR)) is None


def test_a_wall_clock_that_is_set_back_does_not_lengthen_a_life() -> None:
    """Hazard E6."""
    assert ledger().step(after(HOUR + 1, wall_set_by=-2 * HOUR), fetching=False) is Step.FETCH
    assert ledger().usable(after(HOUR + 1, wall_set_by=-2 * HOUR)) is None


def test_a_wall_clock_that_is_set_forward_costs_a_fetch_and_no_more() -> None:
    """Hazard E6."""
    made = ledger()
    now = after(1, wall_set_by=HOUR)
    assert made.step(now, fetching=False) is Step.FETCH
    made.succeeded(grant(HOUR, name="second", asked=now), now, 0.0)
    assert made.step(now.plus(1), fetching=False) is Step.USE


@pytest.mark.parametrize("lifetime", [0.0, -1.0, 2.0])
def test_a_token_that_ended_on_the_way_is_not_kept(lifetime: float) -> None:
    """Hazard E4: zero, negative, or slower than it lives."""
    made = Ledger(Schedule(60.0, None))
    made.succeeded(grant(lifetime), after(2), 0.0)
    assert made.kept is None
    assert made.step(after(2), fetching=False) is Step.FETCH


def test_a_token_that_ended_on_the_way_does_not_push_out_one_that_lives() -> None:
    made = ledger()
    inside_leeway = after(HOUR - 30)
    made.succeeded(grant(0.0, name="dead", asked=inside_leeway), inside_leeway, 0.0)
    assert made.usable(inside_leeway) == grant(HOUR).token
    assert made.step(inside_leeway, fetching=False) is Step.USE, "nor does every request ask again"
    assert made.step(inside_leeway.plus(0.9), fetching=False) is Step.USE
    assert made.step(inside_leeway.plus(1.0), fetching=False) is Step.FETCH


def test_a_new_token_takes_the_place_of_the_old_one() -> None:
    made = ledger()
    made.succeeded(grant(HOUR, name="second", asked=after(10)), after(11), 0.0)
    assert made.kept is not None
    assert made.kept.token.access_token == "second"


@pytest.mark.parametrize("lifetime", [None, HOUR])
@pytest.mark.parametrize("is_fresh", [True, False])
def test_a_kept_token_is_as_fresh_as_it_came(lifetime: float | None, *, is_fresh: bool) -> None:
    brought = grant(lifetime)._replace(is_fresh=is_fresh)
    assert Schedule(60.0, None).keep(brought, 0.0).is_fresh is is_fresh


def test_a_discard_forgets_that_token_and_no_other() -> None:
    """Hazard C6: a late refusal leaves the successor alone."""
    made = ledger()
    assert not made.discard("an older one")
    assert made.usable(START) is not None
    assert made.discard("first")
    assert made.usable(START) is None
    assert not made.discard("first"), "it is gone already"


def failing(times: int, *, jitter: float = 0.0, error: Exception | None = None) -> tuple[Ledger, float]:
    """A ledger without a token whose fetches have failed, all at START, and the pause after the last."""
    made = Ledger(Schedule(60.0, None))
    for _ in range(times):
        made.failed(error or TokenRequestError("no answer"), START, jitter)  # type: ignore[arg-type]
    return made, made.seconds_to_retry(START)


@pytest.mark.parametrize(("times", "pause"), [(1, 1), (2, 2), (3, 4), (4, 8), (6, 32), (7, 60), (8, 60), (10_000, 60)])
def test_each_failure_in_a_row_doubles_the_pause_up_to_a_minute(times: int, pause: float) -> None:
    """Hazard F3."""
    assert failing(times)[1] == pytest.approx(pause)


def test_jitter_shortens_a_pause_by_up_to_a_fifth() -> None:
    assert failing(1, jitter=1.0)[1] == pytest.approx(0.8)
    assert failing(3, jitter=0.5)[1] == pytest.approx(3.6)


def test_inside_the_pause_a_caller_without_a_token_gets_the_failure_at_once() -> None:
    """Hazard F3."""
    made, _ = failing(1)
    assert made.step(after(0.9), fetching=False) is Step.FAIL
    assert isinstance(made.error, TokenRequestError)
    assert made.step(after(1.0), fetching=False) is Step.FETCH
    assert made.seconds_to_retry(after(1.0)) == 0
    assert made.seconds_to_retry(after(0.25)) == pytest.approx(0.75)
    assert made.seconds_to_retry(after(99)) == 0


def test_who_comes_while_a_fetch_runs_waits_even_in_a_pause() -> None:
    assert failing(1)[0].step(after(0.5), fetching=True) is Step.WAIT


def test_inside_the_pause_a_token_that_lives_is_used_to_its_end() -> None:
    """Hazard F2: a failed renewal fails no request."""
    made = ledger()
    made.failed(TokenRequestError("no answer"), after(HOUR - 60.5), 0.0)
    assert made.step(after(HOUR - 60), fetching=False) is Step.USE
    assert made.step(after(HOUR - 59.5), fetching=False) is Step.FETCH


def test_a_token_that_ends_inside_the_pause_is_not_used_any_more() -> None:
    made = ledger()
    made.failed(TokenRequestError("no answer"), after(HOUR - 0.5), 0.0)
    assert made.step(after(HOUR), fetching=False) is Step.FAIL


def test_a_pause_ends_with_a_suspend_and_outlives_no_wall_clock_that_is_set_back() -> None:
    """Hazard E6."""
    made, _ = failing(7)
    assert made.step(after(1, suspended=60), fetching=False) is Step.FETCH
    assert made.step(after(60, wall_set_by=-HOUR), fetching=False) is Step.FETCH
    assert made.seconds_to_retry(after(30, wall_set_by=-HOUR)) == pytest.approx(30)


def refused(retry_after: float | None) -> TokenEndpointError:
    return TokenEndpointError("slow down", status_code=429, retry_after=retry_after)


@pytest.mark.parametrize(
    ("retry_after", "pause"), [(None, 1), (0.0, 1), (0.5, 1), (30.0, 30), (3600.0, 3600), (3601.0, 3600), (1e9, 3600)]
)
def test_retry_after_lengthens_a_pause_up_to_an_hour(retry_after: float | None, pause: float) -> None:
    """Hazard F3."""
    assert failing(1, error=refused(retry_after))[1] == pytest.approx(pause)


def test_a_success_ends_the_failure_and_the_doubling() -> None:
    made, _ = failing(5)
    made.succeeded(grant(HOUR, asked=after(1)), after(1), 0.0)
    assert made.error is None
    assert made.seconds_to_retry(after(1)) == 0
    made.discard("first")
    assert made.step(after(1), fetching=False) is Step.FETCH
    made.failed(TokenRequestError("no answer"), after(2), 0.0)
    assert made.seconds_to_retry(after(2)) == pytest.approx(1)


def test_a_token_that_ended_on_the_way_ends_the_failure_too() -> None:
    made, _ = failing(5)
    made.succeeded(grant(0.0, asked=after(40)), after(40), 0.0)
    assert made.error is None
    assert made.step(after(40), fetching=False) is Step.FETCH
    made.failed(TokenRequestError("no answer"), after(50), 0.0)
    assert made.seconds_to_retry(after(50)) == pytest.approx(1)


def test_a_wrong_setting_earns_no_pause_where_there_is_no_token() -> None:
    made, pause = failing(3, error=ConfigurationError("client_secret is blank"))
    assert pause == 0
    assert made.error is None
    assert made.step(START, fetching=False) is Step.FETCH


def test_wrong_settings_without_a_token_do_not_lengthen_the_pause_that_the_endpoint_earns_later() -> None:
    made, _ = failing(9, error=ConfigurationError("client_secret is blank"))
    made.failed(TokenRequestError("no answer"), START, 0.0)
    assert made.seconds_to_retry(START) == pytest.approx(1)


def test_a_wrong_setting_does_not_end_a_pause_that_runs() -> None:
    made, _ = failing(2)
    made.failed(ConfigurationError("client_secret is blank"), after(1), 0.0)
    assert isinstance(made.error, TokenRequestError)
    assert made.step(after(1.9), fetching=False) is Step.FAIL


def sealed_in_the_leeway() -> Ledger:
    """One whose secret could not be read, a minute before the token's end."""
    made = ledger()
    made.failed(ConfigurationError("client_secret is blank"), after(HOUR - 60), 0.0)
    return made


@pytest.mark.parametrize(("second", "step"), [(0, Step.USE), (0.9, Step.USE), (1.0, Step.FETCH), (61, Step.FETCH)])
def test_a_wrong_setting_makes_a_pause_in_which_a_token_that_lives_is_used(second: float, step: Step) -> None:
    """Hazard F2: or else every request in the leeway would read the secret, and wait for it."""
    made = sealed_in_the_leeway()
    assert made.error is None
    assert made.step(after(HOUR - 60 + second), fetching=False) is step


def test_it_is_no_failure_for_those_who_have_no_token() -> None:
    """The setting may have been mended, and the endpoint has nothing to rest from."""
    made = sealed_in_the_leeway()
    made.discard("first")
    assert made.step(after(HOUR - 59.9), fetching=False) is Step.FETCH


def test_one_wrong_setting_after_another_doubles_the_pause() -> None:
    made = sealed_in_the_leeway()
    made.failed(ConfigurationError("client_secret is blank"), after(HOUR - 59), 0.0)
    assert made.step(after(HOUR - 57.1), fetching=False) is Step.USE
    assert made.step(after(HOUR - 57), fetching=False) is Step.FETCH


@pytest.mark.parametrize("seconds", [0.1, 29.9])
def test_a_wrong_setting_leaves_a_pause_that_runs_and_its_error_alone(seconds: float) -> None:
    made = ledger()
    made.failed(refused(30.0), after(HOUR - 60), 0.0)
    error = made.error
    made.failed(ConfigurationError("client_secret is blank"), after(HOUR - 60 + seconds), 0.0)
    assert made.error is error
    assert made.seconds_to_retry(after(HOUR - 60)) == pytest.approx(30)
    made.discard("first")
    assert made.step(after(HOUR - 30.1), fetching=False) is Step.FAIL


def test_a_wrong_setting_after_a_pause_ends_its_error() -> None:
    made = ledger()
    made.failed(refused(30.0), after(HOUR - 60), 0.0)
    made.failed(ConfigurationError("client_secret is blank"), after(HOUR - 30), 0.0)
    assert made.error is None
    assert made.step(after(HOUR - 29), fetching=False) is Step.USE


def test_a_moment_is_reached_when_either_clock_says_so() -> None:
    """Hazard E6."""
    moment = Instant(10.0, 100.0)
    assert moment.reached(Instant(10.0, 0.0))
    assert moment.reached(Instant(0.0, 100.0))
    assert not moment.reached(Instant(9.9, 99.9))
    assert moment.plus(2.5) == Instant(12.5, 102.5)
    assert not NEVER.reached(Instant(1e18, 1e18))
    assert LONG_AGO.reached(Instant(-1e18, -1e18))
    assert NEVER.monotonic == NEVER.wall == math.inf
