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
        is_quick: Whether it is to be over soon.
    """

    endpoint: Endpoint
    is_quick: bool

    def choose(self, quick: T, default: T) -> T:
        """What suits the run."""
        return quick if self.is_quick else default
