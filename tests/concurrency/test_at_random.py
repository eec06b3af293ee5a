"""Threads, asyncio and trio together on one source, at random, against a model of the server."""

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
from tests.kit.crowd import (
    BACKENDS,
    NEVER,
    Callers,
    HeldSecret,
    Threads,
    async_attempt,
    async_until,
    at_once,
    source_with,
)

LIFETIME = 3600
PER_LOOP = 4


class Round:
    """A moment at which everybody wants a token; some tasks are cancelled before there is one.

    Args:
        source: Whose token.
        secret: Holds its fetches.
        dice: Draws who takes part and who leaves.
    """

    def __init__(self, source: Any, secret: HeldSecret, dice: random.Random) -> None:
        self._source = source
        self._secret = secret
        self._threads = dice.randint(0, 4)
        self._leaving = [[dice.random() < 0.3 for _ in range(PER_LOOP)] for _ in BACKENDS]
        self._all_are_here = threading.Event()
        self._some_have_left = threading.Semaphore(0)

    def play(self) -> list[Any]:
        """Let them wait together for one fetch; return the outcomes of those who stayed."""
        callers = Callers(self._source)
        loops = [
            partial(anyio.run, partial(self._loop, leaving), backend=backend)
            for backend, leaving in zip(BACKENDS, self._leaving, strict=True)
        ]
        threads = Threads([*[self._source.token] * self._threads, *loops])
        callers.wait_for(self._threads + len(BACKENDS) * PER_LOOP)
        self._all_are_here.set()
        for _ in BACKENDS:
            assert self._some_have_left.acquire(timeout=NEVER)
        self._secret.release()
        *outcomes, by_asyncio, by_trio = threads.outcomes()
        del self._source._next_step  # counted in this round only
        return [*outcomes, *by_asyncio, *by_trio]

    async def _loop(self, leaving: list[bool]) -> list[Any]:
        outcomes: list[Any] = []
        scopes = [anyio.CancelScope() for _ in leaving]

        async def run(scope: anyio.CancelScope) -> None:
            with scope:
                outcomes.append(await async_attempt(self._source.atoken))

        async with anyio.create_task_group() as tasks:
            for scope in scopes:
                tasks.start_soon(run, scope)
            await async_until(self._all_are_here.is_set)
            left = [scope for scope, leaves in zip(scopes, leaving, strict=True) if leaves]
            for scope in left:
                scope.cancel()
            await async_until(lambda: all(scope.cancelled_caught for scope in left))
            self._some_have_left.release()
        return outcomes

    @property
    def staying(self) -> int:
        """How many get an outcome."""
        return self._threads + sum(not leaves for leaving in self._leaving for leaves in leaving)


@pytest.mark.parametrize("seed", range(6))
def test_the_server_gets_as_many_token_requests_as_the_model_says(
    sandbox: Sandbox, clock: Clock, seed: int
) -> None:
    """Cold starts, expiry, failures, backoff and cancellation, mixed (hazards A3, A4 and F3)."""
    dice = random.Random(seed)
    source = source_with(sandbox, secret := HeldSecret(sandbox))
    requested = 0
    cached: Token | None = None
    backing_off = False
    for _ in range(10):
        match dice.choice(["discard", "expire", "nothing"]):
            case "discard" if cached is not None:
                source.discard(cached)
                cached = None
            case "expire":
                clock.advance(LIFETIME)  # the end of a token, and of a backoff
                cached, backing_off = None, False
        if cached is not None:
            assert at_once([source.token] * 4) == [cached] * 4
        elif backing_off:
            errors = at_once([source.token] * 4)
            assert all(isinstance(error, BitqueryAuthError) for error in errors)
        else:
            secret.hold()
            sandbox.outage = dice.choice([None, None, 503])
            crowd = Round(source, secret, dice)
            outcomes = crowd.play()
            requested += 1
            assert len(outcomes) == crowd.staying
            if sandbox.outage is None:
                cached = source.token()
                assert all(outcome is cached for outcome in outcomes)
            else:
                backing_off = True
                assert all(isinstance(outcome, BitqueryAuthError) for outcome in outcomes)
        assert sandbox.token_requests == requested


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
    """A second of everything that can happen to a source, in no order.

    Args:
        sandbox: Where its tokens come from.
        clock: Is moved.
    """

    def __init__(self, sandbox: Sandbox, clock: Clock) -> None:
        self._sandbox = sandbox
        self._clock = clock
        self._source = sandbox.credentials()
        self._end = time.monotonic() + 1.0

    def thread(self, seed: int) -> None:
        """Call and disturb the source from a thread."""
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
        """Call the source from an event loop, and leave at any moment."""
        dice = random.Random(seed)
        while time.monotonic() < self._end:
            with anyio.move_on_after(dice.choice([0.0, 0.0005, 0.003, NEVER])):
                call = dice.choice([self._source.atoken, self._source.atoken, self._source.arenew])
                await async_attempt(call)
            await anyio.lowlevel.checkpoint()


def test_in_a_storm_there_is_never_more_than_one_fetch(clock: Clock) -> None:
    """Discards, renewals, cancellation and outages (hazards C1, A4 and C6)."""
    with OneAtATime(clock=clock.time) as sandbox:
        storm = Storm(sandbox, clock)
        calls: list[Any] = []
        calls += [partial(storm.thread, seed) for seed in range(3)]
        calls += [
            partial(anyio.run, storm.loop, seed, backend=backend)
            for seed, backend in enumerate(BACKENDS)
        ]
        assert at_once(calls) == [None] * 5
        assert sandbox.token_requests > 10
        assert sandbox.most == 1
