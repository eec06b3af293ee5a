"""A process that waits for the lock of a store looks for the token itself."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from bitquery_auth import Token
from bitquery_auth.sandbox import Sandbox
from tests.kit.waiting import until
from tests.stores.conftest import Log, Place
from tests.stores.memory import MemoryStore, WatchedStore

TOKEN = Token("stored", expires_at=datetime.now(UTC) + timedelta(hours=1))


def test_a_waiting_process_leaves_as_soon_as_the_token_is_there(
    place: Place, live_sandbox: Sandbox
) -> None:
    """The lock is held all the time."""
    store = WatchedStore(place.store)
    source = live_sandbox.credentials(store=store)
    with place.another().lock("k", 0), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(source.token)
        until(lambda: store.calls.count("lock") > 1)
        place.another().set("k", TOKEN)
        assert waiting.result(timeout=5) == TOKEN
    assert live_sandbox.token_requests == 0
    assert "unlock" not in store.calls


@pytest.mark.parametrize("has_rejected_one", [True, False])
def test_a_waiting_process_fetches_if_the_others_leave_without_a_new_token(
    place: Place, live_sandbox: Sandbox, *, has_rejected_one: bool
) -> None:
    store = WatchedStore(place.store)
    source = live_sandbox.credentials(store=store)
    rejected = source.token() if has_rejected_one else None
    source.discard(rejected or "")
    store.calls.clear()
    with ThreadPoolExecutor(1) as pool:
        with place.another().lock("k", 0):
            waiting = pool.submit(source.token)
            until(lambda: store.calls.count("lock") > 1)
        assert waiting.result(timeout=5) == place.store.get("k") != rejected
    assert live_sandbox.token_requests == 1 + has_rejected_one


def test_a_hundred_processes_cost_one_request_and_leave_without_the_lock(
    place: Place, live_sandbox: Sandbox, log: Log
) -> None:
    """Hazards P3, C1."""
    live_sandbox.delay = 0.5
    stores = [WatchedStore(place.another()) for _ in range(100)]
    sources = [live_sandbox.credentials(store=store) for store in stores]
    with ThreadPoolExecutor(100) as pool:
        tokens = set(pool.map(lambda source: source.token(), sources))
    assert (len(tokens), live_sandbox.token_requests) == (1, 1)
    assert log(logging.WARNING) == []
    assert sum("unlock" in store.calls for store in stores) < 20


@pytest.mark.matrix
def test_a_fleet_of_500_costs_one_token_for_each_lifetime_and_nobody_waits(
    place: Place, live_sandbox: Sandbox, log: Log
) -> None:
    """Tokens of 6 seconds are renewed after some 3.5 of them: four or five tokens in 14 seconds."""
    live_sandbox.lifetime, live_sandbox.delay = 6, 0.3
    sources = [live_sandbox.credentials(store=place.another()) for _ in range(500)]
    with ThreadPoolExecutor(500) as pool:
        list(pool.map(lambda source: source.token(), sources))
        end = time.monotonic() + 14

        def longest_call(number: int) -> tuple[float, float]:
            """Return how long calls took, and pauses beyond what was meant, on a busy machine."""
            call = oversleep = 0.0
            pause = 0.1 + number % 10 / 50
            while (began := time.monotonic()) < end:
                sources[number].token()
                called = time.monotonic()
                time.sleep(pause)
                call = max(call, called - began)
                oversleep = max(oversleep, time.monotonic() - called - pause)
            return call, oversleep

        calls, oversleeps = zip(*pool.map(longest_call, range(500)), strict=True)
        assert max(calls) < 1 + max(oversleeps)
    assert live_sandbox.token_requests <= 5
    assert log(logging.WARNING) == []


def test_a_slow_store_holds_up_neither_other_credentials_nor_for_long_its_own(
    live_sandbox: Sandbox,
) -> None:
    """Hazard C3: threads that want the same token call their stores in turn, up to a second."""
    reached, go = threading.Event(), threading.Event()

    def wait() -> None:
        reached.set()
        assert go.wait(20)

    slow = live_sandbox.credentials(store=WatchedStore(get=wait))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(slow.token)
        assert reached.wait(20)
        for scope, longest in (("other", 0.9), ("api", 4)):
            live_sandbox.allowed_scopes = (scope,)
            began = time.monotonic()
            assert live_sandbox.credentials(store=MemoryStore(), scope=scope).token()
            assert time.monotonic() - began < longest
        go.set()
        waiting.result(timeout=20)
