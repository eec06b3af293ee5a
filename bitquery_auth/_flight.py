"""One fetch, and everyone who waits for it: on any thread, on any event loop of asyncio or trio."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from typing import Any, TypeVar

T = TypeVar("T")

BEGIN_WITHIN = 1.0
"""Seconds until a fetch that was handed to a thread must have begun; then a waiter withdraws it."""

LOOK_EVERY = 1.0
"""Seconds after which whoever waits for a fetch looks whether it has landed without being told."""


class Landing:
    """Something that happens once, and who waits for it.

    Nothing is locked that those who wait and whoever lands share: a Ctrl-C between any two steps of one
    of them would leave it locked for the others. Lists append and pop in one step.
    """

    __slots__ = ("_waiters", "happened")

    def __init__(self) -> None:
        self.happened = False
        self._waiters: list[Callable[[], None]] = []

    def tell(self, waiter: Callable[[], None]) -> None:
        """Call a function when it happens, or now if it has; maybe twice, on any thread."""
        self._waiters.append(waiter)
        if self.happened:
            waiter()

    def happen(self) -> None:
        """Tell everyone."""
        self.happened = True
        while self._waiters:
            with suppress(IndexError):  # somebody else lands it, too
                self._waiters.pop()()

    def wait(self, limit: float) -> None:
        """Block until it happens, but no longer than so many seconds."""
        landed = threading.Lock()
        landed.acquire()

        def wake() -> None:
            with suppress(RuntimeError):  # told twice
                landed.release()

        self.tell(wake)
        landed.acquire(timeout=limit)


class Flight:
    """One fetch: run once, by whoever leads it; the others wait until it has landed.

    Args:
        fetch: Does the work and notes its outcome; what it returns is given to the waiters.

    Attributes:
        is_detached: Whether it runs on a thread of its own, where nobody sees what stops it.
        outcome: What the fetch returned; None if it was withdrawn, or its leader interrupted.
    """

    __slots__ = ("_fetch", "_landing", "_leader", "_ticket", "is_detached", "outcome")

    def __init__(self, fetch: Callable[[], Any]) -> None:
        self._fetch = fetch
        self._landing = Landing()
        self._leader: int | None = None
        self._ticket = [True]
        self.is_detached = False
        self.outcome: Any = None

    def run(self) -> None:
        """Fetch on this thread, unless the fetch was withdrawn. What stops the leader does not stop the waiters."""
        try:
            if self._take_ticket():
                self._leader = threading.get_ident()
                self.outcome = self._fetch()
        finally:
            self._leader = None
            self._landing.happened = True  # before any call, at whose beginning a Ctrl-C may end this
            self._landing.happen()

    def run_in_thread(self) -> None:
        """Fetch on a thread of its own."""
        self.is_detached = True
        run_in_thread(self.run)

    @property
    def led_by_this_thread(self) -> bool:
        """Whether the fetch is being made further up on this thread's own stack."""
        return self._leader == threading.get_ident()

    def wait(self) -> None:
        """Wait until the fetch has landed, or withdraw it where it does not begin."""
        self._landing.wait(BEGIN_WITHIN)
        self._withdraw()
        while not self._landing.happened:  # a Ctrl-C may have kept whoever landed from telling everyone
            self._landing.wait(LOOK_EVERY)

    async def await_(self) -> None:
        """Wait as `wait` does, without blocking the event loop."""
        await _wait(self._landing, BEGIN_WITHIN)
        self._withdraw()
        while not self._landing.happened:  # as above
            await _wait(self._landing, LOOK_EVERY)

    def _withdraw(self) -> None:
        if self._take_ticket():
            self._landing.happen()

    def _take_ticket(self) -> bool:
        """Take the one ticket there is, to begin the fetch or to withdraw it: in one step, as `list.pop` is."""
        try:
            return self._ticket.pop()
        except IndexError:
            return False


def run_in_thread(work: Callable[[], None]) -> None:
    """Run on a thread of its own, with the caller's context variables. An exiting program does not wait for it.

    Where the interpreter starts no more threads, it is run on this one.
    """
    try:
        threading.Thread(target=copy_context().run, args=(work,), name="bitquery_auth", daemon=True).start()
    except RuntimeError:
        work()


async def call_in_thread(work: Callable[[], T]) -> T:
    """Call a function on a thread of its own, without blocking the event loop. A cancelled caller leaves it running."""
    landing, result = Landing(), Future[T]()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
            result.set_exception(error)
        landing.happen()

    run_in_thread(run)
    await _wait(landing, None)
    return result.result()


async def _wait(landing: Landing, limit: float | None) -> None:
    await (_wait_in_trio if _in_trio() else _wait_in_asyncio)(landing, limit)


def _in_trio() -> bool:
    lowlevel = sys.modules.get("trio.lowlevel")
    try:
        return lowlevel is not None and lowlevel.current_task() is not None
    except (RuntimeError, AttributeError):  # it runs nothing here; another thread is importing it
        return False


async def _wait_in_asyncio(landing: Landing, limit: float | None) -> None:
    import asyncio  # noqa: PLC0415 - as trio below: whoever waits here has it

    loop = asyncio.get_running_loop()
    landed = asyncio.Event()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits there any more
            loop.call_soon_threadsafe(landed.set)

    landing.tell(wake)
    with suppress(TimeoutError):
        async with asyncio.timeout(limit):
            await landed.wait()


async def _wait_in_trio(landing: Landing, limit: float | None) -> None:
    import trio  # noqa: PLC0415 - whoever waits here has it

    token = trio.lowlevel.current_trio_token()
    landed = trio.Event()

    def wake() -> None:
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(landed.set)

    landing.tell(wake)
    with trio.move_on_after(float("inf") if limit is None else limit):
        await landed.wait()
