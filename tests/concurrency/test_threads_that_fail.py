"""A fetch is handed to a thread that never begins, or that cannot be started at all."""

import asyncio
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from bitquery_auth import Token
from bitquery_auth._flight import Flight, call_in_thread
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.concurrency.crowd import BACKENDS, NEVER, Boarding, Threads, gather_on

OURS = "bitquery_auth"


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[threading.Thread], None] | None], None]:
    """Say what becomes of the package's threads when they are started; None: what always does."""
    real = threading.Thread.start
    instead: list[Callable[[threading.Thread], None] | None] = [None]

    def started(thread: threading.Thread) -> None:
        if instead[0] is not None and thread.name.startswith(OURS):
            instead[0](thread)
        else:
            real(thread)

    monkeypatch.setattr(threading.Thread, "start", started)

    def use(how: Callable[[threading.Thread], None] | None) -> None:
        instead[0] = how

    return use


@pytest.fixture
def blocking_is_allowed(request: pytest.FixtureRequest) -> None:
    """As in an exiting program, where blocking the loop is all that is left."""
    request.getfixturevalue("_nothing_blocks_a_loop").deactivate()


def never(thread: threading.Thread) -> None:
    """Begin at no time: a fork, a debugger, a machine out of breath."""


def impossible(thread: threading.Thread) -> None:
    msg = "can't start new thread"
    raise RuntimeError(msg)


@pytest.fixture
def renewing(sandbox: Sandbox, clock: Clock, start: Callable[..., None]) -> Any:
    """A source whose renewal was handed to a thread that never begins, and whose token has ended since."""
    source = sandbox.credentials()
    source.token()
    clock.advance(3400)
    start(never)
    source.token()
    clock.advance(200)
    return source


def test_a_fetch_that_never_begins_is_withdrawn_within_about_a_second(renewing: Any, sandbox: Sandbox) -> None:
    began = time.monotonic()
    assert isinstance(renewing.token(), Token)
    assert 0.9 < time.monotonic() - began < 2.0
    assert sandbox.token_requests == 2


def test_it_is_withdrawn_once_for_all_who_wait(
    renewing: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bitquery_auth._flight.BEGIN_WITHIN", 0.1)
    boarding = Boarding(renewing)
    threads = Threads([renewing.token] * 8)
    boarding.wait_for(8)
    assert len({token.access_token for token in threads.outcomes()}) == 1
    assert sandbox.token_requests == 2


def test_all_who_wait_hear_of_a_withdrawal_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever came last does not wait its own second as well."""
    flight = Flight(lambda: None)
    waiting = threading.Event()

    def wait() -> None:
        waiting.set()
        flight.wait()

    monkeypatch.setattr("bitquery_auth._flight.BEGIN_WITHIN", 3 * NEVER)
    last = Threads([wait])
    assert waiting.wait(NEVER)
    monkeypatch.setattr("bitquery_auth._flight.BEGIN_WITHIN", 0.0)
    flight.wait()
    assert last.outcomes() == [None]


@pytest.mark.parametrize("backend", BACKENDS)
def test_tasks_hand_it_to_another_thread(
    renewing: Any, sandbox: Sandbox, start: Callable[..., None], backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bitquery_auth._flight.BEGIN_WITHIN", 0.1)
    start(None)
    assert len({token.access_token for token in gather_on(backend, [renewing.atoken] * 8)}) == 1
    assert sandbox.token_requests == 2


def test_a_thread_that_begins_too_late_fetches_nothing(
    sandbox: Sandbox, clock: Clock, start: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bitquery_auth._flight.BEGIN_WITHIN", 0.1)
    late: list[threading.Thread] = []
    source = sandbox.credentials()
    source.token()
    clock.advance(3400)
    start(late.append)
    source.token()
    clock.advance(200)
    token = source.token()
    late[0].run()
    assert source.token() is token
    assert sandbox.token_requests == 2


def test_where_no_thread_can_be_started_a_renewal_is_made_at_once(
    sandbox: Sandbox, clock: Clock, start: Callable[..., None]
) -> None:
    source = sandbox.credentials()
    old = source.token()
    clock.advance(3400)
    start(impossible)
    source.token()
    assert source.token() is not old
    assert sandbox.token_requests == 2


@pytest.mark.usefixtures("blocking_is_allowed")
@pytest.mark.parametrize("backend", BACKENDS)
def test_where_no_thread_can_be_started_tasks_still_get_a_token(
    sandbox: Sandbox, start: Callable[..., None], backend: str
) -> None:
    start(impossible)
    source = sandbox.credentials()
    assert len({token.access_token for token in gather_on(backend, [source.atoken] * 4)}) == 1
    assert sandbox.token_requests == 1


@pytest.mark.usefixtures("blocking_is_allowed")
@pytest.mark.parametrize("backend", BACKENDS)
def test_where_no_thread_can_be_started_a_source_of_ones_own_is_still_called(
    start: Callable[..., None], backend: str
) -> None:
    start(impossible)
    assert gather_on(backend, [partial(call_in_thread, lambda: "token")]) == ["token"]


def test_a_task_that_leaves_a_call_in_a_thread_does_not_stop_it() -> None:
    """Hazard A4: a cancelled caller leaves the work running, and its outcome goes nowhere."""
    release, done = threading.Event(), threading.Event()

    def work() -> None:
        release.wait(NEVER)
        done.set()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call_in_thread(work), 0.05)

    asyncio.run(main())
    release.set()
    assert done.wait(NEVER)
