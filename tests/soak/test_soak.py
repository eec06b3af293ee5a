"""Minutes of everything at once. Not part of the default run: ``python -m pytest -m soak``.

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
from functools import partial

import pytest

from tests.soak.load import TASKS, THREADS, Load
from tests.soak.model import Model
from tests.soak.weather import RecordingSandbox, change

SECONDS_BY_DEFAULT = 300
SECONDS = float(os.environ.get("BITQUERY_AUTH_SOAK_SECONDS", SECONDS_BY_DEFAULT))
SEED = int(os.environ.get("BITQUERY_AUTH_SOAK_SEED", "1"))
# Read above, before a test cleans the environment.

CALLERS = 2 * THREADS + 2 * TASKS
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


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 120)
def test_for_minutes_no_request_fails_that_need_not_and_nothing_grows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Hazards C1, C4, C6, R1, R3, F2, F3, A3, A5, B5: threads, asyncio and trio in bad weather."""
    dice = random.Random(SEED)
    tracemalloc.start()
    threads_before = threading.active_count()
    with RecordingSandbox(lifetime=3) as sandbox:
        load = Load(sandbox, sandbox.credentials(), random.Random(SEED))
        weather = partial(change, sandbox, dice)
        load.run(SECONDS / 5, weather)
        paused = time.monotonic()
        warm, threads_warm = measured()
        quiet = (paused - 1, time.monotonic() + 1)  # while they stop and start, too
        load.run(SECONDS * 4 / 5, weather)
        end, threads_end = measured()
        tracemalloc.stop()
    threads_after = threading.active_count()
    model = Model(sandbox, quiet)
    unexcused = [bad for bad in load.bad if not model.excuses(bad)]
    early, late = model.early_requests(), model.late_requests()
    figures = [
        f"{SECONDS:.0f} s, seed {SEED}: {load.good} calls answered 200",
        f"{len(load.bad)} could not be, {len(unexcused)} of them without an excuse",
        f"{sandbox.token_requests} token requests, {sandbox.tokens_issued} tokens",
        f"{len(sandbox.revocations)} revocations, {len(sandbox.refusing)} spells of 401",
        f"droughts: {len(model.droughts)}",
        (
            f"{early} tokens replaced early (at most {model.early_requests_explained} may be), "
            f"{len(late)} late"
        ),
        f"memory {(end - warm) / 1024:+.0f} KiB, at most {load.most_threads} threads",
        f"{threads_after - threads_before} threads left",
    ]
    with capsys.disabled():
        sys.stdout.write("\nsoak: " + "; ".join(figures) + "\n")
    assert load.crashes == []
    assert [(bad, sandbox.refused.get(bad.call)) for bad in unexcused] == []
    assert load.good > 20 * SECONDS
    assert len(load.bad) < load.good  # most of the time there was a token to be had
    assert early <= model.early_requests_explained
    assert late == []
    assert model.hasty_requests() == []
    assert model.slow_recoveries() == []
    assert end - warm < GROWTH
    assert load.most_threads <= MOST_THREADS
    assert threads_warm == threads_end
    assert threads_after == threads_before
