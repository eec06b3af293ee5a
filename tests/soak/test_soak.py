"""Minutes of everything at once. Not part of the default run: ``python -m pytest -n 0 -m soak``.

``BITQUERY_AUTH_SOAK_SECONDS`` sets how long it lasts (300), ``BITQUERY_AUTH_SOAK_SEED`` the
weather (1).
"""

import gc
import os
import random
import sys
import threading
import time
import tracemalloc
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from traceback import format_exception

import pytest
from blockbuster import blockbuster_ctx

from tests.soak.load import TASKS, THREADS, Bad, Load
from tests.soak.model import Model
from tests.soak.weather import Asked, RecordingSandbox, change

SECONDS_BY_DEFAULT = 300
SECONDS = float(os.environ.get("BITQUERY_AUTH_SOAK_SECONDS", SECONDS_BY_DEFAULT))
SEED = int(os.environ.get("BITQUERY_AUTH_SOAK_SEED", "1"))
# Read above, before a test cleans the environment.

CALLERS = 2 * THREADS + 2 * TASKS + 1
MOST_THREADS = 2 * CALLERS + 12
"""Callers, a thread of the server for each of their connections, and a few temporary ones."""
GROWTH = 512 * 1024
"""Bytes that may have come between warm-up and end."""


def measured() -> tuple[int, int]:
    """Bytes that Python holds, but for the log that the test itself keeps, and threads that run."""
    gc.collect()
    snapshot = tracemalloc.take_snapshot().filter_traces(
        [tracemalloc.Filter(inclusive=False, filename_pattern="*/tests/soak/*")]
    )
    return sum(trace.size for trace in snapshot.traces), threading.active_count()


@dataclass
class Report:
    """What happened in a soak."""

    line: str
    crashes: list[str]
    good: int
    bad: int
    unexcused: list[tuple[Bad, list[str | None] | None]]
    early: int
    early_explained: int
    late: list[Asked]
    hasty: list[tuple[Asked, Asked]]
    slow: list[Asked]
    growth: int
    most_threads: int
    threads: tuple[int, int, int, int]
    """Before it, after the warm-up, at the end, and after everything was closed."""


def soak(seconds: float, seed: int) -> Report:
    """Let everyone call in bad weather, and judge the calls by the server's log."""
    dice = random.Random(seed)
    tracemalloc.start()
    threads_before = threading.active_count()
    with blockbuster_ctx("bitquery_auth"), RecordingSandbox(lifetime=3) as sandbox:
        # A first token request imports much, and the lifetime of its token begins before that.
        sandbox.credentials().token()
        sandbox.asked.clear()
        load = Load(sandbox, sandbox.credentials(), random.Random(seed))
        weather = partial(change, sandbox, dice)
        load.run(seconds / 5, weather)
        paused = time.monotonic()
        warm, threads_warm = measured()
        quiet = (paused - 1, time.monotonic() + 1)  # while they stop and start, too
        load.run(seconds * 4 / 5, weather)
        end, threads_end = measured()
        tracemalloc.stop()
    threads_after = threading.active_count()
    model = Model(sandbox, quiet)
    unexcused = [bad for bad in load.bad if not model.excuses(bad)]
    early, late = model.early_requests(), model.late_requests()
    figures = [
        f"{seconds:.0f} s, seed {seed}: {load.good} calls answered 200",
        f"{len(load.bad)} could not be, {len(unexcused)} of them without an excuse",
        f"{sandbox.token_requests} token requests, {sandbox.tokens_issued} tokens",
        f"{len(sandbox.revocations)} revocations, {len(sandbox.refusing)} spells of 401",
        f"{len(sandbox.freezes)} freezes, {load.interrupted} interrupted calls",
        f"droughts: {len(model.droughts)}",
        f"{early} tokens replaced early (at most {model.early_requests_explained} may be)",
        f"{len(late)} late",
        f"memory {(end - warm) / 1024:+.0f} KiB, at most {load.most_threads} threads",
        f"{threads_after - threads_before} threads left",
    ]
    return Report(
        line="soak: " + "; ".join(figures),
        crashes=["".join(format_exception(crash)) for crash in load.crashes],
        good=load.good,
        bad=len(load.bad),
        unexcused=[(bad, sandbox.refused.get(bad.call)) for bad in unexcused],
        early=early,
        early_explained=model.early_requests_explained,
        late=late,
        hasty=model.hasty_requests(),
        slow=model.slow_recoveries(),
        growth=end - warm,
        most_threads=load.most_threads,
        threads=(threads_before, threads_warm, threads_end, threads_after),
    )


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 120)
def test_for_minutes_no_request_fails_that_need_not_and_nothing_grows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Hazards C1, C4, C6, R1, R3, F2, F3, A3, A5, B5: threads, asyncio and trio in bad weather."""
    # In a process of its own: a shell would take a frozen test run for one that the user stopped.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        report = process.submit(soak, SECONDS, SEED).result()
    with capsys.disabled():
        sys.stdout.write(f"\n{report.line}\n")
    before, warm, end, after = report.threads
    assert report.crashes == []
    assert report.unexcused == []
    assert report.good > 20 * SECONDS
    assert report.bad < report.good  # most of the time there was a token to be had
    assert report.early <= report.early_explained
    assert report.late == []
    assert report.hasty == []
    assert report.slow == []
    assert report.growth < GROWTH
    assert report.most_threads <= MOST_THREADS
    assert (warm, after) == (end, before)
