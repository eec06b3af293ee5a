"""One fetch, and everyone who waits for it: on any thread, on any event loop of asyncio or trio."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

BEGIN_WITHIN = 1.0
"""Seconds until a fetch that was handed to a thread must have begun; then a waiter withdraws it."""


class Flight:
    """One fetch: run once, by whoever leads it; the others wait until it has landed.

    Args:
        fetch: Does the work and notes its outcome; what it returns is given to the waiters.

    Its state is the future's: pending until it begins, running, then done; cancelled when it was
    withdrawn before it began.

    Attributes:
        is_detached: Whether it runs on a thread of its own, where nobody sees what stops it.
    """

    __slots__ = ("_fetch", "_future", "_leader", "is_detached")

    def __init__(self, fetch: Callable[[], Any]) -> None:
        self._fetch = fetch
        self._future: Future[Any] = Future()
        self._leader: int | None = None
        self.is_detached = False

    def run(self) -> None:
        """Fetch on this thread, unless the fetch was withdrawn. What stops the leader does not stop the waiters."""
        if not self._future.set_running_or_notify_cancel():
            return
        self._leader = threading.get_ident()
        outcome = None
        try:
            outcome = self._fetch()
        finally:
            self._leader = None
            self._future.set_result(outcome)

    def run_in_thread(self) -> None:
        """Fetch on a thread of its own."""
        self.is_detached = True
        run_in_thread(self.run)

    @property
    def led_by_this_thread(self) -> bool:
        """Whether the fetch is being made further up on this thread's own stack."""
        return self._leader == threading.get_ident()

    @property
    def outcome(self) -> Any:
        """What the fetch returned; None if it was withdrawn, or its leader interrupted."""
        return None if self._future.cancelled() else self._future.result()

    def wait(self) -> None:
        """Wait until the fetch has landed, or withdraw it where it does not begin."""
        landed = threading.Event()
        self._future.add_done_callback(lambda _: landed.set())
        landed.wait(BEGIN_WITHIN)
        if self._begun_late():
            landed.wait()

    async def await_(self) -> None:
        """Wait as `wait` does, without blocking the event loop."""
        await _wait(self._future, BEGIN_WITHIN)
        if self._begun_late():
            await _wait(self._future, None)

    def _begun_late(self) -> bool:
        """Whether the fetch is running still; one that has not begun is withdrawn."""
        return not self._future.done() and not self._future.cancel()


def run_in_thread(work: Callable[[], None]) -> None:
    """Run on a thread of its own, which an exiting program does not wait for.

    Where the interpreter starts no more threads, it is run on this one.
    """
    try:
        threading.Thread(target=work, name="bitquery_auth", daemon=True).start()
    except RuntimeError:
        work()


async def call_in_thread(work: Callable[[], T]) -> T:
    """Call a function on a thread of its own, without blocking the event loop. A cancelled caller leaves it running."""
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
            result.set_exception(error)

    run_in_thread(run)
    await _wait(result, None)
    return result.result()


async def _wait(future: Future[Any], limit: float | None) -> None:
    await (_wait_in_trio if _in_trio() else _wait_in_asyncio)(future, limit)


def _in_trio() -> bool:
    lowlevel = sys.modules.get("trio.lowlevel")
    try:
        return lowlevel is not None and lowlevel.current_task() is not None
    except (RuntimeError, AttributeError):  # it runs nothing here; another thread is importing it
        return False


async def _wait_in_asyncio(future: Future[Any], limit: float | None) -> None:
    import asyncio  # noqa: PLC0415 - as trio below: whoever waits here has it

    loop = asyncio.get_running_loop()
    landed = loop.create_future()

    def land() -> None:
        if not landed.done():  # its waiter may have left
            landed.set_result(None)

    def wake(_: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits there any more
            loop.call_soon_threadsafe(land)

    future.add_done_callback(wake)
    with suppress(TimeoutError):
        async with asyncio.timeout(limit):
            await landed


async def _wait_in_trio(future: Future[Any], limit: float | None) -> None:
    import trio  # noqa: PLC0415

    token = trio.lowlevel.current_trio_token()
    landed = trio.Event()

    def wake(_: Future[Any]) -> None:
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(landed.set)

    future.add_done_callback(wake)
    with trio.move_on_after(float("inf") if limit is None else limit):
        await landed.wait()
