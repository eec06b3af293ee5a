"""Everyone begins at once, and there is no token yet."""

from __future__ import annotations

import time
from collections import Counter
from statistics import median

from tests.benchmarks.bench import Bench
from tests.benchmarks.contenders.table import able
from tests.benchmarks.endpoint import STUB_URL
from tests.benchmarks.report import TIMES, Table

_THREADS = 64
_TASKS = 1000
_FETCH_SECONDS = 0.05


def run(bench: Bench) -> Table:
    table = Table(
        "Herd at a cold start",
        f"{_THREADS} threads, or {_TASKS} tasks on the async clients, post at once over one auth "
        "that has no token "
        f"yet; a token request takes {_FETCH_SECONDS * 1000:.0f} ms, the API is a stub.",
        ("contender", "client", "token requests", "wall ms", "answers"),
    )
    runs: dict = {kind: [] for kind in able("herd")}
    for _ in range(bench.choose(1, 3)):
        for kind, outcomes in runs.items():
            app = bench.endpoint.application(delay=_FETCH_SECONDS)
            with kind(app) as contender:
                began = time.perf_counter()
                answers = contender.at_once(_TASKS if kind.is_async else _THREADS, STUB_URL)
                wall = time.perf_counter() - began
            outcomes.append((bench.endpoint.counts(app)["token_requests"], wall, answers))
    requests = {}
    for kind, outcomes in runs.items():
        spent = requests[kind] = median(each[0] for each in outcomes)
        wall = median(each[1] for each in outcomes)
        answers = tally(outcomes[-1][2])
        table.rows.append((kind.name, kind.client, f"{spent:.0f}", f"{wall * 1000:.0f}", answers))
        if not kind.is_floor:
            table.figures[kind.label()] = spent
    table.compare("Token requests", requests, "fewer than one is none")
    table.leave_out("herd")
    return table


def tally(answers: list) -> str:
    """What came, and how often."""
    return ", ".join(
        f"{count}{TIMES} {answer}" for answer, count in Counter(map(str, answers)).most_common()
    )
