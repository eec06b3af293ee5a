"""Waiting for a fetch until it has completed, even if its thread never begins or wakes nobody."""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import pytest

from bitquery_auth import Token, TokenRequestError
from bitquery_auth._sources import single_flight
from bitquery_auth._sources.single_flight import Fetch
from bitquery_auth._threads import call_in_worker_thread
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.kit.crowd import (
    BACKENDS,
    NEVER,
    HeldSecret,
    Threads,
    async_attempt,
    attempt,
    distinct,
    each_backend,
    gather_on,
    source_with,
)
from tests.kit.waiting import until

Wait = Callable[[Fetch[str]], bool]


def in_a_task(fetch: Fetch[str], backend: str) -> bool:
    return anyio.run(fetch.wait_async, None, backend=backend)


each_wait = pytest.mark.parametrize(
    "wait",
    [
        lambda fetch: fetch.wait(None),
        *(partial(in_a_task, backend=backend) for backend in BACKENDS),
    ],
    ids=["thread", *BACKENDS],
)


@pytest.fixture
def short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let waiters look for themselves after a moment."""
    monkeypatch.setattr(single_flight, "TURN", 0.05)


# -- a fetch that runs -----------------------------------------------------------------------------


class RunningFetch:
    """A fetch that runs on one thread, while another one waits for it."""

    def __init__(self, run: Callable[[Fetch[str]], object], wait: Wait) -> None:
        self._begun, self._goes_on = threading.Event(), threading.Event()
        self.fetch = Fetch(self._work)
        self._leader = Threads([partial(run, self.fetch)])
        assert self._begun.wait(NEVER)
        self.seen: list[str | None] = []
        self._waiter = Threads([lambda: (wait(self.fetch), self.seen.append(self.fetch.result))])

    def _work(self) -> str:
        self._begun.set()
        assert self._goes_on.wait(NEVER)
        return "the token"

    def complete(self) -> None:
        """Let it complete, and wait for both threads."""
        self._goes_on.set()
        self._leader.outcomes()
        self._waiter.outcomes()


@each_wait
@pytest.mark.usefixtures("short_turns")
def test_a_waiter_whose_leader_is_interrupted_before_it_wakes_the_waiters_looks_for_itself(
    wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Fetch, "_wake_waiters", interrupted)
    running = RunningFetch(lambda fetch: attempt(fetch.run), wait)
    # The second turn of the waiter is one of a fetch that has begun.
    until(lambda: len(running.fetch._wakers) > 1)
    running.complete()
    assert running.seen == ["the token"]


@each_wait
def test_a_waiter_who_is_woken_before_the_fetch_has_completed_waits_on(wait: Wait) -> None:
    running = RunningFetch(Fetch.run, wait)
    for _ in range(2):
        until(lambda: running.fetch._wakers)
        wake = running.fetch._wakers.pop()
        wake()
        wake()  # possibly twice
    until(lambda: running.fetch._wakers)
    assert running.seen == []
    running.complete()
    assert running.seen == ["the token"]


@each_wait
def test_waiters_are_woken_as_soon_as_the_fetch_has_completed(
    wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_flight, "TURN", 3 * NEVER)
    running = RunningFetch(Fetch.run, wait)
    until(lambda: running.fetch._wakers)
    running.complete()
    assert running.seen == ["the token"]


def test_of_two_callers_who_offer_a_fetch_at_once_one_is_to_run_it() -> None:
    last: Fetch[str] = Fetch.none_yet()
    first, second = (Fetch(lambda: "the token") for _ in range(2))
    assert last.follow_with(first)
    assert not last.follow_with(second)
    assert last.latest is first


def test_who_asks_after_a_fetch_has_completed_is_told_at_once() -> None:
    fetch = Fetch(lambda: "the token")
    fetch.run()
    told: list[bool] = []
    fetch.on_completed(lambda: told.append(True))
    assert told == [True]


@pytest.mark.usefixtures("short_turns")
def test_a_caller_waits_no_longer_than_the_timeout_and_a_second(sandbox: Sandbox) -> None:
    """The resolution of a name cannot be interrupted; the fetch goes on."""
    source = source_with(sandbox, secret := HeldSecret(sandbox), timeout=0.5)
    leader = Threads([source.token])
    assert secret.reached.wait(NEVER)
    tasks = [
        partial(gather_on, backend, [partial(async_attempt, source.atoken)]) for backend in BACKENDS
    ]
    began = time.monotonic()
    by_thread, *by_tasks = Threads([source.token, *tasks]).outcomes()
    assert time.monotonic() - began < NEVER / 2
    for error in (by_thread, *by_tasks[0], *by_tasks[1]):
        assert isinstance(error, TokenRequestError)
        assert "No token within 2 s" in str(error)
        assert error.retryable
    secret.release()
    assert leader.outcomes() == [source.token()]
    assert sandbox.token_requests == 1


# -- a fetch whose thread does not begin -----------------------------------------------------------


class Starts:
    """What happens when the package starts a thread.

    Attributes:
        how: Is called in place of ``start``; by default it is `start` itself.
        kept: The threads that `keep` did not begin.
    """

    start = staticmethod(threading.Thread.start)

    def __init__(self) -> None:
        self.how: Callable[[threading.Thread], object] = self.start
        self.kept: list[threading.Thread] = []

    def keep(self, thread: threading.Thread) -> None:
        """Do not begin: the process was forked, or the machine is overloaded."""
        self.kept.append(thread)

    def fail(self, thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> Starts:
    starts = Starts()

    def start(thread: threading.Thread) -> None:
        (starts.how if thread.name.startswith("bitquery_auth") else starts.start)(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    return starts


@pytest.fixture
def refreshing(sandbox: Sandbox, clock: Clock, starts: Starts) -> Any:
    """A source whose refresh is on a thread that never begins, and whose token has expired."""
    source = sandbox.credentials()
    source.token()
    clock.advance(3400)
    starts.how = starts.keep
    source.token()
    clock.advance(200)
    return source


def test_a_fetch_that_does_not_begin_is_withdrawn_after_about_a_second(
    refreshing: Any, sandbox: Sandbox
) -> None:
    began = time.monotonic()
    assert isinstance(refreshing.token(), Token)
    assert 0.9 < time.monotonic() - began < 2
    assert sandbox.token_requests == 2


@pytest.mark.usefixtures("short_turns")
def test_a_fetch_that_does_not_begin_is_withdrawn_once_for_all_threads_that_wait(
    refreshing: Any, starts: Starts, sandbox: Sandbox
) -> None:
    """Its thread fetches nothing if it begins after all."""
    (token,) = distinct(Threads([refreshing.token] * 8).outcomes())
    starts.kept[0].run()
    assert refreshing.token().access_token == token
    assert sandbox.token_requests == 2


@each_backend
@pytest.mark.usefixtures("short_turns")
def test_tasks_start_another_thread_in_place_of_one_that_does_not_begin(
    refreshing: Any, sandbox: Sandbox, starts: Starts, backend: str
) -> None:
    starts.how = starts.start
    assert len(distinct(gather_on(backend, [refreshing.atoken] * 8))) == 1
    assert sandbox.token_requests == 2


def test_every_waiter_is_woken_by_a_withdrawal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one who came last does not wait for a turn of its own."""
    fetch: Fetch[str] = Fetch(lambda: "the token")
    monkeypatch.setattr(single_flight, "TURN", 3 * NEVER)
    last = Threads([partial(fetch.wait, None)])
    until(lambda: fetch._wakers)
    monkeypatch.setattr(single_flight, "TURN", 0.0)
    assert fetch.wait(None)
    assert last.outcomes() == [True]
    assert fetch.result is None


# -- where no thread can be started ----------------------------------------------------------------


@pytest.fixture
def blocking_is_allowed(request: pytest.FixtureRequest) -> None:
    """As in a program that exits, where blocking the event loop is all that is left."""
    request.getfixturevalue("_nothing_blocks_a_loop").deactivate()


def test_where_no_thread_can_be_started_a_refresh_is_made_at_once(
    sandbox: Sandbox, clock: Clock, starts: Starts
) -> None:
    source = sandbox.credentials()
    first = source.token()
    clock.advance(3400)
    starts.how = starts.fail
    source.token()
    assert source.token() is not first
    assert sandbox.token_requests == 2


@pytest.mark.usefixtures("blocking_is_allowed")
@each_backend
def test_where_no_thread_can_be_started_tasks_get_a_token(
    sandbox: Sandbox, starts: Starts, backend: str
) -> None:
    starts.how = starts.fail
    assert len(distinct(gather_on(backend, [sandbox.credentials().atoken] * 4))) == 1
    assert sandbox.token_requests == 1


@each_backend
def test_a_task_that_leaves_a_call_in_a_worker_thread_does_not_stop_the_call(backend: str) -> None:
    released, done = threading.Event(), threading.Event()

    def work() -> None:
        released.wait(NEVER)
        done.set()

    async def main() -> bool:
        with anyio.move_on_after(0.05) as scope:
            await call_in_worker_thread(work)
        released.set()
        return scope.cancelled_caught

    assert anyio.run(main, backend=backend)
    assert done.wait(NEVER)
