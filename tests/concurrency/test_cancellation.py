"""A waiter that is cancelled leaves; the others and the fetch go on."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import httpx2
import pytest

from bitquery_auth import HTTPXAuth, Token
from bitquery_auth.sandbox import Sandbox
from tests.concurrency.crowd import (
    BACKENDS,
    NEVER,
    QUERY,
    Boarding,
    Gate,
    Threads,
    async_wait_until,
    source_with,
    wait_until,
)


class Crowd:
    """Tasks that await the same call, each of which can be cancelled."""

    def __init__(self, call: Callable[[], Any], count: int) -> None:
        self._call = call
        self.scopes: list[anyio.CancelScope] = []
        self.outcomes: list[Any] = ["nothing"] * count

    async def run(self, then: Callable[[], Any]) -> None:
        """Start them in order, then do what the test wants meanwhile."""
        with anyio.fail_after(NEVER):
            async with anyio.create_task_group() as tasks:
                self.scopes += [anyio.CancelScope() for _ in self.outcomes]
                for place in range(len(self.scopes)):
                    tasks.start_soon(self._run, place)
                await then()

    async def _run(self, place: int) -> None:
        self.outcomes[place] = "cancelled"
        with self.scopes[place]:
            self.outcomes[place] = await self._call()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("leaving", [[0], [9], [0, 1, 2, 3, 4], [3, 5, 8], list(range(9))], ids=str)
def test_those_who_stay_get_the_token_of_the_one_fetch(sandbox: Sandbox, backend: str, leaving: list[int]) -> None:
    """Hazard A4: whoever leaves, the first one, who started the fetch, included."""
    source = source_with(sandbox, gate := Gate(sandbox))
    boarding = Boarding(source)
    crowd = Crowd(source.atoken, 10)

    async def leave() -> None:
        await boarding.async_wait_for(10)
        for place in leaving:
            crowd.scopes[place].cancel()
        await async_wait_until(lambda: all(crowd.scopes[place].cancelled_caught for place in leaving))
        gate.open()

    anyio.run(crowd.run, leave, backend=backend)
    assert [place for place, outcome in enumerate(crowd.outcomes) if outcome == "cancelled"] == leaving
    stayed = {outcome.access_token for outcome in crowd.outcomes if isinstance(outcome, Token)}
    assert stayed == {source.token().access_token}
    assert sandbox.token_requests == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_fetch_that_everyone_has_left_is_of_use_to_the_next(sandbox: Sandbox, backend: str) -> None:
    """Hazard A4: no cancelled outcome is kept."""
    source = source_with(sandbox, gate := Gate(sandbox))
    boarding = Boarding(source)
    crowd = Crowd(source.atoken, 4)

    async def leave() -> None:
        await boarding.async_wait_for(4)
        for scope in crowd.scopes:
            scope.cancel()

    anyio.run(crowd.run, leave, backend=backend)
    assert crowd.outcomes == ["cancelled"] * 4
    waiter = Threads([source.token])
    boarding.wait_for(5)
    gate.open()
    (token,) = waiter.outcomes()
    assert source.token() is token
    assert sandbox.token_requests == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_threads_do_not_notice_that_the_task_which_started_the_fetch_left(sandbox: Sandbox, backend: str) -> None:
    """Hazard A4: the leader's cancellation, with sync callers waiting."""
    source = source_with(sandbox, gate := Gate(sandbox))
    boarding = Boarding(source)
    leader = Crowd(source.atoken, 1)
    threads: list[Threads] = []

    async def leave() -> None:
        await boarding.async_wait_for(1)
        threads.append(Threads([source.token] * 8))
        await boarding.async_wait_for(9)
        leader.scopes[0].cancel()

    anyio.run(leader.run, leave, backend=backend)
    gate.open()
    assert len({token.access_token for token in threads[0].outcomes()}) == 1
    assert sandbox.token_requests == 1


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("backend", BACKENDS)
def test_requests_cancelled_at_random_leave_the_others_alone(sandbox: Sandbox, backend: str, seed: int) -> None:
    """Hazard A4: whole requests this time, cancelled while they wait for the token."""
    dice = random.Random(seed)
    source = source_with(sandbox, gate := Gate(sandbox))
    boarding = Boarding(source)
    auth = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts)
    leaving = dice.sample(range(10), dice.randint(1, 9))

    async def main() -> list[Any]:
        async with httpx2.AsyncClient(auth=auth, timeout=20) as client:
            crowd = Crowd(partial(client.post, sandbox.graphql_endpoint, json=QUERY), 10)

            async def leave() -> None:
                await boarding.async_wait_for(10)
                for place in leaving:
                    crowd.scopes[place].cancel()
                gate.open()

            await crowd.run(leave)
        return crowd.outcomes

    outcomes = anyio.run(main, backend=backend)
    assert [getattr(outcome, "status_code", None) for outcome in outcomes if outcome != "cancelled"] == [200] * (
        10 - len(leaving)
    )
    assert sandbox.token_requests == 1
    assert sandbox.api_requests == 10 - len(leaving)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_caller_that_gives_up_in_time_is_not_held_by_the_fetch(sandbox: Sandbox, backend: str) -> None:
    """Hazard A4: move_on_after and asyncio.wait_for end a wait, though the fetch goes on."""
    source = source_with(sandbox, gate := Gate(sandbox))

    async def main() -> bool:
        with anyio.move_on_after(0.05) as scope:
            await source.atoken()
        return scope.cancelled_caught

    assert anyio.run(main, backend=backend)
    gate.open()
    wait_until(lambda: source._flight is None)
    source.token()
    assert sandbox.token_requests == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_loop_that_ended_meanwhile_does_not_trouble_the_fetch(sandbox: Sandbox, backend: str) -> None:
    """Hazards A3, A4: its waiter is told after its loop was closed, and the other waiters still are."""
    source = source_with(sandbox, gate := Gate(sandbox))
    boarding = Boarding(source)
    crowd = Crowd(source.atoken, 1)

    async def leave() -> None:
        await boarding.async_wait_for(1)
        crowd.scopes[0].cancel()

    anyio.run(crowd.run, leave, backend=backend)
    others = Threads([source.token] * 3)
    boarding.wait_for(4)
    gate.open()
    assert len({token.access_token for token in others.outcomes()}) == 1
    assert sandbox.token_requests == 1
