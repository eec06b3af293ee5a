"""A caller who is cancelled leaves; the others and the fetch go on (hazard A4)."""

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox import Sandbox
from tests.kit.crowd import (
    NEVER,
    Callers,
    HeldSecret,
    Threads,
    async_until,
    distinct,
    each_backend,
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
        self.outcomes: list[Any] = ["cancelled"] * size

    async def run(self, meanwhile: Callable[[], Any]) -> None:
        """Start the tasks in order, and await something else meanwhile."""
        self._scopes = [anyio.CancelScope() for _ in self.outcomes]
        with anyio.fail_after(NEVER):
            async with anyio.create_task_group() as tasks:
                for place in range(len(self.outcomes)):
                    tasks.start_soon(self._run, place)
                await meanwhile()

    async def _run(self, place: int) -> None:
        with self._scopes[place]:
            self.outcomes[place] = await self._call()

    async def cancel(self, *places: int) -> None:
        """Cancel tasks, and wait until they have left."""
        for place in places:
            self._scopes[place].cancel()
        await async_until(lambda: all(self._scopes[place].cancelled_caught for place in places))


@each_backend
@pytest.mark.parametrize("leaving", [[0], [9], [3, 5, 8], list(range(9))], ids=str)
def test_the_tasks_and_threads_that_stay_get_the_token_of_the_one_fetch(
    source: ClientCredentials,
    secret: HeldSecret,
    callers: Callers,
    sandbox: Sandbox,
    backend: str,
    leaving: list[int],
) -> None:
    """Also if the first task leaves, which started the fetch."""
    crowd = Crowd(source.atoken, 10)
    threads: list[Threads] = []

    async def leave() -> None:
        await callers.async_wait_for(10)
        threads.append(Threads([source.token] * 4))
        await callers.async_wait_for(14)
        await crowd.cancel(*leaving)
        secret.release()

    anyio.run(crowd.run, leave, backend=backend)
    assert [place for place, each in enumerate(crowd.outcomes) if each == "cancelled"] == leaving
    stayed = [each for each in crowd.outcomes if each != "cancelled"]
    assert len(distinct([*stayed, *threads[0].outcomes()])) == 1
    assert sandbox.token_requests == 1


@each_backend
def test_a_fetch_that_every_task_has_left_serves_threads_and_the_next_caller(
    source: ClientCredentials, secret: HeldSecret, callers: Callers, sandbox: Sandbox, backend: str
) -> None:
    """Its event loop has ended when it completes, and no cancelled outcome is kept (hazard A3)."""
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
