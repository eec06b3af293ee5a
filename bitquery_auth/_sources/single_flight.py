"""One fetch at a time, and everyone who waits for it: threads, asyncio tasks, trio tasks.

Theory of operation. The fetches of a source form a chain: each has at most one successor. A caller
who needs a token and finds the last fetch completed offers a new one as its successor, and
`dict.setdefault` decides in one atomic step whose it is. The winner runs it, the others wait.

There is no lock, on purpose. If KeyboardInterrupt arrives between acquiring a lock and releasing
it, every other caller hangs (on CPython 3.14.10 even ``with lock: pass`` can leave it locked).
`dict.setdefault`, `list.append` and `list.pop` are atomic with and without the global interpreter
lock. Each waiter blocks on an object of its own.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Generic, TypeVar

from bitquery_auth._threads import in_trio, run_in_thread

T = TypeVar("T")

TURN = 1.0
"""Seconds after which a waiter looks whether the fetch began, and whether it ended unannounced."""


class Fetch(Generic[T]):
    """One fetch: run once, by the caller who started it or on a thread of its own.

    Args:
        work: Does the fetch. It returns None if it was interrupted and brought no result.
        in_background: Whether nobody waits for it: a refresh while the token is valid.

    Attributes:
        in_background: As given.
        on_own_thread: Whether it runs on a thread of its own, with no caller's stack below it.
        interrupted_by: On a thread of its own: the exception that stopped it, for its caller.
        completed: Whether it ended, was interrupted, or was withdrawn before it began.
        result: What `work` returned; None if it was interrupted or withdrawn.
    """

    def __init__(self, work: Callable[[], T | None], *, in_background: bool = False) -> None:
        self._work = [work]  # taken out once: to run it, or to withdraw it
        self._wakers: list[Callable[[], object]] = []
        self._successors: dict[str, Fetch[T]] = {}
        self._thread_id: int | None = None
        self.in_background = in_background
        self.on_own_thread = False
        self.interrupted_by: BaseException | None = None
        self.completed = False
        self.result: T | None = None

    @classmethod
    def none_yet(cls) -> Fetch[T]:
        """Return the beginning of a chain: a fetch that has completed, without a result."""
        fetch = cls(lambda: None)
        fetch.completed = True
        return fetch

    # -- the chain -------------------------------------------------------------------------------

    @property
    def latest(self) -> Fetch[T]:
        """The last fetch of the chain."""
        fetch = self
        while (successor := fetch._successors.get("next")) is not None:
            fetch = successor
        return fetch

    def follow_with(self, candidate: Fetch[T]) -> bool:
        """Make a fetch the successor of this one, unless another caller was first.

        Returns:
            Whether the candidate is the successor, so that its owner must run it.
        """
        return self._successors.setdefault("next", candidate) is candidate

    # -- running it ------------------------------------------------------------------------------

    def run(self) -> None:
        """Fetch on this thread. If this thread is interrupted, the waiters wake up nevertheless."""
        try:
            if (work := self._take_work()) is not None:
                self._thread_id = threading.get_ident()
                self.result = work()
        except BaseException as error:
            if not self.on_own_thread:
                raise
            self.interrupted_by = error  # nobody's stack is below: its caller raises it
        finally:
            # First of all, because KeyboardInterrupt can be raised on entry to any call.
            self.completed = True
            self._thread_id = None
            self._wake_waiters()

    def start(self) -> None:
        """Fetch on a thread of its own, with the context variables of the caller."""
        self.on_own_thread = True
        run_in_thread(self.run)

    @property
    def runs_on_this_thread(self) -> bool:
        """Whether this thread's own stack is inside the fetch."""
        return self._thread_id == threading.get_ident()

    # -- waiting for it --------------------------------------------------------------------------

    def wait(self, seconds: float | None) -> bool:
        """Block until it has completed.

        Args:
            seconds: The longest wait, in whole turns of a second that this process was running;
                None for no limit.

        Returns:
            Whether it has completed.
        """
        for _ in _turns(seconds):
            if self.completed:
                break
            self._wait_one_turn()
            self._withdraw_unless_begun()
        return self.completed

    async def wait_async(self, seconds: float | None) -> bool:
        """Wait as `wait` does, without blocking the event loop. Cancelling ends only this wait."""
        for _ in _turns(seconds):
            if self.completed:
                break
            await (_wait_one_turn_in_trio if in_trio() else _wait_one_turn_in_asyncio)(self)
            self._withdraw_unless_begun()
        return self.completed

    def on_completed(self, wake: Callable[[], object]) -> None:
        """Call a function when it has completed: on any thread, possibly twice."""
        self._wakers.append(wake)
        if self.completed:
            wake()

    def _wait_one_turn(self) -> None:
        # A bare lock is released in one step. An Event has a lock inside, which an interrupt of the
        # thread that sets it could leave locked.
        completed = threading.Lock()
        completed.acquire()

        def wake() -> None:
            with suppress(RuntimeError):  # released twice
                completed.release()

        self.on_completed(wake)
        completed.acquire(timeout=TURN)

    def _withdraw_unless_begun(self) -> None:
        """Give up a fetch whose thread has not begun within a turn, or never will."""
        if self._take_work() is not None:
            self.completed = True
            self._wake_waiters()

    def _take_work(self) -> Callable[[], T | None] | None:
        try:
            return self._work.pop()
        except IndexError:
            return None

    def _wake_waiters(self) -> None:
        while self._wakers:
            with suppress(IndexError):  # another thread wakes them, too
                self._wakers.pop()()


def _turns(seconds: float | None) -> Iterable[int]:
    # Counted, not read from a clock: time in which the process was frozen is one turn.
    return itertools.count() if seconds is None else range(math.ceil(seconds / TURN))


async def _wait_one_turn_in_asyncio(fetch: Fetch[T]) -> None:
    import asyncio  # noqa: PLC0415 - loaded already by those who run it

    loop = asyncio.get_running_loop()
    completed = asyncio.Event()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop was closed, so nobody waits there
            loop.call_soon_threadsafe(completed.set)

    fetch.on_completed(wake)
    with suppress(TimeoutError):
        async with asyncio.timeout(TURN):
            await completed.wait()


async def _wait_one_turn_in_trio(fetch: Fetch[T]) -> None:
    import trio  # noqa: PLC0415 - loaded already by those who run it

    token = trio.lowlevel.current_trio_token()
    completed = trio.Event()

    def wake() -> None:
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(completed.set)

    fetch.on_completed(wake)
    with trio.move_on_after(TURN):
        await completed.wait()
