"""What a fetch is to bring, and what will not do: for the fetch itself, for a store, and for the log."""

import pytest

from bitquery_auth._errors import TokenRequestError
from bitquery_auth._renewal import Ledger, Schedule, Wanted
from tests.unit.moments import START, after, grant


def empty() -> Ledger:
    return Ledger(Schedule(60.0, None))


def holding(name: str = "first") -> Ledger:
    made = empty()
    made.succeeded(grant(3600.0, name=name), START, 0.0)
    return made


def test_the_first_fetch_may_bring_any_token() -> None:
    wanted = empty().wanted(anew=False)
    assert wanted == Wanted()
    assert wanted.not_these == frozenset()
    assert wanted.reason == "none was there"


def test_a_renewal_must_not_bring_the_token_it_replaces() -> None:
    """Hazard E2: a store still has it."""
    wanted = holding().wanted(anew=False)
    assert wanted.replaced == "first"
    assert wanted.not_these == {"first"}
    assert wanted.reason == "the last one ends"


def test_a_fetch_after_a_discard_must_not_bring_that_token_again() -> None:
    """Hazards C6, R2: a store still has it."""
    made = holding()
    made.discard("first")
    wanted = made.wanted(anew=False)
    assert wanted.replaced is None
    assert wanted.discarded == {"first"}
    assert wanted.not_these == {"first"}
    assert wanted.reason == "the last one was discarded"


def test_a_discard_of_another_token_rules_nothing_out() -> None:
    """Hazard C6."""
    made = holding()
    made.discard("an older one")
    assert made.wanted(anew=False).discarded == frozenset()


def test_a_fetch_that_failed_still_has_its_discarded_tokens_ruled_out() -> None:
    made = holding()
    made.discard("first")
    made.failed(TokenRequestError("no answer"), after(1), 0.0)
    assert made.wanted(anew=False).not_these == {"first"}


def test_after_a_success_only_the_token_that_is_kept_is_ruled_out() -> None:
    made = holding()
    made.discard("first")
    made.succeeded(grant(3600.0, name="second", asked=after(1)), after(1), 0.0)
    assert made.wanted(anew=False).not_these == {"second"}
    made.discard("second")
    assert made.wanted(anew=False).not_these == {"second"}


@pytest.mark.parametrize("made", [empty(), holding()])
def test_a_new_token_is_asked_for_whatever_is_kept(made: Ledger) -> None:
    assert made.wanted(anew=True).anew
    assert not made.wanted(anew=False).anew
    assert made.wanted(anew=True).reason == "a new one is wanted"


def test_both_what_was_discarded_and_what_is_replaced_are_ruled_out() -> None:
    assert Wanted(discarded=frozenset({"a", "b"}), replaced="c").not_these == {"a", "b", "c"}
