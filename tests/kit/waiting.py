"""Waiting for another thread or process."""

import threading
import time
from collections.abc import Callable


def until(condition: Callable[[], object], timeout: float = 10) -> None:
    """Return once the condition is true; fail after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"still not true after {timeout} s"
        time.sleep(0.002)


def join_background_fetches() -> None:
    """Return once no background fetch is in progress."""
    for thread in threading.enumerate():
        if thread.name.startswith("bitquery_auth"):
            thread.join(20)
