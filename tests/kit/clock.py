"""A clock that stands still until a test moves it: both of its hands, or one."""

import time
from collections.abc import Callable

# The modules of the package that tell the time for a decision. The transport is not among them:
# it ends real reads of real sockets.
MODULES = ("_token", "_sources.cache", "_auth.base")


class Clock:
    """Stands in for the module ``time``, where the package asks what time it is."""

    gmtime = staticmethod(time.gmtime)
    strftime = staticmethod(time.strftime)

    def __init__(self) -> None:
        self._monotonic = 1_000.0
        self._wall = 1_800_000_000.0
        self.on_read: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        self.on_read()
        return self._monotonic

    def time(self) -> float:
        return self._wall

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._monotonic += seconds
        self._wall += seconds

    def suspend(self, seconds: float) -> None:
        """Let the machine sleep: the monotonic clock does not notice."""
        self._wall += seconds

    def set_wall_clock(self, seconds: float) -> None:
        """Set the wall clock forward or, by a negative number, back."""
        self._wall += seconds
