"""A store that fails costs its processes a token each and one warning, and never a request."""

import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from bitquery_auth import (
    ConfigurationError,
    FileTokenStore,
    RedisTokenStore,
    Token,
    TokenEndpointError,
    TokenStore,
)
from bitquery_auth._stores import sharing
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.stores.conftest import Log
from tests.stores.memory import MemoryStore, WatchedStore, failing, raising
from tests.stores.valkey import Valkey

METHODS = ("get", "set", "lock", "unlock")


# -- any store -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_raises_fails_no_request_and_is_one_warning(
    sandbox: Sandbox, method: str, log: Log
) -> None:
    """Hazard P3."""
    source = sandbox.credentials(store=failing(method))
    assert source.token()
    for _ in range(3):
        source.renew()
    (warning,) = log(logging.WARNING)
    assert warning.startswith(f"token store failed ({method.removeprefix('un')}: RuntimeError)")
    assert warning.endswith(": WatchedStore")


def test_a_discard_that_raises_fails_no_request(sandbox: Sandbox, log: Log) -> None:
    source = sandbox.credentials(store=failing("discard"))
    token = source.token()
    source.discard(token)
    assert source.token() != token
    assert len(log(logging.WARNING)) == 1


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


@pytest.mark.parametrize("returned", ["a token", {"access_token": "t"}, b"", 0], ids=repr)
def test_what_is_not_a_token_is_replaced(sandbox: Sandbox, returned: Any, log: Log) -> None:
    class Odd(MemoryStore):
        def get(self, key: str) -> Token | None:
            return returned  # type: ignore[no-any-return]  # wrong on purpose

    store = Odd()
    token = sandbox.credentials(store=store).token()
    assert list(store.tokens.values()) == [token]
    assert "not a Token" in log(logging.WARNING)[0]


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


def test_a_lock_that_is_not_a_context_manager_fails_no_request(sandbox: Sandbox, log: Log) -> None:
    class Odd(MemoryStore):
        def lock(self, key: str, timeout: float) -> Any:
            return None

    assert sandbox.credentials(store=Odd()).token()
    assert len(log(logging.WARNING)) == 1


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


def test_an_error_of_the_token_endpoint_is_not_hidden_by_one_of_the_lock(sandbox: Sandbox) -> None:
    sandbox.outage = 500
    with pytest.raises(TokenEndpointError):
        sandbox.credentials(store=failing("unlock")).token()


def test_a_warning_quotes_no_other_library(sandbox: Sandbox, log: Log) -> None:
    """Hazard S5: Redis quotes the beginning of a command that it rejects, and so the token."""

    class ServerError(OSError):
        pass

    for kind in (RuntimeError, ServerError, ValueError):
        error = kind("SET ory_at_sentinel")
        sandbox.credentials(store=failing("set", error=error)).token()
    assert len(log(logging.WARNING)) == 3
    assert "ory_at" not in "".join(log(logging.WARNING))


def test_a_warning_quotes_the_operating_system(sandbox: Sandbox, log: Log) -> None:
    error = PermissionError(13, "Permission denied", "/somewhere")
    sandbox.credentials(store=failing("set", error=error)).token()
    assert "Permission denied: '/somewhere'" in log(logging.WARNING)[0]


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


def test_an_expired_token_of_a_store_that_does_not_look_is_not_used(
    sandbox: Sandbox, clock: Clock
) -> None:
    class Careless(MemoryStore):
        def get(self, key: str) -> Token | None:
            return self.tokens.get(key)

    store = Careless()
    first = sandbox.credentials(store=store).token()
    clock.advance(sandbox.lifetime)
    assert sandbox.credentials(store=store).token() != first


# -- files -----------------------------------------------------------------------------------------

Warned = Callable[[TokenStore], str]


@pytest.fixture
def warned(sandbox: Sandbox, log: Log) -> Warned:
    """Fetch twice through a store, and return the one warning that must result."""

    def tried(store: TokenStore) -> str:
        source = sandbox.credentials(store=store)
        source.token()
        source.renew()
        (warning,) = log(logging.WARNING)
        assert "ory_at_" not in warning
        return warning

    return tried


def test_a_folder_that_cannot_be_made_fails_no_request(warned: Warned, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "Not a directory" in warned(FileTokenStore(tmp_path / "file" / "cache"))


def test_a_folder_that_others_can_write_to_fails_no_request(warned: Warned, folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    assert "other users can write to" in warned(FileTokenStore(folder))
    assert list(folder.iterdir()) == []


def test_a_corrupt_file_is_replaced(sandbox: Sandbox, folder: Path, log: Log) -> None:
    """Hazard P4."""
    sandbox.credentials(store=FileTokenStore(folder)).token()
    file = next(folder.glob("*.json"))
    file.write_bytes(file.read_bytes()[:-20])
    token = sandbox.credentials(store=FileTokenStore(folder)).token()
    assert (len(log(logging.WARNING)), sandbox.token_requests) == (1, 2)
    assert sandbox.credentials(store=FileTokenStore(folder)).token() == token


# -- Redis -----------------------------------------------------------------------------------------


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where connections are accepted and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_no_server_fails_no_request(warned: Warned) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    store = RedisTokenStore(f"redis://127.0.0.1:{port}")
    assert "(get: ConnectionError)" in warned(store)


def test_a_server_that_does_not_respond_costs_one_wait_for_each_fetch(
    sandbox: Sandbox, silent: int, log: Log
) -> None:
    source = sandbox.credentials(store=RedisTokenStore(f"redis://127.0.0.1:{silent}"))
    began = time.monotonic()
    assert source.token()
    assert time.monotonic() - began < 2.5
    assert len(log(logging.WARNING)) == 1


def test_a_server_that_is_not_redis_fails_no_request(warned: Warned, sandbox: Sandbox) -> None:
    assert warned(RedisTokenStore(f"{sandbox.url.replace('http', 'redis')}/0"))


@pytest.mark.parametrize(
    "command",
    [
        ("CONFIG", "SET", "maxmemory", "1"),
        ("CONFIG", "SET", "requirepass", "right"),
        ("REPLICAOF", "127.0.0.1", "1"),
        ("ACL", "SETUSER", "default", "-get"),
        ("ACL", "SETUSER", "default", "-set"),
    ],
    ids=" ".join,
)
def test_a_server_that_rejects_commands_fails_no_request(
    warned: Warned, valkey: Valkey, command: tuple[str, ...]
) -> None:
    valkey.ask(*command)
    url = valkey.url.replace("//", "//default:wrong@")
    assert "token store failed" in warned(RedisTokenStore(url))


def test_a_server_that_comes_back_is_used_again(valkey: Valkey, sandbox: Sandbox, log: Log) -> None:
    source = sandbox.credentials(store=RedisTokenStore(valkey.url))
    source.token()
    valkey.stop()
    source.renew()
    source.renew()
    assert len(log(logging.WARNING)) == 1
    valkey.start()
    token = source.renew()
    assert log(logging.INFO) == ["token store works again: RedisTokenStore"]
    assert sandbox.credentials(store=RedisTokenStore(valkey.url)).token() == token
