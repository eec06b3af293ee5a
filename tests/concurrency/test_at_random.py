"""Threads, asyncio and trio together on one source, at random."""

import random
import time
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel

from bitquery_auth import BitqueryAuthError
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.kit.crowd import BACKENDS, NEVER, async_attempt, at_once


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
