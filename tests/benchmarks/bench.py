"""What every case is given: the server, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from tests.benchmarks.endpoint import Endpoint

T = TypeVar("T")


@dataclass(frozen=True)
class Bench:
    """A run.

    Args:
        endpoint: The server.
        mode: ``"quick"``, ``"default"`` or ``"full"``.
    """

    endpoint: Endpoint
    mode: str

    def choose(self, quick: T, default: T, full: T | None = None) -> T:
        """What suits the mode; a full run is a default one unless it says otherwise."""
        if self.mode == "quick":
            return quick
        return full if self.mode == "full" and full is not None else default
