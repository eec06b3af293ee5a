"""What nearly every request looks at, and no more: until when the token is used without a thought."""

from bitquery_auth._errors import TokenRequestError
from bitquery_auth._renewal import LONG_AGO, Ledger, Schedule
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
