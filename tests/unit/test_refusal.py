"""Whether a refusal is answered by a new token: one earns one, an API that refuses everything earns a pause."""

from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitquery_auth._refusal import PAUSE_MOST, Refusals, remember
from bitquery_auth._replay import is_replayed

API, OTHER = "https://api.example.com:443", "https://other.example.com:443"
PAUSES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300)


class Driver:
    """What an auth does with the decisions, for an API that refuses or accepts: what counts is what it fetches."""

    def __init__(self) -> None:
        self.refusals = Refusals()
        self.names = (f"token-{number}" for number in count())
        self.token = next(self.names)
        self.fetches = 0

    def call(self, now: float, origin: str = API, *, accepts: bool = False) -> bool:
        """One request; whether its refusal was answered."""
        if accepts:
            self.refusals.accepted(origin)
            return False
        if not self.refusals.is_answered(origin, self.token, now):
            return False
        self.fetch(origin)
        self.refusals.is_answered(origin, self.token, now)  # the second try is refused, too
        return True

    def fetch(self, origin: str = API) -> None:
        self.token = next(self.names)
        self.fetches += 1
        self.refusals.replaced(origin, self.token)


def test_the_first_refusal_is_answered() -> None:
    """Hazard R1."""
    assert Refusals().is_answered(API, "a token", 0.0)


def test_the_refusal_of_a_fresh_token_is_not_answered() -> None:
    """Hazards R3, R8: a second new token would fare no better."""
    refusals = Refusals()
    refusals.is_answered(API, "old", 0.0)
    refusals.replaced(API, "new")
    assert not refusals.is_answered(API, "new", 0.0)


def test_after_it_no_refusal_of_that_origin_is_answered_for_a_second() -> None:
    """Hazard R3."""
    driver = Driver()
    driver.call(100.0)
    assert not driver.call(100.0)
    assert not driver.call(100.999)
    assert driver.call(101.0)


def test_of_many_refused_at_once_the_first_begins_the_pause_and_the_others_do_not_make_it_longer() -> None:
    """Hazard R3: a server that gives the same token for a while is asked by all of them."""
    refusals = Refusals()
    for _ in range(16):
        refusals.hold_back(API, 100.0)
    assert not refusals.is_answered(API, "a token", 100.999)
    assert refusals.is_answered(API, "a token", 101.0)
    refusals.hold_back(API, 101.0)
    assert not refusals.is_answered(API, "a token", 102.999)
    assert refusals.is_answered(API, "a token", 103.0)


def test_what_is_remembered_is_emptied_by_what_is_new_when_full_and_by_nothing_else() -> None:
    known: dict[Any, Any] = {}
    for number in range(256):
        remember(known, number, "first")
    remember(known, 0, "again")
    assert (len(known), known[0], known[255]) == (256, "again", "first")
    remember(known, "new", "first")
    assert known == {"new": "first"}


def test_a_crawlers_origins_are_not_remembered_without_end() -> None:
    refusals = Refusals()
    for number in range(1000):
        refusals.replaced(number, "new")
        refusals.hold_back(number, 100.0)
    assert 0 < len(refusals.troubles) <= 256
    assert not refusals.is_answered(999, "a token", 100.5)


def test_each_pause_is_twice_the_one_before_up_to_five_minutes() -> None:
    """Hazard R3."""
    driver, now = Driver(), 50.0
    for pause in PAUSES:
        assert driver.call(now)
        assert not driver.call(now + pause - 0.001)
        now += pause
    assert driver.call(now)


def test_a_thousand_calls_to_an_api_that_refuses_everything_cost_one_fetch_a_pause() -> None:
    """Hazard R3."""
    driver = Driver()
    for number in range(1000):
        driver.call(number / 1000)
    assert driver.fetches == 1


def test_a_replacement_that_is_accepted_ends_it_at_once() -> None:
    """Hazard R3: the next revocation is answered like the first."""
    driver = Driver()
    for now in (0.0, 1.0, 3.0):
        assert driver.call(now)
    driver.call(3.1, accepts=True)
    assert driver.refusals.troubles == {}
    assert driver.call(3.2), "no pause is left over"
    assert not driver.call(3.2 + 0.999)
    assert driver.call(3.2 + 1.0), "and the doubling begins anew"


def test_another_origin_that_accepts_does_not_end_it() -> None:
    """Hazard R3: one service that is well says nothing about another."""
    driver = Driver()
    driver.call(0.0)
    driver.call(0.1, OTHER, accepts=True)
    assert not driver.call(0.2)


def test_another_origin_that_refuses_is_answered() -> None:
    driver = Driver()
    driver.call(0.0)
    assert driver.call(0.1, OTHER)


def test_a_late_refusal_of_an_older_token_does_not_count_against_the_fresh_one() -> None:
    """Hazard C6."""
    refusals = Refusals()
    refusals.is_answered(API, "old", 0.0)
    refusals.replaced(API, "new")
    assert refusals.is_answered(API, "old", 0.1)
    assert refusals.is_answered(API, "older", 0.1)


def test_a_replacement_made_elsewhere_is_judged_there_only() -> None:
    refusals = Refusals()
    refusals.replaced(API, "new")
    assert refusals.is_answered(OTHER, "new", 0.0)


def test_the_same_token_again_holds_recovery_back_too() -> None:
    """Hazard R2: a token endpoint that gives out what was refused is not asked at every request."""
    refusals = Refusals()
    refusals.hold_back(API, 10.0)
    assert not refusals.is_answered(API, "the same", 10.9)
    assert refusals.is_answered(API, "the same", 11.0)


def test_what_was_replaced_in_a_pause_does_not_shorten_it() -> None:
    refusals = Refusals()
    refusals.hold_back(API, 10.0)
    refusals.hold_back(API, 11.0)
    refusals.replaced(API, "new")
    assert not refusals.is_answered(API, "another", 12.9)
    assert not refusals.is_answered(API, "new", 13.0)
    assert not refusals.is_answered(API, "new", 16.9), "the third pause is 4 s"
    assert refusals.is_answered(API, "new", 17.0)


def test_the_refusal_of_a_request_that_lost_its_token_on_the_way_is_answered() -> None:
    """Hazard S7: a redirect took it off, or a netrc's entry is there instead."""
    refusals = Refusals()
    assert refusals.is_answered(API, None, 0.0)
    assert refusals.is_answered(API, None, 0.0), "to ask changes nothing"
    assert refusals.troubles == {}


def test_it_does_not_count_against_a_fresh_token_that_was_never_shown() -> None:
    """Hazard S7."""
    refusals = Refusals()
    refusals.replaced(API, "new")
    assert refusals.is_answered(API, None, 0.0)
    assert not refusals.is_answered(API, "new", 0.0)


def test_in_a_pause_it_is_not_answered_and_does_not_make_it_longer() -> None:
    """Hazard R3: no token was fetched for it, so none is judged by it."""
    refusals = Refusals()
    refusals.hold_back(API, 10.0)
    for now in (10.0, 10.5, 10.9):
        assert not refusals.is_answered(API, None, now)
    assert refusals.is_answered(API, None, 11.0)
    assert refusals.is_answered(OTHER, None, 10.5)


def test_each_pause_is_twice_the_one_before_also_where_every_request_loses_its_token() -> None:
    """Hazard R3: what is sent again carries one, and is refused."""
    refusals, names = Refusals(), (f"token-{number}" for number in count())
    now, kept, fetches = 50.0, next(names), 0
    for pause in PAUSES:
        while refusals.is_answered(API, None, now):
            if refusals.is_answered(API, kept, now):  # the kept one is sent in its place, and refused
                kept, fetches = next(names), fetches + 1
                refusals.replaced(API, kept)
        assert not refusals.is_answered(API, None, now + pause - 0.001)
        now += pause
    assert refusals.is_answered(API, None, now)
    assert fetches == len(PAUSES)


def test_without_trouble_nothing_is_remembered() -> None:
    refusals = Refusals()
    refusals.is_answered(API, "a token", 0.0)
    refusals.accepted(API)
    refusals.accepted(OTHER)
    assert refusals.troubles == {}


@given(st.lists(st.floats(0, 100), min_size=1, max_size=300))
def test_an_api_that_always_refuses_costs_no_more_fetches_than_there_are_pauses(waits: list[float]) -> None:
    """Hazard R3: however the calls are spread."""
    driver, now = Driver(), 0.0
    for wait in waits:
        now += wait
        driver.call(now)
    most, begun = 1, 0.0
    for pause in (*PAUSES, *[PAUSE_MOST] * 200):
        begun += pause
        most += begun <= now
    assert 1 <= driver.fetches <= most


@given(st.lists(st.tuples(st.floats(0, 20), st.sampled_from([API, OTHER]), st.booleans()), max_size=100))
def test_after_any_history_an_acceptance_makes_the_next_refusal_answered(
    history: list[tuple[float, str, bool]],
) -> None:
    """Hazard R1."""
    driver, now = Driver(), 0.0
    for wait, origin, accepts in history:
        now += wait
        driver.call(now, origin, accepts=accepts)
    driver.call(now, accepts=True)
    assert driver.call(now)


@given(st.lists(st.tuples(st.floats(0, 20), st.booleans()), max_size=60))
def test_origins_do_not_meddle_with_each_other(history: list[tuple[float, bool]]) -> None:
    """What API does is the same, whether OTHER is called in between or not."""
    alone, mixed, now = Driver(), Driver(), 0.0
    for number, (wait, accepts) in enumerate(history):
        now += wait
        mixed.call(now, OTHER, accepts=number % 2 == 0)
        assert mixed.call(now, accepts=accepts) is alone.call(now, accepts=accepts)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "get", "Head"])
def test_safe_methods_are_sent_again_unless_nothing_is(method: str) -> None:
    """Hazard R5."""
    assert is_replayed("all", method)
    assert is_replayed("safe", method)
    assert not is_replayed("never", method)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "CONNECT", "QUERY", "", None])
def test_other_methods_are_sent_again_only_where_all_are(method: str | None) -> None:
    """Hazard R5."""
    assert is_replayed("all", method)
    assert not is_replayed("safe", method)
    assert not is_replayed("never", method)
