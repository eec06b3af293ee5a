"""Real processes that share a store; token requests are counted where they arrive."""

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from bitquery_auth import FileTokenStore
from bitquery_auth.sandbox import Sandbox
from tests.kit.waiting import until
from tests.stores import jobs
from tests.stores.conftest import Log, Place

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


class Processes:
    """Processes that are forked from one that has imported what they need, and their results."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload([jobs.__name__])
        self.queue: Any = self.context.Queue()

    def start(self, job: Callable[..., None], *args: object) -> BaseProcess:
        process = self.context.Process(target=job, args=args, daemon=True)
        process.start()
        self._stack.callback(process.join)
        self._stack.callback(process.kill)
        return process

    def results(self, count: int) -> list[Any]:
        return [self.queue.get(timeout=60) for _ in range(count)]


@pytest.fixture
def processes() -> Iterator[Processes]:
    """Processes that end with the test."""
    with ExitStack() as stack:
        yield Processes(stack)


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


def test_fifty_processes_that_start_cold_make_one_token_request(
    processes: Processes, settings: dict[str, Any], live_sandbox: Sandbox
) -> None:
    """Hazards C1, P3."""
    live_sandbox.delay = 0.3
    barrier = processes.context.Barrier(50)
    for _ in range(50):
        processes.start(jobs.fetch, processes.queue, settings, barrier)
    tokens = set(processes.results(50))
    assert (len(tokens), live_sandbox.token_requests) == (1, 1)


@pytest.mark.parametrize("place", ["file"], indirect=True)
def test_another_process_takes_over_from_one_that_is_killed(
    processes: Processes, settings: dict[str, Any], live_sandbox: Sandbox
) -> None:
    """Hazard P3. The lock of a file is released at once, one in Redis expires."""
    live_sandbox.delay = 60
    leader = processes.start(jobs.fetch, processes.queue, settings)
    until(lambda: live_sandbox.token_requests == 1)
    live_sandbox.delay = 0
    for _ in range(2):
        processes.start(jobs.fetch, processes.queue, settings)
    leader.kill()
    began = time.monotonic()
    tokens = set(processes.results(2))
    assert time.monotonic() - began < 5
    assert (len(tokens), live_sandbox.token_requests) == (1, 2)


def test_four_processes_recover_from_a_revocation_with_one_request(
    processes: Processes, settings: dict[str, Any], live_sandbox: Sandbox
) -> None:
    """Hazards R1, C6."""
    turns = processes.context.Barrier(5)
    api = (live_sandbox.graphql_endpoint, live_sandbox.allowed_hosts[0])
    for _ in range(4):
        processes.start(jobs.post_twice, processes.queue, settings, turns, *api)
    turns.wait(60)
    live_sandbox.revoke_all()
    turns.wait(60)
    assert processes.results(8) == [200] * 8
    assert (live_sandbox.token_requests, live_sandbox.api_refusals) == (2, 4)


def test_a_stopped_process_delays_a_fetch_and_does_not_prevent_it(
    processes: Processes, settings: dict[str, Any], live_sandbox: Sandbox, log: Log
) -> None:
    """It keeps the lock: one warning, and a token without the lock."""
    live_sandbox.delay = 60
    stopped = processes.start(jobs.fetch, processes.queue, settings)
    until(lambda: live_sandbox.token_requests == 1)
    os.kill(stopped.pid or 0, signal.SIGSTOP)
    live_sandbox.delay = 0
    source = live_sandbox.credentials(store=settings["store"], timeout=0.5)
    assert source.token()
    (warning,) = log(logging.WARNING)
    assert "(lock: other processes held it for 0.5 s)" in warning


def test_processes_that_are_killed_while_they_write_leave_a_whole_token(
    processes: Processes, folder: Path
) -> None:
    """Hazard P4."""
    store = FileTokenStore(folder)
    for _ in range(6):
        writer = processes.start(jobs.write_without_end, store)
        until(lambda: store.get("k") is not None)
        writer.kill()
        writer.join()
        token = store.get("k")
        assert token is not None
        assert token.access_token == token.access_token[0] * 8000
        store.discard("k", token.access_token)


def test_one_process_at_a_time_holds_a_lock_whose_file_is_removed_at_each_release(
    processes: Processes, tmp_path: Path, folder: Path
) -> None:
    """Hazard P3: a file that was removed and is still locked keeps nobody out."""
    number = tmp_path / "number"
    number.write_text("0")
    store = FileTokenStore(folder)
    running = [processes.start(jobs.count, store, number, 50) for _ in range(4)]
    for each in running:
        each.join(60)
    assert number.read_text() == "200"
    assert list(folder.iterdir()) == []
