"""Who waits for a fetch waits until it has landed: no longer where nobody tells, no shorter where told for nothing."""

import threading
from collections.abc import Callable
from functools import partial

import anyio
import pytest

from bitquery_auth import _flight
from bitquery_auth._flight import Flight
from tests.behaviour.conftest import until
from tests.concurrency.crowd import BACKENDS, NEVER

Wait = Callable[[Flight], None]


def in_a_task(flight: Flight, backend: str) -> None:
    anyio.run(flight.await_, backend=backend)


every_wait = pytest.mark.parametrize(
    "wait",
    [Flight.wait, *(partial(in_a_task, backend=backend) for backend in BACKENDS)],
    ids=["in a thread", *BACKENDS],
)


@every_wait
def test_who_waits_for_a_fetch_whose_leader_tells_nobody_looks_for_himself(
    wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard A4: a Ctrl-C hits the leader just as it is about to tell the waiters."""
    monkeypatch.setattr(_flight, "BEGIN_WITHIN", 0.05)
    monkeypatch.setattr(_flight, "LOOK_EVERY", 0.05)

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_flight.Landing, "happen", interrupted)

    def run(flight: Flight) -> None:
        with pytest.raises(KeyboardInterrupt):
            flight.run()

    # The second look is at a fetch that has begun.
    lead_one_and_wait(run, wait, lambda flight: until(lambda: len(flight._landing._waiters) > 1))


@every_wait
def test_who_is_woken_before_the_fetch_has_landed_waits_on(wait: Wait) -> None:
    def wake_twice(flight: Flight) -> None:
        for _ in range(2):
            until(lambda: bool(flight._landing._waiters))
            flight._landing._waiters.pop()()
        until(lambda: bool(flight._landing._waiters))

    lead_one_and_wait(Flight.run, wait, wake_twice)


def lead_one_and_wait(run: Callable[[Flight], None], wait: Wait, meanwhile: Callable[[Flight], None]) -> None:
    """Run a fetch on one thread and wait for it on another; it ends when `meanwhile` has been called."""
    begun, goes_on = threading.Event(), threading.Event()

    def fetch() -> str:
        begun.set()
        goes_on.wait(NEVER)
        return "the outcome"

    flight = Flight(fetch)
    seen = []
    leader = threading.Thread(target=run, args=(flight,))
    waiter = threading.Thread(target=lambda: (wait(flight), seen.append(flight.outcome)), daemon=True)
    leader.start()
    assert begun.wait(NEVER)
    waiter.start()
    try:
        meanwhile(flight)
        assert not seen
    finally:
        goes_on.set()
    for thread in (leader, waiter):
        thread.join(NEVER)
    assert (leader.is_alive(), waiter.is_alive(), seen) == (False, False, ["the outcome"])
