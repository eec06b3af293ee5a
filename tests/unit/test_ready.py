"""What nearly every request looks at, and no more: until when the token is used without a thought."""

from bitquery_auth._errors import TokenRequestError
from bitquery_auth._renewal import LONG_AGO, Instant, Ledger, Schedule
from tests.unit.moments import START, after, grant

NOTHING = (*LONG_AGO, None)


def holding(lifetime: float | None = 3600.0) -> Ledger:
    made = Ledger(Schedule(60.0, 300.0))
    made.succeeded(grant(lifetime), START, 0.0)
    return made


def test_without_a_token_nothing_is_ready_at_any_time() -> None:
    assert Ledger(Schedule(60.0, None)).ready == NOTHING


def test_a_token_is_ready_until_it_is_to_be_renewed_on_either_clock() -> None:
    """Hazard E6."""
    assert holding().ready == (*after(3240), grant(3600.0).token)


def test_a_token_of_unknown_lifetime_is_always_ready() -> None:
    monotonic, wall, token = holding(None).ready
    assert (monotonic, wall) == (float("inf"), float("inf"))
    assert token == grant(None).token


def test_a_discarded_token_is_not_ready_any_more() -> None:
    made = holding()
    made.discard("another")
    assert made.ready != NOTHING
    made.discard("first")
    assert made.ready == NOTHING


def test_a_failure_leaves_what_is_ready_as_it_is() -> None:
    """Hazard F2."""
    made = holding()
    before = made.ready
    made.failed(TokenRequestError("no answer"), after(1), 0.0)
    assert made.ready == before


def test_the_new_token_is_ready_at_once() -> None:
    made = holding()
    made.succeeded(grant(3600.0, name="second", asked=after(10)), after(11), 0.0)
    assert made.ready == (*after(3250), grant(3600.0, name="second", asked=after(10)).token)


def test_a_token_that_is_discarded_while_it_is_looked_at_is_given_still_or_not_at_all() -> None:
    """Hazard C5: who lands with a failed fetch looks for a token that lives, without the lock."""
    made = holding()

    class Meanwhile(Instant):
        @property
        def monotonic(self) -> float:  # type: ignore[override]  # read when the token's end is compared
            made.discard("first")
            return START.monotonic

    assert made.usable(Meanwhile(*START)) in (None, grant(3600.0).token)
    assert made.usable(START) is None


def test_what_was_discarded_stays_unwanted_where_the_fetch_brings_a_token_that_has_ended() -> None:
    """Hazard R4: a store may still hold it."""
    made = holding()
    made.discard("first")
    made.succeeded(grant(1.0, name="ended"), after(2), 0.0)
    assert made.wanted(anew=False).discarded == {"first"}
    made.succeeded(grant(3600.0, name="second", asked=after(3)), after(3), 0.0)
    assert made.wanted(anew=False).discarded == frozenset()
