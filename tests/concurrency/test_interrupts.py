"""An exception out of the blue, such as Ctrl-C or a soft time limit, reaches its caller as it is.

A waiter takes the fetch over, and no backoff begins, since the token endpoint has not failed.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from bitquery_auth import ClientCredentials, ConfigurationError, Token, TokenRequestError
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.kit.crowd import (
    BACKENDS,
    NEVER,
    Callers,
    HeldSecret,
    Threads,
    async_attempt,
    attempt,
    distinct,
    each_backend,
    gather_on,
    source_with,
)
from tests.kit.origin import Gate, Origin
from tests.kit.waiting import until
from tests.processes.script import run_script

needs_signals = pytest.mark.skipif(
    not hasattr(signal, "pthread_kill"), reason="signals to a thread are POSIX's"
)


class SoftTimeLimitError(Exception):
    """An ordinary exception, as Celery's is."""


class DeadlineError(OSError):
    """One that looks like an error of the network."""


class GreenletTimeout(BaseException):
    """Neither an `Exception` nor one of the interpreter's."""


EXCEPTIONS = [SoftTimeLimitError, DeadlineError, TimeoutError, GreenletTimeout, KeyboardInterrupt]


# -- from a signal handler -------------------------------------------------------------------------


class CallableHandler:
    """A signal handler that is an object."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __call__(self, *_: object) -> None:
        raise self._error

    def method(self, *_: object) -> None:
        raise self._error


def function(error: BaseException) -> Any:
    return lambda *_: CallableHandler(error).method()


HANDLERS: dict[str, Callable[[BaseException], Any]] = {
    "function": function,
    "partial": lambda error: partial(CallableHandler.method, CallableHandler(error)),
    "object": CallableHandler,
    "method": lambda error: CallableHandler(error).method,
}


@contextmanager
def interrupted_when(ready: Callable[[], object], handler: Any) -> Iterator[None]:
    """Send this thread a signal with that handler once something is the case."""
    before = signal.signal(signal.SIGUSR1, handler)
    main = threading.get_ident()

    def interrupt() -> None:
        until(ready, NEVER)
        signal.pthread_kill(main, signal.SIGUSR1)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        signal.signal(signal.SIGUSR1, before)


EACH_CASE = [("function", kind) for kind in EXCEPTIONS] + [
    (handler, SoftTimeLimitError) for handler in HANDLERS if handler != "function"
]


@needs_signals
@pytest.mark.parametrize(("handler", "kind"), EACH_CASE)
def test_an_exception_of_a_signal_handler_during_a_token_request_is_raised_as_it_is(
    sandbox: Sandbox, origin: Origin, gate: Gate, handler: str, kind: type[BaseException]
) -> None:
    """Five threads that wait for the request share one of their own: no backoff has begun."""
    source = sandbox.credentials(token_endpoint=origin.at("/oauth2/token"))
    callers = Callers(source)
    error = kind("from the handler")
    gate.close()

    def ready() -> bool:
        if gate.reached.is_set() and not waiters:
            waiters.append(Threads([source.token] * 5))
        return callers.count == 6

    waiters: list[Threads] = []
    with interrupted_when(ready, HANDLERS[handler](error)):
        assert attempt(source.token) is error
    until(lambda: len(origin.requests) == 2)
    gate.open()
    assert distinct(waiters[0].outcomes()) == {source.token().access_token}
    assert len(origin.requests) == 2


@needs_signals
@pytest.mark.parametrize("kind", EXCEPTIONS)
def test_an_exception_of_a_signal_handler_while_waiting_leaves_the_fetch_alone(
    source: ClientCredentials, secret: HeldSecret, sandbox: Sandbox, kind: type[BaseException]
) -> None:
    leader = Threads([source.token])
    assert secret.reached.wait(NEVER)
    callers = Callers(source)
    error = kind()
    with interrupted_when(lambda: callers.count, function(error)):
        assert attempt(source.token) is error
    secret.release()
    assert leader.outcomes() == [source.token()]
    assert sandbox.token_requests == 1


@needs_signals
def test_an_exception_of_a_signal_handler_while_another_is_handled_is_raised_as_it_is(
    sandbox: Sandbox, origin: Origin, gate: Gate
) -> None:
    """What the caller was handling before is not taken for it, though it came the same way."""
    source = sandbox.credentials(token_endpoint=origin.at("/oauth2/token"))
    earlier, error = SoftTimeLimitError("earlier"), SoftTimeLimitError("now")
    with interrupted_when(gate.reached.is_set, function(error)):
        try:
            function(earlier)()
        except SoftTimeLimitError:
            gate.close()
            assert attempt(source.token) is error
            gate.open()
            sandbox.outage = "drop"
            assert isinstance(attempt(source.token), TokenRequestError)


# -- from the fetch itself -------------------------------------------------------------------------


class InterruptedOnce(HeldSecret):
    """A secret at which the first fetch is interrupted when it is released.

    Args:
        sandbox: Whose secret it returns.
        interruption: What is raised.
    """

    def __init__(self, sandbox: Sandbox, interruption: type[BaseException]) -> None:
        super().__init__(sandbox)
        self._interruption = interruption
        self.fetches = 0

    def __call__(self) -> str:
        self.fetches += 1
        first = self.fetches == 1
        secret = super().__call__()
        if first:
            raise self._interruption
        return secret


Crowd = Callable[[ClientCredentials], list[Any]]
"""Calls for as many threads as there are in the list; five callers in all."""

CROWDS: dict[str, Crowd] = {
    "threads": lambda source: [source.token] * 5,
    **{
        backend: lambda source, backend=backend: [
            partial(gather_on, backend, [partial(async_attempt, source.atoken)] * 5)
        ]
        for backend in BACKENDS
    },
}
each_crowd = pytest.mark.parametrize("crowd", CROWDS.values(), ids=CROWDS)


def interrupted_leader(
    sandbox: Sandbox, crowd: Crowd, interruption: type[BaseException]
) -> tuple[ClientCredentials, InterruptedOnce, Any, list[Any]]:
    """Interrupt the leader of a fetch for which a crowd waits.

    Returns:
        The source, its secret, and what the leader and the waiters got.
    """
    secret = InterruptedOnce(sandbox, interruption)
    source = source_with(sandbox, secret)
    callers = Callers(source)
    leader = Threads([source.token])
    assert secret.reached.wait(NEVER)
    waiters = Threads(crowd(source))
    callers.wait_for(6)
    secret.release()
    outcomes: list[Any] = []
    for outcome in waiters.outcomes():
        outcomes += outcome if isinstance(outcome, list) else [outcome]
    return source, secret, leader.outcomes()[0], outcomes


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, GeneratorExit])
@each_crowd
def test_waiters_take_over_from_a_thread_that_was_interrupted(
    sandbox: Sandbox, crowd: Crowd, interruption: type[BaseException]
) -> None:
    source, secret, leader, waiters = interrupted_leader(sandbox, crowd, interruption)
    assert isinstance(leader, interruption)
    assert distinct(waiters) == {source.token().access_token}
    assert (secret.fetches, sandbox.token_requests) == (2, 1)


@pytest.mark.parametrize("kind", [LookupError, SystemExit, asyncio.CancelledError])
@each_backend
def test_an_exception_on_the_thread_of_a_fetch_reaches_the_task_that_began_it(
    sandbox: Sandbox, backend: str, kind: type[BaseException]
) -> None:
    """Nobody asks again without end, and the next call is served."""
    source = source_with(sandbox, secret := InterruptedOnce(sandbox, kind))
    secret.release()

    async def token() -> Any:
        try:
            await source.atoken()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            return error

    (outcome,) = gather_on(backend, [token])
    assert type(outcome) is kind
    assert secret.fetches == 1
    assert isinstance(source.token(), Token)


def test_a_refresh_that_is_interrupted_is_repeated_by_the_next_caller(
    sandbox: Sandbox, clock: Clock
) -> None:
    """Otherwise the token would be used until it expires, and nobody would renew it."""
    interrupts = iter([False, True, False])

    def secret() -> str:
        if next(interrupts):
            raise KeyboardInterrupt
        return sandbox.client_secret

    source = source_with(sandbox, secret, renew_ahead=0)
    first = source.token()
    clock.advance(3590)
    with pytest.raises(KeyboardInterrupt):
        source.token()
    assert source.token() != first
    assert sandbox.token_requests == 2


@each_crowd
def test_an_exception_of_the_callable_reaches_its_caller_as_it_is_and_waiters_as_an_error_of_ours(
    sandbox: Sandbox, crowd: Crowd
) -> None:
    """Nobody calls it again: a vault that is down is not asked by one waiter after the other."""
    source, secret, leader, waiters = interrupted_leader(sandbox, crowd, LookupError)
    assert type(leader) is LookupError
    for error in waiters:
        assert isinstance(error, ConfigurationError)
        assert "client_secret raised LookupError" in str(error)
    assert (secret.fetches, sandbox.token_requests) == (1, 0)
    assert isinstance(source.token(), Token)


# -- at any moment ---------------------------------------------------------------------------------

STORM = """
import random, signal, threading, time
from bitquery_auth import ConfigurationError

def no_secret():  # the shortest fetch there is, so that the steps around it are most of the time
    raise LookupError

source = credentials(no_secret)

class Interruption(BaseException):
    pass

def interrupt(*_):
    raise Interruption

def renew():
    try:
        source.renew()
    except (LookupError, ConfigurationError):  # of the callable, for its caller and for waiters
        pass

renewals = {1: 0, 2: 0}

def renew_on_and_on(place):
    while True:
        renew()
        renewals[place] += 1

for place in renewals:
    threading.Thread(target=renew_on_and_on, args=(place,), daemon=True).start()

signal.signal(signal.SIGALRM, interrupt)
sys.setswitchinterval(0.0002)
dice = random.Random(0)
interruptions = 0
while interruptions < 800:
    try:
        signal.setitimer(signal.ITIMER_REAL, dice.uniform(0.00002, 0.0006))
        while True:
            renew()
    except Interruption:
        interruptions += 1
    except RuntimeError:  # the standard library's own locks are not made for this
        interruptions += 1
signal.signal(signal.SIGALRM, signal.SIG_IGN)

before, end = dict(renewals), time.monotonic() + 10
while any(renewals[place] == before[place] for place in renewals) and time.monotonic() < end:
    time.sleep(0.001)
print([place for place in renewals if renewals[place] > before[place]])
"""


@pytest.mark.skipif(os.name == "nt", reason="interval timers are POSIX's")
def test_threads_go_on_whenever_another_one_is_interrupted(sandbox: Sandbox) -> None:
    """A caller who is interrupted between any two steps leaves nothing locked for the others."""
    assert run_script(STORM, sandbox) == "[1, 2]"
