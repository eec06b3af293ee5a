"""Many callers at once, fetches that wait for the test, and a count of who has committed to waiting for one."""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import anyio

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox import Sandbox

T = TypeVar("T")

QUERY = {"query": "{ EVM { Blocks { Block { Number } } } }"}
BACKENDS = ("asyncio", "trio")
NEVER = 20.0
"""Seconds after which what has not happened never will."""


def source_with(sandbox: Sandbox, client_secret: Any, **settings: Any) -> ClientCredentials:
    """A source for the sandbox's application whose secret is that callable."""
    ours: dict[str, Any] = {"token_endpoint": sandbox.token_endpoint, "scope": "api"}
    return ClientCredentials(sandbox.client_id, client_secret, **(ours | settings))


class Gate:
    """A ``client_secret`` that holds every fetch until the test opens it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._open = threading.Event()
        self.reached = threading.Event()

    def __call__(self) -> str:
        self.reached.set()
        assert self._open.wait(NEVER), "the test never opened the gate"
        return self._sandbox.client_secret

    def open(self) -> None:
        self._open.set()

    def shut(self) -> None:
        self._open.clear()
        self.reached.clear()


class Boarding:
    """Counts the callers of a source that have committed to the fetch under way: each leads it or waits for it."""

    def __init__(self, source: Any) -> None:
        self._board = source._board
        self._lock = threading.Lock()
        self.count = 0
        source._board = self._counted

    def _counted(self, *, anew: bool) -> Any:
        place = self._board(anew=anew)
        with self._lock:
            self.count += 1
        return place

    def wait_for(self, count: int) -> None:
        wait_until(lambda: self.count >= count)

    async def async_wait_for(self, count: int) -> None:
        await async_wait_until(lambda: self.count >= count)


def wait_until(condition: Callable[[], bool]) -> None:
    """Look until it is so."""
    end = time.monotonic() + NEVER
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.001)


async def async_wait_until(condition: Callable[[], bool]) -> None:
    """Look until it is so, on an event loop."""
    with anyio.fail_after(NEVER):
        while not condition():  # noqa: ASYNC110 - it is about threads, which set no event of a loop
            await anyio.sleep(0.001)


def attempt(call: Callable[[], T]) -> T | BaseException:
    """What a call returned or raised."""
    try:
        return call()
    except BaseException as error:  # noqa: BLE001 - handed to the test, whatever it is
        return error


class Threads:
    """Calls, each begun on a thread of its own, all at the same moment."""

    def __init__(self, calls: Sequence[Callable[[], Any]]) -> None:
        self._outcomes: list[Any] = [None] * len(calls)
        self._start = threading.Barrier(len(calls))
        self._threads = [
            threading.Thread(target=self._run, args=(place, call), daemon=True) for place, call in enumerate(calls)
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, place: int, call: Callable[[], Any]) -> None:
        self._start.wait(NEVER)
        self._outcomes[place] = attempt(call)

    def outcomes(self) -> list[Any]:
        """What each returned or raised, in order."""
        end = time.monotonic() + NEVER
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        assert not any(thread.is_alive() for thread in self._threads), "a thread never came back"
        return self._outcomes


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Make calls on as many threads at the same moment; give what each returned or raised."""
    return Threads(calls).outcomes()


async def gather(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Await calls in as many tasks of asyncio or trio; give what each returned, in order."""
    outcomes: list[Any] = [None] * len(calls)

    async def run(place: int, call: Callable[[], Any]) -> None:
        outcomes[place] = await call()

    with anyio.fail_after(NEVER):
        async with anyio.create_task_group() as tasks:
            for place, call in enumerate(calls):
                tasks.start_soon(run, place, call)
    return outcomes


def gather_on(backend: str, calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Do `gather` in an event loop of its own."""
    return anyio.run(partial(gather, calls), backend=backend)
