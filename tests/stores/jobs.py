"""What processes that share a store do in tests. Nothing else is imported by them."""

import os
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import filelock  # noqa: F401 - imported once for all of them
import redis  # noqa: F401 - imported once for all of them

from bitquery_auth import ClientCredentials, TokenStore


def fetch(results: "Queue[str]", settings: dict[str, Any], start: Barrier | None = None) -> None:
    """Get a token, at the same moment as the others if there is a barrier."""
    source = ClientCredentials(**settings)
    if start is not None:
        start.wait(60)
    results.put(source.token().access_token)


def count(store: TokenStore, path: Path, times: int) -> None:
    """Add to the number in a file under a lock, so many times."""
    for _ in range(times):
        with store.lock("k", 20):
            number = int(path.read_text())
            os.sched_yield()
            path.write_text(str(number + 1))
