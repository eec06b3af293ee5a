"""A store that fails, in every way a user's own could: a miss and one warning, never a failed request."""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from bitquery_auth import ConfigurationError, Token, TokenEndpointError
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.stores.memory import FailingStore, MemoryStore

METHODS = ("get", "set", "lock", "unlock")
Log = Callable[[int], list[str]]


@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_raises_fails_no_request(sandbox: Sandbox, method: str, log: Log) -> None:
    """Hazard P3: an outage of the store is a miss."""
    source = sandbox.credentials(store=FailingStore(method))
    assert source.token()
    assert [each.startswith("FailingStore: ") for each in log(logging.WARNING)] == [True]


def test_a_discard_that_raises_fails_no_request(sandbox: Sandbox, log: Log) -> None:
    source = sandbox.credentials(store=FailingStore("discard"))
    token = source.token()
    source.discard(token)
    assert source.token() != token
    assert len(log(logging.WARNING)) == 1


@pytest.mark.parametrize("method", METHODS)
def test_there_is_one_warning_however_long_it_fails(sandbox: Sandbox, method: str, log: Log) -> None:
    source = sandbox.credentials(store=FailingStore(method))
    for _ in range(5):
        source.renew()
    assert len(log(logging.WARNING)) == 1


def test_after_it_worked_again_it_warns_again(sandbox: Sandbox, log: Log) -> None:
    store = FailingStore("get")
    source = sandbox.credentials(store=store)
    for fails in ({"get"}, set[str](), {"set"}, set[str]()):
        store.fails = fails
        source.renew()
    assert len(log(logging.WARNING)) == 2
    assert log(logging.INFO) == ["FailingStore works again"] * 2


def test_a_store_that_always_worked_is_not_mentioned(sandbox: Sandbox, log: Log) -> None:
    source = sandbox.credentials(store=FailingStore())
    source.renew()
    source.renew()
    assert log(logging.INFO) + log(logging.WARNING) == []


@pytest.mark.parametrize("instead", ["a token", {"access_token": "t"}, b"", 0, object()], ids=repr)
def test_what_is_not_a_token_is_a_miss_and_replaced(sandbox: Sandbox, instead: object, log: Log) -> None:
    store = FailingStore()
    store.instead = instead
    token = sandbox.credentials(store=store).token()
    assert list(store.tokens.values()) == [token]
    assert len(log(logging.WARNING)) == 1


def test_a_store_that_fails_slowly_is_asked_once_a_fetch(sandbox: Sandbox) -> None:
    """Each further call could take as long: what cannot be read is not locked, read again and written."""
    store = FailingStore("get")
    source = sandbox.credentials(store=store)
    source.token()
    assert store.calls == ["get"]
    source.renew()
    assert store.calls == ["get", "get"]


def test_what_was_refused_is_not_discarded_from_a_store_that_cannot_be_read(sandbox: Sandbox) -> None:
    store = FailingStore("get")
    source = sandbox.credentials(store=store)
    source.discard(source.token())
    source.token()
    assert "discard" not in store.calls


def test_a_lock_that_cannot_be_had_does_not_end_the_sharing(sandbox: Sandbox) -> None:
    store = FailingStore("lock")
    token = sandbox.credentials(store=store).token()
    assert sandbox.credentials(store=store).token() == token
    assert sandbox.token_requests == 1


def test_a_lock_that_is_no_context_manager_fails_no_request(sandbox: Sandbox, log: Log) -> None:
    class Odd(MemoryStore):
        lock = None  # type: ignore[assignment]

        def __init__(self) -> None:
            super().__init__()
            self.lock = lambda key, timeout: None  # type: ignore[assignment,method-assign]

    assert sandbox.credentials(store=Odd()).token()
    assert len(log(logging.WARNING)) == 1


def test_a_failed_fetch_is_its_own_error_though_the_lock_fails_too(sandbox: Sandbox) -> None:
    sandbox.outage = 500
    with pytest.raises(TokenEndpointError):
        sandbox.credentials(store=FailingStore("unlock")).token()


def test_an_interrupted_fetch_gives_the_lock_back(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FailingStore()
    source = sandbox.credentials(store=store)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(source._exchange, "request_token", interrupted)
        with pytest.raises(KeyboardInterrupt):
            source.token()
    assert store.calls[-1] == "unlock"
    assert source.token()


def test_a_warning_does_not_quote_what_a_server_said(sandbox: Sandbox, log: Log) -> None:
    """Hazard S5: Redis quotes the beginning of a command that it refuses, and with it the token."""

    class ServerError(OSError):
        pass

    for error in (RuntimeError("SET ory_at_sentinel"), ServerError("SET ory_at_sentinel"), ValueError("ory_at_s")):
        sandbox.credentials(store=FailingStore("set", error=error)).token()
    assert len(log(logging.WARNING)) == 3
    assert not [each for each in log(logging.WARNING) if "ory_at" in each]


def test_a_warning_says_what_the_system_said(sandbox: Sandbox, log: Log) -> None:
    error = PermissionError(13, "Permission denied", "/somewhere")
    sandbox.credentials(store=FailingStore("set", error=error)).token()
    assert "Permission denied: '/somewhere'" in log(logging.WARNING)[0]


@pytest.mark.parametrize("wrong", ["redis://host", MemoryStore, {}, object(), nullcontext()], ids=repr)
def test_what_is_no_store_is_refused_at_construction(sandbox: Sandbox, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="store must be a token store"):
        sandbox.credentials(store=wrong)


def test_construction_asks_the_store_nothing(sandbox: Sandbox) -> None:
    store = FailingStore()
    sandbox.credentials(store=store)
    assert store.calls == []


def test_a_token_lives_from_its_own_request_and_not_from_the_wait_before_it(sandbox: Sandbox, clock: Clock) -> None:
    """Hazard E7: counted from just before the token request is sent."""
    store = FailingStore()
    store.on_lock = lambda: clock.advance(100)
    sandbox.lifetime = 60
    token = sandbox.credentials(store=store).token()
    assert token.expires_in == pytest.approx(60, abs=2)


def test_a_token_that_has_ended_on_arrival_is_not_kept(sandbox: Sandbox) -> None:
    sandbox.lifetime = 0
    store = MemoryStore()
    assert sandbox.credentials(store=store).token()
    assert store.tokens == {}


def test_a_token_of_a_store_that_keeps_expired_ones_is_not_taken(sandbox: Sandbox, clock: Clock) -> None:
    class Lasting(MemoryStore):
        def get(self, key: str) -> Token | None:
            return self.tokens.get(key)

    store = Lasting()
    first = sandbox.credentials(store=store).token()
    clock.advance(sandbox.lifetime)
    assert sandbox.credentials(store=store).token() != first
