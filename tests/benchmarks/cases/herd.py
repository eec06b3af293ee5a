"""Everyone begins at once, and there is no token yet."""

from __future__ import annotations

import time
from statistics import median

from tests.benchmarks.contenders.table import able
from tests.benchmarks.endpoint import STUB_URL, Endpoint
from tests.benchmarks.report import NONE, Table, tally

_THREADS = 64
_TASKS = 1000
_FETCH_SECONDS = 0.05


def run(endpoint: Endpoint) -> Table:
    table = Table(
        "Herd at a cold start",
        f"{_THREADS} threads, or {_TASKS} tasks on the async clients, post at once over one auth "
        f"that has no token yet; a token request takes {_FETCH_SECONDS * 1000:.0f} ms, the API is "
        "a stub.",
        ("contender", "client", "token requests", "wall ms", "responses"),
        "herd",
    )
    for kind in able("herd"):
        spent, walls, answers = [], [], []
        for _ in range(endpoint.choose(1, 3)):
            with kind.at(endpoint, delay=_FETCH_SECONDS) as contender:
                began = time.perf_counter()
                answers = contender.at_once(_TASKS if kind.is_async else _THREADS, STUB_URL)
                walls.append(time.perf_counter() - began)
                spent.append(endpoint.token_requests(contender.app))
        requests = NONE if kind.is_floor else f"{median(spent):.0f}"
        cells = (requests, f"{median(walls) * 1000:.0f}", tally(answers))
        table.rows.append((kind.name, kind.client, *cells))
    return table
