"""A Ctrl-C that hits a leader just as it is about to tell the waiters that its fetch has landed: they find out."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from bitquery_auth import _flight
from bitquery_auth._flight import Flight
from tests.behaviour.conftest import until


def by_a_thread(flight: Flight) -> None:
    flight.wait()


def by_a_task(flight: Flight) -> None:
    asyncio.run(flight.await_())


@pytest.mark.parametrize("wait", [by_a_thread, by_a_task])
def test_who_waits_for_a_fetch_whose_leader_tells_nobody_looks_for_himself(
    wait: Callable[[Flight], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard A4."""
    monkeypatch.setattr(_flight, "BEGIN_WITHIN", 0.05)
    monkeypatch.setattr(_flight, "LOOK_EVERY", 0.05)
    begun, goes_on = threading.Event(), threading.Event()

    def fetch() -> str:
        begun.set()
        goes_on.wait(20)
        return "the outcome"

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_flight.Landing, "happen", interrupted)
    flight = Flight(fetch)
    ended = []

    def lead() -> None:
        with pytest.raises(KeyboardInterrupt):
            flight.run()
        ended.append("leader")

    leader = threading.Thread(target=lead)
    leader.start()
    assert begun.wait(20)
    waiter = threading.Thread(target=wait, args=(flight,), daemon=True)
    waiter.start()
    until(lambda: len(flight._landing._waiters) > 1)  # it has found that the fetch has begun, and waits on
    goes_on.set()
    for thread in (leader, waiter):
        thread.join(20)
    assert (ended, waiter.is_alive(), flight.outcome) == (["leader"], False, "the outcome")
