"""What a store is to its users: one list of behaviours, for each of them."""

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from bitquery_auth import Token, TokenStore
from tests.kit.clock import Clock
from tests.stores.conftest import LASTING, Place

lasting = pytest.mark.parametrize("place", LASTING, indirect=True)


@pytest.fixture(autouse=True)
def _by_the_clock(clock: Clock) -> None:
    """Time stands still."""


def ending_in(seconds: float, clock: Clock, name: str = "first") -> Token:
    return Token(name, scope="api other", expires_at=datetime.fromtimestamp(clock.time() + seconds, UTC))


def test_it_is_a_token_store(place: Place) -> None:
    assert isinstance(place.store, TokenStore)


def test_nothing_is_kept_at_first(place: Place) -> None:
    assert place.store.get("k") is None


def test_what_one_process_keeps_another_gets_whole(place: Place, clock: Clock) -> None:
    token = ending_in(100.123456, clock)
    place.store.set("k", token)
    assert place.another().get("k") == token


def test_a_token_that_ends_at_no_known_time_is_kept(place: Place) -> None:
    token = Token("endless", token_type="bearer")
    place.store.set("k", token)
    assert place.another().get("k") == token


def test_keys_do_not_share(place: Place, clock: Clock) -> None:
    place.store.set("k", ending_in(100, clock))
    assert place.store.get("other") is None


def test_a_later_token_takes_the_place(place: Place, clock: Clock) -> None:
    place.store.set("k", ending_in(100, clock))
    place.store.set("k", ending_in(200, clock, "second"))
    assert place.store.get("k") == ending_in(200, clock, "second")


def test_an_expired_token_stays_expired_after_the_round_trip(place: Place, clock: Clock) -> None:
    """Hazard E9: the end of a token is a time of day, not a lifetime that begins anew."""
    place.store.set("k", ending_in(100, clock))
    clock.advance(100)
    assert place.another().get("k") is None


@pytest.mark.parametrize("place", ["file", "memory"], indirect=True)
def test_an_expired_token_is_removed_when_it_is_met(place: Place, clock: Clock) -> None:
    place.store.set("k", ending_in(100, clock, "expired"))
    clock.advance(100)
    place.store.get("k")
    assert b"expired" not in place.contents()


def test_an_expired_token_is_not_removed_while_another_process_fetches(place: Place, clock: Clock) -> None:
    """What is removed just then might be the new one."""
    place.store.set("k", ending_in(100, clock, "expired"))
    clock.advance(100)
    with place.another().lock("k", 5):
        assert place.store.get("k") is None


def test_a_token_is_discarded(place: Place, clock: Clock) -> None:
    place.store.set("k", ending_in(100, clock))
    place.another().discard("k", "first")
    assert place.store.get("k") is None


def test_a_late_discard_leaves_the_successor_alone(place: Place, clock: Clock) -> None:
    """Hazard C6: compare, then delete."""
    place.store.set("k", ending_in(100, clock, "second"))
    place.another().discard("k", "first")
    assert place.store.get("k") == ending_in(100, clock, "second")


def test_discarding_from_an_empty_store_does_nothing(place: Place) -> None:
    place.store.discard("k", "first")
    assert place.store.get("k") is None


def test_a_lock_keeps_another_out_until_it_is_free(place: Place) -> None:
    order: list[str] = []
    waiting = threading.Event()

    def wait_for_it() -> None:
        waiting.set()
        with place.another().lock("k", 20):
            order.append("second")

    waiter = threading.Thread(target=wait_for_it)
    with place.store.lock("k", 20):
        waiter.start()
        waiting.wait()
        order.append("first")
    waiter.join()
    assert order == ["first", "second"]


def test_waiting_for_a_lock_ends_with_a_timeout(place: Place) -> None:
    lock = place.another().lock("k", 0.05)
    with place.store.lock("k", 20), pytest.raises(TimeoutError):
        lock.__enter__()


def test_locks_of_two_keys_are_two(place: Place) -> None:
    with place.store.lock("k", 5), place.another().lock("other", 0.5):
        pass


def test_a_lock_is_free_after_its_holder_failed(place: Place) -> None:
    with pytest.raises(ZeroDivisionError), place.store.lock("k", 5):
        raise ZeroDivisionError
    with place.another().lock("k", 0.5):
        pass


def test_reading_and_writing_go_on_under_a_lock(place: Place, clock: Clock) -> None:
    with place.another().lock("k", 5):
        place.store.set("k", ending_in(100, clock))
        assert place.store.get("k") is not None


def test_one_thread_at_a_time_holds_the_lock(place: Place) -> None:
    """Eight threads add to a number, each reading it first: no addition is lost."""
    number = [0]

    def add(_: int) -> None:
        with place.store.lock("k", 20):
            seen = number[0]
            place.store.get("k")
            number[0] = seen + 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(24)))
    assert number == [24]


def test_readers_never_see_half_a_token(place: Place, clock: Clock) -> None:
    tokens = [ending_in(100, clock, letter * 4000) for letter in "ab"]
    place.store.set("k", tokens[0])

    def write(turn: int) -> None:
        place.store.set("k", tokens[turn % 2])

    with ThreadPoolExecutor(2) as pool:
        writing = pool.map(write, range(100))
        seen = [place.store.get("k") for _ in range(200)]
        list(writing)
    assert all(each in tokens for each in seen)


@lasting
def test_a_pickle_of_it_is_the_same_place(place: Place, clock: Clock) -> None:
    """Hazard P1."""
    place.store.set("k", ending_in(100, clock))
    copy: TokenStore = pickle.loads(place.pickled)
    assert copy.get("k") == ending_in(100, clock)


@lasting
def test_a_pickle_of_it_holds_no_token(place: Place, clock: Clock) -> None:
    place.store.set("k", ending_in(100, clock, "sentinel"))
    place.store.get("k")
    assert b"sentinel" not in place.pickled


@lasting
@pytest.mark.parametrize(
    "planted",
    [
        b"",
        b"\0",
        b"\xff\xfe{}",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"access_token": "t"}',
        b'{"bitquery_auth": 2, "access_token": "t", "token_type": "Bearer", "scope": null, "expires_at": null}',
        b'{"bitquery_auth": true, "access_token": "t", "token_type": "Bearer", "scope": null, "expires_at": null}',
        b'{"bitquery_auth": 1, "access_token": 5, "token_type": "Bearer", "scope": null, "expires_at": null}',
        b'{"bitquery_auth": 1, "access_token": "a\\nb", "token_type": "Bearer", "scope": null, "expires_at": null}',
        b'{"bitquery_auth": 1, "access_token": "t", "token_type": null, "scope": null, "expires_at": null}',
        b'{"bitquery_auth": 1, "access_token": "t", "token_type": "Bearer", "scope": [], "expires_at": null}',
        b'{"bitquery_auth": 1, "access_token": "t", "token_type": "Bearer", "scope": null, "expires_at": "soon"}',
        b'{"bitquery_auth": 1, "access_token": "t", "token_type": "Bearer", "scope": null, "expires_at": true}',
        b'{"bitquery_auth": 1, "access_token": "t", "token_type": "Bearer", "scope": null, "expires_at": NaN}',
        b'{"bitquery_auth": 1, "access_token": "t", "token_type": "Bearer", "scope": null, "expires_at": 1e400}',
        b'{"bitquery_auth": 1, "access_token": "t", "token_type": "Bearer", "scope": null, "expires_at": 1e15}',
        b'{"bitquery_auth": 1, "access_token": "t", "token_type": "Bearer", "scope": null}',
        b'{"bitquery_auth": 1, "access_token": "t", "token_type": "Bearer", "scope": null, "expires_at": null',
        b"[" * 100_000,
        pickle.dumps(Token("pickled")),
    ],
    ids=lambda planted: repr(planted[:40]) + str(len(planted)),
)
def test_what_is_no_token_of_ours_is_refused_and_can_be_replaced(place: Place, clock: Clock, planted: bytes) -> None:
    """Hazard P4: corrupt, foreign, cut off, of another schema. A ValueError, which a source takes as a miss."""
    place.plant("k", planted)
    with pytest.raises(ValueError, match="no token that this version wrote"):
        place.store.get("k")
    place.store.set("k", ending_in(100, clock))
    assert place.store.get("k") == ending_in(100, clock)
