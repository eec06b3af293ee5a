"""What processes that share a store do in tests. Nothing else is imported by them."""

import os
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import filelock  # noqa: F401 - imported once for all of them
import redis  # noqa: F401 - imported once for all of them
import requests

from bitquery_auth import ClientCredentials, RequestsAuth, Token, TokenStore


def fetch(results: "Queue[str]", settings: dict[str, Any], start: Barrier | None = None) -> None:
    """Get a token, at the same moment as the others if there is a barrier."""
    source = ClientCredentials(**settings)
    if start is not None:
        start.wait(60)
    results.put(source.token().access_token)


def post_twice(
    results: "Queue[int]", settings: dict[str, Any], turns: Barrier, url: str, host: str
) -> None:
    """Send a request, and another one once all other processes and the test have had a turn."""
    with requests.Session() as session:
        session.auth = RequestsAuth(ClientCredentials(**settings), allowed_hosts=(host,))
        for _ in range(2):
            results.put(session.post(url, json={"query": "{ x }"}, timeout=20).status_code)
            turns.wait(60)
            turns.wait(60)


def write_without_end(store: TokenStore) -> None:
    """Store long tokens of one letter each."""
    while True:
        for letter in "abcdefghijklmnopqrstuvwxyz":
            store.set("k", Token(letter * 8000))


def count(store: TokenStore, path: Path, times: int) -> None:
    """Add to the number in a file under a lock, so many times."""
    for _ in range(times):
        with store.lock("k", 20):
            number = int(path.read_text())
            os.sched_yield()
            path.write_text(str(number + 1))
