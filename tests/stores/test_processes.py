"""Real processes that share a store; token requests are counted where they arrive."""

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import pytest

from bitquery_auth import FileTokenStore
from bitquery_auth.sandbox import Sandbox
from tests.kit.waiting import until
from tests.stores import jobs
from tests.stores.conftest import PERSISTENT, Log, Place

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
persistent = pytest.mark.parametrize("place", PERSISTENT, indirect=True)

Start = Callable[..., BaseProcess]


@pytest.fixture
def context() -> ForkServerContext:
    """How processes are started: forked from one that has imported what they need."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([jobs.__name__])
    return context


@pytest.fixture
def start(context: ForkServerContext) -> Iterator[Start]:
    """Return a function that starts a job in a process of its own, which ends with the test."""
    with ExitStack() as stack:

        def started(job: Callable[..., None], *args: object) -> BaseProcess:
            process = context.Process(target=job, args=args, daemon=True)
            process.start()
            stack.callback(process.join)
            stack.callback(process.kill)
            return process

        yield started


@pytest.fixture
def settings(live_sandbox: Sandbox, place: Place) -> dict[str, Any]:
    """The settings of each process's source."""
    return {
        "client_id": live_sandbox.client_id,
        "client_secret": live_sandbox.client_secret,
        "token_endpoint": live_sandbox.token_endpoint,
        "scope": "api",
        "store": place.store,
    }


@pytest.fixture
def results(context: ForkServerContext) -> "Queue[Any]":
    """Where the processes put what they got."""
    return context.Queue()


@persistent
def test_fifty_processes_that_start_cold_make_one_token_request(
    context: ForkServerContext,
    results: "Queue[Any]",
    start: Start,
    settings: dict[str, Any],
    live_sandbox: Sandbox,
) -> None:
    """Hazards C1, P3."""
    live_sandbox.delay = 0.3
    barrier = context.Barrier(50)
    for _ in range(50):
        start(jobs.fetch, results, settings, barrier)
    tokens = {results.get(timeout=60) for _ in range(50)}
    assert (len(tokens), live_sandbox.token_requests) == (1, 1)


@pytest.mark.parametrize("place", ["file"], indirect=True)
def test_another_process_takes_over_from_one_that_is_killed(
    results: "Queue[Any]", start: Start, settings: dict[str, Any], live_sandbox: Sandbox
) -> None:
    """Hazard P3. The lock of a file is released at once, one in Redis expires."""
    live_sandbox.delay = 60
    leader = start(jobs.fetch, results, settings)
    until(lambda: live_sandbox.token_requests == 1)
    live_sandbox.delay = 0
    for _ in range(2):
        start(jobs.fetch, results, settings)
    leader.kill()
    began = time.monotonic()
    tokens = {results.get(timeout=60) for _ in range(2)}
    assert time.monotonic() - began < 5
    assert (len(tokens), live_sandbox.token_requests) == (1, 2)


@persistent
def test_four_processes_recover_from_a_revocation_with_one_request(
    context: ForkServerContext,
    results: "Queue[Any]",
    start: Start,
    settings: dict[str, Any],
    live_sandbox: Sandbox,
) -> None:
    """Hazards R1, C6."""
    turns = context.Barrier(5)
    api = (live_sandbox.graphql_endpoint, live_sandbox.allowed_hosts[0])
    for _ in range(4):
        start(jobs.post_twice, results, settings, turns, *api)
    turns.wait(60)
    live_sandbox.revoke_all()
    turns.wait(60)
    assert [results.get(timeout=60) for _ in range(8)] == [200] * 8
    assert (live_sandbox.token_requests, live_sandbox.api_refusals) == (2, 4)


@persistent
def test_a_stopped_process_delays_a_fetch_and_does_not_prevent_it(
    results: "Queue[Any]",
    start: Start,
    settings: dict[str, Any],
    live_sandbox: Sandbox,
    log: Log,
) -> None:
    """It keeps the lock: one warning, and a token without the lock."""
    live_sandbox.delay = 60
    stopped = start(jobs.fetch, results, settings)
    until(lambda: live_sandbox.token_requests == 1)
    os.kill(stopped.pid or 0, signal.SIGSTOP)
    live_sandbox.delay = 0
    source = live_sandbox.credentials(store=settings["store"], timeout=0.5)
    assert source.token()
    (warning,) = log(logging.WARNING)
    assert "(lock: other processes held it for 0.5 s)" in warning


def test_one_process_at_a_time_holds_a_lock_whose_file_is_removed_at_each_release(
    start: Start, tmp_path: Path, folder: Path
) -> None:
    """Hazard P3: a file that was removed and is still locked keeps nobody out."""
    number = tmp_path / "number"
    number.write_text("0")
    processes = [start(jobs.count, FileTokenStore(folder), number, 50) for _ in range(4)]
    for each in processes:
        each.join(60)
    assert number.read_text() == "200"
    assert list(folder.iterdir()) == []


def test_processes_that_are_killed_while_they_write_leave_a_whole_token(
    start: Start, folder: Path
) -> None:
    """Hazard P4."""
    store = FileTokenStore(folder)
    for _ in range(6):
        writer = start(jobs.write_without_end, store)
        until(lambda: store.get("k") is not None)
        writer.kill()
        writer.join()
        token = store.get("k")
        assert token is not None
        assert token.access_token == token.access_token[0] * 8000
        store.discard("k", token.access_token)
