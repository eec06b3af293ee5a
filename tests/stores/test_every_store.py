"""What every store does: one list of behaviours for all of them."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from bitquery_auth import Token, TokenStore
from tests.kit.clock import Clock
from tests.stores.conftest import Place


@pytest.fixture(autouse=True)
def _by_the_clock(clock: Clock) -> None:
    """Time stands still."""


def expiring_in(seconds: float, clock: Clock, name: str = "first") -> Token:
    expires_at = datetime.fromtimestamp(clock.time() + seconds, UTC)
    return Token(name, scope="api other", expires_at=expires_at)


def test_a_token_reaches_another_process_whole_under_its_key_alone(
    place: Place, clock: Clock
) -> None:
    for token in (expiring_in(100.123456, clock), Token("endless", token_type="bearer")):
        place.store.set("k", token)
        assert place.another().get("k") == token
    assert place.store.get("other") is None


def test_a_token_expires_in_the_store_as_anywhere_else(place: Place, clock: Clock) -> None:
    """Hazard E9: what is stored is when it expires, not how long it was valid."""
    place.store.set("k", expiring_in(100, clock))
    clock.advance(100)
    assert place.another().get("k") is None


def test_a_token_is_discarded(place: Place, clock: Clock) -> None:
    place.store.set("k", expiring_in(100, clock))
    for _ in range(2):
        place.another().discard("k", "first")
        assert place.store.get("k") is None


def test_a_late_discard_leaves_the_successor(place: Place, clock: Clock) -> None:
    """Hazard C6."""
    place.store.set("k", expiring_in(100, clock, "second"))
    place.another().discard("k", "first")
    assert place.store.get("k") == expiring_in(100, clock, "second")


@pytest.mark.parametrize("timeout", [0, 0.05])
def test_waiting_for_a_lock_ends_with_a_timeout(place: Place, timeout: float) -> None:
    lock = place.another().lock("k", timeout)
    with place.store.lock("k", 20), pytest.raises(TimeoutError):
        lock.__enter__()


def test_a_lock_keeps_nobody_from_another_key_or_from_the_token(place: Place, clock: Clock) -> None:
    with place.store.lock("k", 0), place.another().lock("other", 0):
        place.another().set("k", expiring_in(100, clock))
        assert place.another().get("k") is not None


def test_a_lock_is_released_when_its_holder_fails(place: Place) -> None:
    with pytest.raises(ZeroDivisionError), place.store.lock("k", 0):
        raise ZeroDivisionError
    with place.another().lock("k", 0):
        pass


def test_one_thread_at_a_time_holds_a_lock(place: Place) -> None:
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
    tokens = [expiring_in(100, clock, letter * 4000) for letter in "ab"]
    place.store.set("k", tokens[0])

    def write(turn: int) -> None:
        place.store.set("k", tokens[turn % 2])

    with ThreadPoolExecutor(2) as pool:
        writing = pool.map(write, range(100))
        seen = [place.store.get("k") for _ in range(200)]
        list(writing)
    assert all(each in tokens for each in seen)


def test_a_pickled_store_leads_to_the_same_tokens(place: Place, clock: Clock) -> None:
    """Hazard P1."""
    place.store.set("k", expiring_in(100, clock, "sentinel"))
    place.store.get("k")
    pickled = pickle.dumps(place.store)
    assert b"sentinel" not in pickled
    copy: TokenStore = pickle.loads(pickled)
    assert copy.get("k") == expiring_in(100, clock, "sentinel")


def entry(**members: str) -> bytes:
    """Return an entry in which some members have another value, written as JSON."""
    valid = {
        "bitquery_auth": "1",
        "access_token": '"t"',
        "token_type": '"Bearer"',
        "scope": "null",
        "expires_at": "null",
    }
    pairs = [f'"{name}": {value}' for name, value in (valid | members).items() if value]
    return f"{{{', '.join(pairs)}}}".encode()


@pytest.mark.parametrize(
    "corrupt",
    [
        b"",
        b"\xff\xfe{}",
        b"[]",
        entry()[:-1],
        entry(bitquery_auth="2"),
        entry(access_token='"a\\nb"'),
        entry(token_type="null"),
        entry(scope="[]"),
        entry(expires_at='"soon"'),
        entry(expires_at='"2030-01-01T00:00:00"'),
        entry(expires_at="5"),
        entry(expires_at=""),
        b"[" * 100_000,
        pickle.dumps(Token("pickled")),
    ],
    ids=lambda corrupt: repr(corrupt[:100]),
)
def test_a_corrupt_entry_is_a_value_error_and_can_be_replaced(
    place: Place, clock: Clock, corrupt: bytes
) -> None:
    """Hazard P4: each is rejected for the one member that it has wrong."""
    place.plant("k", entry())
    assert place.store.get("k") == Token("t")
    place.plant("k", corrupt)
    with pytest.raises(ValueError, match="not a token that this version of bitquery_auth wrote"):
        place.store.get("k")
    place.store.set("k", expiring_in(100, clock))
    assert place.store.get("k") == expiring_in(100, clock)
