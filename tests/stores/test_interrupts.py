"""What a signal handler raises reaches the program as it is, whatever a store is doing."""

import logging
import os
import signal
import socket
from collections.abc import Iterator
from functools import partial
from types import FrameType

import pytest

from bitquery_auth import RedisTokenStore
from bitquery_auth.sandbox import Sandbox
from tests.stores.conftest import Log, Place
from tests.stores.memory import WatchedStore, failing

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no such signals here")


class SoftTimeLimitError(Exception):
    """As Celery raises one."""


class AlarmError(TimeoutError):
    """What many programs raise from a handler of SIGALRM."""


@pytest.fixture(params=[SoftTimeLimitError, AlarmError, ConnectionError, KeyboardInterrupt])
def raised(request: pytest.FixtureRequest) -> Iterator[BaseException]:
    """What the handler of SIGALRM raises."""
    error: BaseException = request.param("from a signal handler")

    def handler(_: int, __: FrameType | None) -> None:
        raise error

    before = signal.signal(signal.SIGALRM, handler)
    yield error
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


interrupt = partial(os.kill, os.getpid(), signal.SIGALRM)
"""Call the handler, in the middle of whatever the main thread is doing."""


def test_an_interrupt_while_waiting_for_the_lock_reaches_the_caller(
    place: Place, sandbox: Sandbox, raised: BaseException, log: Log
) -> None:
    source = sandbox.credentials(store=WatchedStore(place.store))
    with place.another().lock("k", 0):
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(type(raised)) as caught:
            source.token()
    assert caught.value is raised
    assert sandbox.token_requests == 0
    assert source.token()
    assert log(logging.WARNING) == []


@pytest.mark.parametrize("method", ["get", "lock", "set", "unlock"])
def test_an_interrupt_within_a_call_of_the_store_reaches_the_caller(
    place: Place, sandbox: Sandbox, raised: BaseException, method: str, log: Log
) -> None:
    store = WatchedStore(place.store, **{method: interrupt})
    source = sandbox.credentials(store=store)
    with pytest.raises(type(raised)) as caught:
        source.token()
    assert caught.value is raised
    store.before.clear()
    assert source.token()
    assert log(logging.WARNING) == []


def test_an_interrupt_of_a_blocked_connection_reaches_the_caller(
    sandbox: Sandbox, raised: BaseException, log: Log
) -> None:
    """redis-py turns some exceptions into its own."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = RedisTokenStore(f"redis://127.0.0.1:{silent.getsockname()[1]}?socket_timeout=20")
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(type(raised)) as caught:
            sandbox.credentials(store=store).token()
    assert caught.value is raised
    assert log(logging.WARNING) == []


def test_an_interrupt_that_is_being_handled_is_not_raised_again_for_a_broken_store(
    sandbox: Sandbox, raised: BaseException
) -> None:
    """It is the context of the store's error, but not what caused it."""
    try:
        interrupt()
    except type(raised):
        assert sandbox.credentials(store=failing("get")).token()
