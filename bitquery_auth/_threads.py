"""Work on other threads, for callers on threads, asyncio and trio."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")


def run_in_thread(work: Callable[[], None]) -> None:
    """Run on a daemon thread with the caller's context variables; an exiting program does not wait.

    Where the interpreter starts no more threads, such as at its exit, it runs on this one.
    """
    thread = threading.Thread(
        target=copy_context().run, args=(work,), name="bitquery_auth", daemon=True
    )
    try:
        thread.start()
    except RuntimeError:
        work()


async def call_in_worker_thread(function: Callable[[], T]) -> T:
    """Call a blocking function in the event loop's own pool of threads.

    A caller who is cancelled leaves; the call goes on.
    """
    if in_trio():
        import trio  # noqa: PLC0415 - loaded already by those who run it

        return await trio.to_thread.run_sync(function, abandon_on_cancel=True)
    import asyncio  # noqa: PLC0415 - loaded already by those who run it

    return await asyncio.to_thread(function)


def in_trio() -> bool:
    """Whether a task of trio is running on this thread."""
    lowlevel = sys.modules.get("trio.lowlevel")
    try:
        return lowlevel is not None and lowlevel.current_task() is not None
    except (RuntimeError, AttributeError):  # no task here; another thread is importing trio
        return False
