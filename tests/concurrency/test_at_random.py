"""Threads, asyncio and trio together on one source, at random, against a model of what the server should be asked."""

import random
import threading
import time
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from bitquery_auth import BitqueryAuthError, Token
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.concurrency.crowd import BACKENDS, NEVER, Boarding, Gate, Threads, async_wait_until, at_once, source_with

LIFETIME = 3600
PER_LOOP = 4


async def outcome_of(call: Any) -> Any:
    try:
        return await call()
    except BitqueryAuthError as error:
        return error


class Round:
    """One moment at which everybody wants a token; those on loops may be cancelled before the fetch ends.

    Args:
        source: Whose token.
        gate: Holds its fetches.
        dice: Draws who takes part and who leaves.
    """

    def __init__(self, source: Any, gate: Gate, dice: random.Random) -> None:
        self._source = source
        self._gate = gate
        self._boarding = Boarding(source)
        self._threads = dice.randint(0, 4)
        self._leaving = [[dice.random() < 0.3 for _ in range(PER_LOOP)] for _ in range(2)]
        self._all_here = threading.Event()
        self._gone = threading.Semaphore(0)

    def play(self) -> list[Any]:
        """Let them wait together for one fetch; give the outcomes of those who stayed."""
        loops = [
            partial(anyio.run, partial(self._loop, leaving), backend=backend)
            for backend, leaving in zip(BACKENDS, self._leaving, strict=True)
        ]
        threads = Threads([*[self._source.token] * self._threads, *loops])
        self._boarding.wait_for(self._threads + 2 * PER_LOOP)
        self._all_here.set()
        for _ in range(2):
            assert self._gone.acquire(timeout=NEVER)
        self._gate.open()
        *outcomes, by_asyncio, by_trio = threads.outcomes()
        self._source._board = self._boarding._board
        return [*outcomes, *by_asyncio, *by_trio]

    async def _loop(self, leaving: list[bool]) -> list[Any]:
        outcomes: list[Any] = []
        scopes: list[anyio.CancelScope] = []

        async def run(scope: anyio.CancelScope) -> None:
            with scope:
                outcomes.append(await outcome_of(self._source.atoken))

        async with anyio.create_task_group() as tasks:
            for _ in leaving:
                scopes.append(anyio.CancelScope())
                tasks.start_soon(run, scopes[-1])
            await async_wait_until(self._all_here.is_set)
            gone = [scope for scope, leaves in zip(scopes, leaving, strict=True) if leaves]
            for scope in gone:
                scope.cancel()
            await async_wait_until(lambda: all(scope.cancelled_caught for scope in gone))
            self._gone.release()
        return outcomes

    @property
    def staying(self) -> int:
        return self._threads + sum(not leaves for leaving in self._leaving for leaves in leaving)


@pytest.mark.parametrize("seed", range(6))
def test_the_server_is_asked_as_often_as_the_model_says(sandbox: Sandbox, clock: Clock, seed: int) -> None:
    """Hazards C1, A3, A4, A5, F3: cold starts, expiry, failures, backoff and cancellation, mixed."""
    dice = random.Random(seed)
    source = source_with(sandbox, gate := Gate(sandbox))
    asked = 0
    kept: Token | None = None
    backing_off = False
    for _ in range(10):
        match dice.choice(["discard", "expire", "nothing"]):
            case "discard" if kept is not None:
                source.discard(kept)
                kept = None
            case "expire":
                clock.advance(LIFETIME)  # the end of a token, and of a backoff
                kept, backing_off = None, False
        if kept is not None:
            assert at_once([source.token] * 4) == [kept] * 4
        elif backing_off:
            errors = at_once([source.token] * 4)
            assert all(isinstance(error, BitqueryAuthError) for error in errors)
        else:
            gate.shut()
            sandbox.outage = dice.choice([None, None, 503])
            crowd = Round(source, gate, dice)
            outcomes = crowd.play()
            asked += 1
            assert len(outcomes) == crowd.staying
            if sandbox.outage is None:
                kept = source.token()
                assert all(outcome is kept for outcome in outcomes)
            else:
                backing_off = True
                assert all(isinstance(outcome, BitqueryAuthError) for outcome in outcomes)
        assert sandbox.token_requests == asked


class OneAtATime(Sandbox):
    """A sandbox that notes how many requests were at its token endpoint at once."""

    now = most = 0

    def _at_token_endpoint(self, request: Any, pause: Any) -> Any:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            return super()._at_token_endpoint(request, pause)
        finally:
            with self._lock:
                self.now -= 1


class Storm:
    """A second of everything that can happen to a source, in no order."""

    def __init__(self, sandbox: Sandbox, clock: Clock) -> None:
        self._sandbox = sandbox
        self._clock = clock
        self._source = sandbox.credentials()
        self._end = time.monotonic() + 1.0

    def thread(self, seed: int) -> None:
        dice = random.Random(seed)
        while time.monotonic() < self._end:
            try:
                self._strike(dice)
            except BitqueryAuthError:
                self._clock.advance(1.0)

    def _strike(self, dice: random.Random) -> None:
        match dice.randint(0, 9):
            case 0:
                self._source.renew()
            case 1:
                self._source.discard(self._source.token())
            case 2:
                self._clock.advance(dice.choice([0.5, 70.0, 3000.0]))
            case 3:
                self._sandbox.outage = dice.choice([None, None, None, 503])
            case _:
                self._source.token()

    async def loop(self, seed: int) -> None:
        dice = random.Random(seed)
        while time.monotonic() < self._end:
            with anyio.move_on_after(dice.choice([0.0, 0.0005, 0.003, NEVER])):
                await outcome_of(dice.choice([self._source.atoken, self._source.atoken, self._source.arenew]))
            await anyio.lowlevel.checkpoint()


def test_in_a_storm_there_is_never_more_than_one_fetch(clock: Clock) -> None:
    """Hazards C1, A4, C6: discards, renewals, cancellation and outages as they come, and nobody waits for anybody."""
    with OneAtATime(clock=clock.time) as sandbox:
        storm = Storm(sandbox, clock)
        calls: list[Any] = []
        calls += [partial(storm.thread, seed) for seed in range(3)]
        calls += [partial(anyio.run, storm.loop, seed, backend=backend) for seed, backend in enumerate(BACKENDS)]
        assert at_once(calls) == [None] * 5
        assert sandbox.token_requests > 10
        assert sandbox.most == 1
