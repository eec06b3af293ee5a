"""Callers of every kind on one source, who pause between calls until they are stopped."""

import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any

import anyio
import httpx
import httpx2
import requests
import trio  # noqa: F401 - else several threads import it at once, and some see half of it

from bitquery_auth import BitqueryAuthError, HTTPXAuth, RequestsAuth
from tests.kit import QUERY
from tests.kit.crowd import BACKENDS
from tests.soak.weather import CALL, INTERRUPT, RecordingSandbox

THREADS = 4
"""Of requests, and as many of httpx."""
TASKS = 6
"""Of asyncio, and as many of trio."""
TRUSTING_NOBODY = SSLContext(PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True)
class Bad:
    """A call that did not end in 200: when, and with which status or class of error."""

    call: str
    began: float
    ended: float
    outcome: int | str


class Interrupted(Exception):  # noqa: N818 - the name of a state, as of Celery's time limits
    """Raised by a signal handler of the program, in the middle of whatever the main thread does."""


@dataclass
class Load:
    """The callers, and what they met. Successes are only counted, so that memory stays comparable.

    Args:
        sandbox: Whom they call.
        source: Whose tokens they carry.
        dice: Draws their pauses.
    """

    sandbox: RecordingSandbox
    source: Any
    dice: random.Random
    bad: list[Bad] = field(default_factory=list[Bad])
    crashes: list[BaseException] = field(default_factory=list[BaseException])
    good: int = 0
    interrupted: int = 0
    most_threads: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._numbers = count(1)
        hosts = self.sandbox.allowed_hosts
        self._requests_auth = RequestsAuth(self.source, allowed_hosts=hosts)
        self._is_interruptible = False
        self._httpx_auth = HTTPXAuth(self.source, allowed_hosts=hosts)

    def run(self, seconds: float, weather: Callable[[threading.Event], None]) -> None:
        """Let everyone call for so long."""
        self._stop = threading.Event()
        signal.signal(INTERRUPT, self._interrupt)
        works: list[Callable[[], Any]] = [self._with_requests] * THREADS + [
            self._with_httpx
        ] * THREADS
        works += [partial(anyio.run, self._with_httpx2, backend=backend) for backend in BACKENDS]
        works += [partial(weather, self._stop)]
        threads = [
            threading.Thread(target=self._guarded, args=(work,), daemon=True) for work in works
        ]
        for thread in threads:
            thread.start()
        self._call_from_main_thread(time.monotonic() + seconds)
        self._stop.set()
        for thread in threads:
            thread.join(40)
        assert not any(thread.is_alive() for thread in threads), "a caller never came back"

    def _call_from_main_thread(self, end: float) -> None:
        """Call until then, and be interrupted now and then."""
        with requests.Session() as session:
            session.auth = self._requests_auth
            while time.monotonic() < end and not self.crashes:
                self.most_threads = max(self.most_threads, threading.active_count())
                try:
                    self._call(partial(self._interruptible, session.post))
                except Interrupted:
                    self.interrupted += 1

    def _interruptible(self, post: Callable[..., Any], *args: Any, **options: Any) -> Any:
        try:
            self._is_interruptible = True
            return post(*args, **options)
        finally:
            self._is_interruptible = False

    def _interrupt(self, *_: object) -> None:
        if self._is_interruptible:
            self._is_interruptible = False
            raise Interrupted

    def _guarded(self, work: Callable[[], Any]) -> None:
        try:
            work()
        except BaseException as crash:  # noqa: BLE001 - the test shows it
            self.crashes.append(crash)

    def _note(self, call: str, began: float, outcome: int | str) -> None:
        if outcome == 200:
            with self._lock:
                self.good += 1
        else:
            self.bad.append(Bad(call, began, time.monotonic(), outcome))

    def _call(self, post: Callable[..., Any]) -> None:
        call, began = str(next(self._numbers)), time.monotonic()
        try:
            outcome = post(
                self.sandbox.graphql_endpoint, json=QUERY, headers={CALL: call}, timeout=20
            ).status_code
        except BitqueryAuthError as error:
            outcome = type(error).__name__
        self._note(call, began, outcome)
        self._stop.wait(self.dice.uniform(0.02, 0.08))

    def _with_requests(self) -> None:
        with requests.Session() as session:
            session.auth = self._requests_auth
            while not self._stop.is_set():
                self._call(session.post)

    def _with_httpx(self) -> None:
        with httpx.Client(auth=self._httpx_auth, verify=TRUSTING_NOBODY) as client:
            while not self._stop.is_set():
                self._call(client.post)

    async def _with_httpx2(self) -> None:
        async with (
            httpx2.AsyncClient(auth=self._httpx_auth, verify=TRUSTING_NOBODY) as client,
            anyio.create_task_group() as tasks,
        ):
            for _ in range(TASKS):
                tasks.start_soon(self._task, client)

    async def _task(self, client: Any) -> None:
        url = self.sandbox.graphql_endpoint
        while not self._stop.is_set():
            call, began = str(next(self._numbers)), time.monotonic()
            try:
                outcome = (
                    await client.post(url, json=QUERY, headers={CALL: call}, timeout=20)
                ).status_code
            except BitqueryAuthError as error:
                outcome = type(error).__name__
            self._note(call, began, outcome)
            await anyio.sleep(self.dice.uniform(0.02, 0.08))
