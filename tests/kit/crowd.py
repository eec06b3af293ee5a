"""Many callers at once: in threads, in tasks of asyncio and trio, held in the middle of a fetch."""

import itertools
import threading
from collections.abc import Callable, Sequence
from functools import partial
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any, TypeVar

import anyio
import httpx
import httpx2
import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox import Sandbox
from tests.kit.waiting import until

T = TypeVar("T")

BACKENDS = ("asyncio", "trio")
_TRUSTS_NO_AUTHORITY = SSLContext(PROTOCOL_TLS_CLIENT)
NEVER = 20.0
"""Seconds after which something that has not happened never will."""

each_backend = pytest.mark.parametrize("backend", BACKENDS)
each_module = pytest.mark.parametrize(
    "module", [pytest.param(httpx, marks=pytest.mark.matrix), httpx2]
)


def source_with(
    sandbox: Sandbox, client_secret: Callable[[], str], **settings: Any
) -> ClientCredentials:
    """Make a source of the sandbox's application whose secret comes from a callable."""
    ours: dict[str, Any] = {"token_endpoint": sandbox.token_endpoint, "scope": "api"}
    return ClientCredentials(sandbox.client_id, client_secret, **(ours | settings))


class HeldSecret:
    """A ``client_secret`` that holds every fetch until the test releases it.

    Args:
        sandbox: Whose secret it returns.
        released: Whether fetches pass at first.
    """

    def __init__(self, sandbox: Sandbox, *, released: bool = False) -> None:
        self._sandbox = sandbox
        self._released = threading.Event()
        self.reached = threading.Event()
        """Set when a fetch has begun."""
        if released:
            self.release()

    def __call__(self) -> str:
        self.reached.set()
        assert self._released.wait(NEVER), "the test did not release the fetch"
        return self._sandbox.client_secret

    def release(self) -> None:
        """Let fetches pass."""
        self._released.set()

    def hold(self) -> None:
        """Hold every fetch from now on."""
        self._released.clear()
        self.reached.clear()


class Callers:
    """Counts the callers of a source who have decided to run a fetch or to wait for one.

    Args:
        source: The source.
    """

    def __init__(self, source: Any) -> None:
        self._next_step = source._next_step
        self._lock = threading.Lock()
        self.count = 0
        source._next_step = self._counted

    def _counted(self, *, force: bool) -> Any:
        step = self._next_step(force=force)
        with self._lock:
            self.count += 1
        return step

    def wait_for(self, count: int) -> None:
        """Block until so many have decided."""
        until(lambda: self.count >= count, NEVER)

    async def async_wait_for(self, count: int) -> None:
        """Wait until so many have decided."""
        await async_until(lambda: self.count >= count)


async def async_until(condition: Callable[[], object]) -> None:
    """Return once the condition is true; fail if it never becomes true."""
    with anyio.fail_after(NEVER):
        while not condition():  # noqa: ASYNC110 - threads set no event of a loop
            await anyio.sleep(0.001)


def async_client(module: Any, auth: Any) -> Any:
    """Make an ``AsyncClient`` of httpx or httpx2, which loads no certificate authorities."""
    return module.AsyncClient(auth=auth, timeout=NEVER, verify=_TRUSTS_NO_AUTHORITY)


def sync_client(module: Any, auth: Any) -> Any:
    """Make a ``Client`` of httpx or httpx2, which loads no certificate authorities."""
    return module.Client(auth=auth, timeout=NEVER, verify=_TRUSTS_NO_AUTHORITY)


def attempt(call: Callable[[], T]) -> T | BaseException:
    """Return what a call returned or raised."""
    try:
        return call()
    except BaseException as error:  # noqa: BLE001 - the test looks at it
        return error


async def async_attempt(call: Callable[[], Any]) -> Any:
    """Return what a call of a coroutine function returned or raised."""
    try:
        return await call()
    except Exception as error:  # noqa: BLE001 - the test looks at it
        return error


class Threads:
    """Calls on threads of their own, which all begin at the same moment.

    Args:
        calls: What each thread calls.
    """

    def __init__(self, calls: Sequence[Callable[[], Any]]) -> None:
        self._outcomes: list[Any] = [None] * len(calls)
        self._start = threading.Barrier(len(calls))
        self._threads = [
            threading.Thread(target=self._run, args=(place, call), daemon=True)
            for place, call in enumerate(calls)
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, place: int, call: Callable[[], Any]) -> None:
        self._start.wait(NEVER)
        self._outcomes[place] = attempt(call)

    def outcomes(self) -> list[Any]:
        """Return what each call returned or raised, in order."""
        for thread in self._threads:
            thread.join(NEVER)
            assert not thread.is_alive(), "a thread hangs"
        return self._outcomes


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Make calls on as many threads at the same moment; return what each returned or raised."""
    return Threads(calls).outcomes()


async def gather(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Await calls in as many tasks of asyncio or trio; return what each returned, in order."""
    outcomes: list[Any] = [None] * len(calls)

    async def run(place: int, call: Callable[[], Any]) -> None:
        outcomes[place] = await call()

    with anyio.fail_after(NEVER):
        async with anyio.create_task_group() as tasks:
            for place, call in enumerate(calls):
                tasks.start_soon(run, place, call)
    return outcomes


def gather_on(backend: str, calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Do what `gather` does in an event loop of its own."""
    return anyio.run(partial(gather, calls), backend=backend)


def distinct(outcomes: Sequence[Any]) -> set[str]:
    """Return the strings of tokens, also of those in lists; fail if one is an exception."""
    tokens = itertools.chain.from_iterable(
        each if isinstance(each, list) else [each] for each in outcomes
    )
    return {token.access_token for token in tokens}
