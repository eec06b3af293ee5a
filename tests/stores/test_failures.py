"""A store that fails costs its processes a token each and one warning, and never a request."""

import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from http import HTTPStatus
from typing import Any

import pytest

from bitquery_auth import (
    ConfigurationError,
    RedisTokenStore,
    Token,
    TokenStore,
)
from bitquery_auth._stores import sharing
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.kit.crowd import NEVER, Threads
from tests.stores.conftest import Log
from tests.stores.memory import MemoryStore, WatchedStore, failing, raising

Warned = Callable[[TokenStore], str]


@pytest.fixture
def warned(sandbox: Sandbox, log: Log) -> Warned:
    """Fetch twice through a store, and return the one warning that must result."""

    def tried(store: TokenStore) -> str:
        source = sandbox.credentials(store=store)
        source.discard(source.token())
        source.token()
        source.renew()
        (warning,) = log(logging.WARNING)
        assert "ory_at_" not in warning
        return warning

    return tried


# -- any store -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "set", "discard", "lock", "unlock"])
def test_a_method_that_raises_fails_no_request_and_is_one_warning(
    warned: Warned, method: str
) -> None:
    """Hazard P3."""
    warning = warned(failing(method))
    assert warning.startswith(f"token store failed ({method.removeprefix('un')}: RuntimeError)")
    assert warning.endswith(": WatchedStore")


def test_a_store_that_works_again_is_mentioned_and_the_next_failure_too(
    sandbox: Sandbox, log: Log
) -> None:
    store = WatchedStore()
    source = sandbox.credentials(store=store)
    fails = raising(RuntimeError())
    for before in ({"get": fails}, {}, {}, {"set": fails}, {}):
        store.before = before
        source.renew()
    assert len(log(logging.WARNING)) == 2
    assert log(logging.INFO) == ["token store works again: WatchedStore"] * 2


class OddStore(MemoryStore):
    """Returns what no store should, and looks at no expiry."""

    def __init__(self, **returned: Any) -> None:
        super().__init__()
        self._returned = returned

    def get(self, key: str) -> Token | None:
        return self._returned.get("get", self.tokens.get(key))

    def lock(self, key: str, timeout: float) -> Any:
        return self._returned.get("lock", nullcontext())


@pytest.mark.parametrize("returned", ["a token", 0], ids=repr)
def test_what_is_not_a_token_is_replaced(sandbox: Sandbox, returned: Any, log: Log) -> None:
    store = OddStore(get=returned)
    token = sandbox.credentials(store=store).token()
    assert list(store.tokens.values()) == [token]
    assert "not a Token" in log(logging.WARNING)[0]


def test_a_lock_that_is_not_a_context_manager_fails_no_request(warned: Warned) -> None:
    assert warned(OddStore(lock=None))


def test_an_expired_token_of_a_store_that_does_not_look_is_not_used(
    sandbox: Sandbox, clock: Clock
) -> None:
    store = OddStore()
    first = sandbox.credentials(store=store).token()
    clock.advance(sandbox.lifetime)
    assert sandbox.credentials(store=store).token() != first


def test_a_value_error_of_get_means_a_corrupt_entry_which_is_replaced(
    sandbox: Sandbox, log: Log
) -> None:
    store = failing("get", error=ValueError("corrupt"))
    sandbox.credentials(store=store).token()
    assert store.calls == ["get", "lock", "get", "set", "unlock"]
    assert len(log(logging.WARNING)) == 1


def test_a_store_that_fails_is_skipped_for_the_rest_of_the_fetch(sandbox: Sandbox) -> None:
    """Each further call could take as long."""
    store = failing("get")
    source = sandbox.credentials(store=store)
    source.discard(source.token())
    source.token()
    source.renew()
    assert store.calls == ["get"] * 3


def test_a_store_without_a_working_lock_is_used_without(sandbox: Sandbox) -> None:
    store = failing("lock")
    token = sandbox.credentials(store=store).token()
    assert sandbox.credentials(store=store).token() == token
    assert sandbox.token_requests == 1


def test_a_lock_that_others_hold_for_too_long_is_given_up_with_a_warning(
    sandbox: Sandbox, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    class Sleepless:
        sleep = pauses.append

    monkeypatch.setattr(sharing, "time", Sleepless)
    store = failing("lock", error=TimeoutError())
    assert sandbox.credentials(store=store, timeout=20).token()
    assert sum(pauses) == pytest.approx(20)
    assert max(pauses) <= 1
    assert len(pauses) < 50
    assert "lock: other processes held it for 20 s" in log(logging.WARNING)[0]
    assert store.calls[-1] == "set"


class ServerError(OSError):
    """As a library may raise one."""


@pytest.mark.parametrize("kind", [RuntimeError, ServerError, ValueError])
def test_a_warning_quotes_no_other_library(warned: Warned, kind: type[Exception]) -> None:
    """Hazard S5: Redis quotes the beginning of a command that it rejects, and so the token."""
    assert kind.__name__ in warned(failing("set", error=kind("SET ory_at_sentinel")))


def test_a_warning_quotes_the_operating_system(warned: Warned) -> None:
    error = PermissionError(13, "Permission denied", "/somewhere")
    assert "Permission denied: '/somewhere'" in warned(failing("set", error=error))


@pytest.mark.parametrize("wrong", ["redis://host", MemoryStore, {}, nullcontext()])
def test_what_is_not_a_store_is_rejected_at_construction(sandbox: Sandbox, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="store must be a token store"):
        sandbox.credentials(store=wrong)


def test_a_lifetime_is_counted_from_the_request_and_not_from_the_wait_before_it(
    sandbox: Sandbox, clock: Clock
) -> None:
    """Hazard E7."""
    sandbox.lifetime = 60
    store = WatchedStore(lock=lambda: clock.advance(100))
    token = sandbox.credentials(store=store).token()
    assert token.expires_in == pytest.approx(60, abs=2)


def test_a_token_that_has_expired_on_arrival_is_not_stored(sandbox: Sandbox) -> None:
    sandbox.lifetime = 0
    store = MemoryStore()
    assert sandbox.credentials(store=store).token()
    assert store.tokens == {}


def test_an_entry_that_is_no_value_of_an_enumeration_is_corrupt_as_any_other(
    sandbox: Sandbox, log: Log
) -> None:
    """`signal.SIG_DFL` is of an enumeration too: its lookups are not what a handler raised."""
    store = WatchedStore(get=lambda: HTTPStatus("unknown"))
    assert sandbox.credentials(store=store).token()
    assert len(log(logging.WARNING)) == 1


def test_a_call_of_the_store_that_hangs_holds_up_no_other_caller_for_long(sandbox: Sandbox) -> None:
    stored = WatchedStore()
    sandbox.credentials(store=stored).token()
    called, released = threading.Event(), threading.Event()

    def hang_once() -> None:
        if not called.is_set():
            called.set()
            assert released.wait(NEVER)

    store = WatchedStore(stored, get=hang_once)
    stuck = Threads([sandbox.credentials(store=store).token])
    assert called.wait(NEVER)
    token = sandbox.credentials(store=store).token()
    released.set()
    assert stuck.outcomes() == [token]
    assert sandbox.token_requests == 1


# -- Redis -----------------------------------------------------------------------------------------


def test_a_server_that_does_not_respond_costs_one_wait_for_each_fetch(
    sandbox: Sandbox, log: Log
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        source = sandbox.credentials(store=RedisTokenStore(url))
        began = time.monotonic()
        assert source.token()
        assert time.monotonic() - began < 2.5
    assert len(log(logging.WARNING)) == 1
