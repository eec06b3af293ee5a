"""A caller who is cancelled leaves; the others and the fetch go on (hazard A4)."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import httpx2
import pytest

from bitquery_auth import HTTPXAuth, Token
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.crowd import (
    NEVER,
    Callers,
    HeldSecret,
    Threads,
    async_client,
    async_until,
    distinct,
    each_backend,
    source_with,
)


class Crowd:
    """Tasks that await the same call, each of which can be cancelled.

    Args:
        call: The call.
        size: How many tasks await it.
    """

    def __init__(self, call: Callable[[], Any], size: int) -> None:
        self._call = call
        self._scopes: list[anyio.CancelScope] = []
        self.outcomes: list[Any] = ["nothing"] * size

    async def run(self, meanwhile: Callable[[], Any]) -> None:
        """Start the tasks in order, and await something else meanwhile."""
        self._scopes = [anyio.CancelScope() for _ in self.outcomes]
        with anyio.fail_after(NEVER):
            async with anyio.create_task_group() as tasks:
                for place in range(len(self.outcomes)):
                    tasks.start_soon(self._run, place)
                await meanwhile()

    async def _run(self, place: int) -> None:
        self.outcomes[place] = "cancelled"
        with self._scopes[place]:
            self.outcomes[place] = await self._call()

    async def cancel(self, *places: int) -> None:
        """Cancel tasks, and wait until they have left."""
        for place in places:
            self._scopes[place].cancel()
        await async_until(lambda: all(self._scopes[place].cancelled_caught for place in places))


@each_backend
@pytest.mark.parametrize("leaving", [[0], [9], [0, 1, 2, 3, 4], [3, 5, 8], list(range(9))], ids=str)
def test_the_tasks_that_stay_get_the_token_of_the_one_fetch(
    sandbox: Sandbox, backend: str, leaving: list[int]
) -> None:
    """Also if the first task leaves, which started the fetch."""
    source = source_with(sandbox, secret := HeldSecret(sandbox))
    callers = Callers(source)
    crowd = Crowd(source.atoken, 10)

    async def leave() -> None:
        await callers.async_wait_for(10)
        await crowd.cancel(*leaving)
        secret.release()

    anyio.run(crowd.run, leave, backend=backend)
    assert [place for place, each in enumerate(crowd.outcomes) if each == "cancelled"] == leaving
    stayed = [each for each in crowd.outcomes if isinstance(each, Token)]
    assert distinct(stayed) == {source.token().access_token}
    assert sandbox.token_requests == 1


@each_backend
def test_a_fetch_that_every_task_has_left_serves_threads_and_the_next_caller(
    sandbox: Sandbox, backend: str
) -> None:
    """Its event loop has ended when it completes, and no cancelled outcome is kept (hazard A3)."""
    source = source_with(sandbox, secret := HeldSecret(sandbox))
    callers = Callers(source)
    crowd = Crowd(source.atoken, 4)

    async def leave() -> None:
        await callers.async_wait_for(4)
        await crowd.cancel(*range(4))

    anyio.run(crowd.run, leave, backend=backend)
    assert crowd.outcomes == ["cancelled"] * 4
    threads = Threads([source.token] * 3)
    callers.wait_for(7)
    secret.release()
    assert distinct(threads.outcomes()) == {source.token().access_token}
    assert sandbox.token_requests == 1


@each_backend
def test_threads_that_wait_do_not_notice_that_the_first_task_leaves(
    sandbox: Sandbox, backend: str
) -> None:
    source = source_with(sandbox, secret := HeldSecret(sandbox))
    callers = Callers(source)
    crowd = Crowd(source.atoken, 1)
    threads: list[Threads] = []

    async def leave() -> None:
        await callers.async_wait_for(1)
        threads.append(Threads([source.token] * 8))
        await callers.async_wait_for(9)
        await crowd.cancel(0)

    anyio.run(crowd.run, leave, backend=backend)
    secret.release()
    assert len(distinct(threads[0].outcomes())) == 1
    assert sandbox.token_requests == 1


@pytest.mark.parametrize("seed", range(5))
@each_backend
def test_requests_that_are_cancelled_at_random_leave_the_others_alone(
    sandbox: Sandbox, backend: str, seed: int
) -> None:
    dice = random.Random(seed)
    source = source_with(sandbox, secret := HeldSecret(sandbox))
    callers = Callers(source)
    auth = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts)
    leaving = dice.sample(range(10), dice.randint(1, 9))

    async def main() -> list[Any]:
        async with async_client(httpx2, auth) as client:
            crowd = Crowd(partial(client.post, sandbox.graphql_endpoint, json=QUERY), 10)

            async def leave() -> None:
                await callers.async_wait_for(10)
                await crowd.cancel(*leaving)
                secret.release()

            await crowd.run(leave)
        return crowd.outcomes

    outcomes = anyio.run(main, backend=backend)
    stayed = [each.status_code for each in outcomes if each != "cancelled"]
    assert stayed == [200] * (10 - len(leaving))
    assert (sandbox.token_requests, sandbox.api_requests) == (1, len(stayed))


@each_backend
def test_a_caller_who_gives_up_in_time_is_not_held_by_the_fetch(
    sandbox: Sandbox, backend: str
) -> None:
    """The fetch goes on, and its token is there for the next caller."""
    source = source_with(sandbox, secret := HeldSecret(sandbox))

    async def main() -> bool:
        with anyio.move_on_after(0.05) as scope:
            await source.atoken()
        return scope.cancelled_caught

    assert anyio.run(main, backend=backend)
    secret.release()
    source.token()
    assert sandbox.token_requests == 1
