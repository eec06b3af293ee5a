"""The real stores, broken in the ways they break: a miss and one warning, never a failed request."""

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bitquery_auth import FileTokenStore, RedisTokenStore, TokenStore
from bitquery_auth.sandbox import Sandbox
from tests.stores.valkey import Valkey

Log = Callable[[int], list[str]]
Try = Callable[[TokenStore], str]


@pytest.fixture
def warned(sandbox: Sandbox, log: Log) -> Try:
    """Let two sources fetch through a store, each twice; give the warning, of which each has one."""

    def tried(store: TokenStore) -> str:
        for _ in range(2):
            source = sandbox.credentials(store=store)
            before = len(log(logging.WARNING))
            source.token()
            source.renew()
            assert len(log(logging.WARNING)) == before + 1
        assert not [each for each in log(logging.WARNING) if "ory_at_" in each]
        return log(logging.WARNING)[0]

    return tried


# -- files -------------------------------------------------------------------------------------------


def test_a_file_where_the_folder_should_be(warned: Try, tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    assert "FileTokenStore" in warned(FileTokenStore(tmp_path / "cache"))


def test_a_folder_that_cannot_be_made(warned: Try, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "Not a directory" in warned(FileTokenStore(tmp_path / "file" / "cache"))


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_a_folder_that_others_may_write_to(warned: Try, folder: Path, mode: int) -> None:
    folder.mkdir(parents=True)
    folder.chmod(mode)
    assert "others may write to it" in warned(FileTokenStore(folder))
    assert list(folder.iterdir()) == []


def test_a_folder_of_another_user(warned: Try, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(parents=True, mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    assert "another user's" in warned(FileTokenStore(folder))
    assert list(folder.iterdir()) == []


def test_a_folder_of_ours_behind_a_link_of_another_user(
    warned: Try, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.parent / "real").mkdir(parents=True, mode=0o700)
    folder.symlink_to(folder.parent / "real")
    owner, lstat = folder.stat().st_uid, Path.lstat

    def of_another(path: Path) -> os.stat_result:
        found = lstat(path)
        return os.stat_result([*found[:4], owner + 1, *found[5:]]) if path == folder else found

    monkeypatch.setattr(Path, "lstat", of_another)
    assert "another user's" in warned(FileTokenStore(folder))
    assert list(folder.iterdir()) == []


def test_a_folder_where_the_file_should_be(warned: Try, folder: Path, sandbox: Sandbox) -> None:
    key = sandbox.credentials()._exchange.fingerprint(sandbox.token_endpoint, sandbox.client_secret)
    (folder / f"{key}.json").mkdir(parents=True)
    folder.chmod(0o700)
    assert "FileTokenStore" in warned(FileTokenStore(folder))


@pytest.fixture
def kept_file(folder: Path, sandbox: Sandbox) -> Path:
    """The file of a token that was kept."""
    sandbox.credentials(store=FileTokenStore(folder)).token()
    return next(folder.glob("*.json"))


def _corrupt(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def _open_to_others(file: Path) -> None:
    file.chmod(0o666)


def _link(file: Path) -> None:
    file.rename(file.with_name("elsewhere"))
    file.symlink_to(file.with_name("elsewhere"))


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file, 0o600)


@pytest.mark.parametrize("spoil", [_corrupt, _open_to_others, _link, _pipe])
def test_a_file_that_is_not_to_be_trusted_is_replaced(
    sandbox: Sandbox, folder: Path, kept_file: Path, spoil: Callable[[Path], None], log: Log
) -> None:
    """Hazard P4: corrupt, open to others, a link or a pipe that was planted. Nothing is followed or waited for."""
    spoil(kept_file)
    token = sandbox.credentials(store=FileTokenStore(folder)).token()
    assert len(log(logging.WARNING)) == 1
    assert sandbox.token_requests == 2
    assert sandbox.credentials(store=FileTokenStore(folder)).token() == token
    assert kept_file.lstat().st_mode & 0o177777 == 0o100600


# -- Redis -------------------------------------------------------------------------------------------


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_no_server(warned: Try, sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert "RedisTokenStore: get failed (ConnectionError)" in warned(RedisTokenStore(f"redis://127.0.0.1:{port}"))


def test_a_server_that_does_not_answer_costs_little(sandbox: Sandbox, silent: int, log: Log) -> None:
    """One wait a fetch, and not one a call."""
    source = sandbox.credentials(store=RedisTokenStore(f"redis://127.0.0.1:{silent}"))
    began = time.monotonic()
    assert source.token()
    assert time.monotonic() - began < 2.5
    assert len(log(logging.WARNING)) == 1


def test_a_server_that_speaks_something_else(warned: Try, sandbox: Sandbox) -> None:
    assert warned(RedisTokenStore(f"{sandbox.url.replace('http', 'redis')}/0"))


def test_a_full_server(warned: Try, valkey: Valkey) -> None:
    valkey.ask("CONFIG", "SET", "maxmemory", "1")
    assert "failed (" in warned(RedisTokenStore(valkey.url))


def test_a_server_that_wants_a_password(warned: Try, valkey: Valkey) -> None:
    valkey.ask("CONFIG", "SET", "requirepass", "right")
    assert "failed (AuthenticationError)" in warned(RedisTokenStore(valkey.url.replace("//", "//:wrong@")))


@pytest.mark.parametrize("rights", ["+@read", "+@read +@write -set", "+@all -get"])
def test_a_user_without_rights(warned: Try, valkey: Valkey, rights: str) -> None:
    valkey.ask("ACL", "SETUSER", "limited", "on", ">pw", "~*", "+@connection", *rights.split())
    assert "RedisTokenStore" in warned(RedisTokenStore(valkey.url.replace("//", "//limited:pw@")))


def test_a_read_only_replica(warned: Try, valkey: Valkey) -> None:
    valkey.ask("REPLICAOF", "127.0.0.1", "1")
    assert "failed (" in warned(RedisTokenStore(valkey.url))


def test_something_else_under_the_key_is_replaced(valkey: Valkey, sandbox: Sandbox, log: Log) -> None:
    store = RedisTokenStore(valkey.url, prefix="p:")
    valkey.ask(
        "LPUSH",
        "p:" + sandbox.credentials()._exchange.fingerprint(sandbox.token_endpoint, sandbox.client_secret),
        "an",
        "old",
        "list",
    )
    token = sandbox.credentials(store=store).token()
    assert len(log(logging.WARNING)) == 1
    assert sandbox.credentials(store=store).token() == token


def test_a_server_that_went_away_and_came_back(valkey: Valkey, sandbox: Sandbox, log: Log) -> None:
    source = sandbox.credentials(store=RedisTokenStore(valkey.url))
    source.token()
    valkey.stop()
    source.renew()
    source.renew()
    assert len(log(logging.WARNING)) == 1
    valkey.start()
    token = source.renew()
    assert log(logging.INFO) == ["RedisTokenStore works again"]
    assert sandbox.credentials(store=RedisTokenStore(valkey.url)).token() == token
