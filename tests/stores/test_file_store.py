"""The file store: where its files are, who may read them, and which of them are removed."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import platformdirs
import pytest

from bitquery_auth import ConfigurationError, FileTokenStore, Token

TOKEN = Token("ory_at_sentinel", expires_at=datetime.now(UTC) + timedelta(days=1))
EXPIRED = Token("ory_at_expired", expires_at=datetime.now(UTC) - timedelta(seconds=1))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def calls_of(store: FileTokenStore, key: str) -> list[Callable[[], object]]:
    """Return a call of each method."""
    return [
        lambda: store.get(key),
        lambda: store.set(key, TOKEN),
        lambda: store.discard(key, TOKEN.access_token),
        lambda: store.lock(key, 0).__enter__(),
    ]


# -- where the files are ---------------------------------------------------------------------------


def test_by_default_files_are_in_the_users_cache_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name, **_: str(tmp_path / name))
    FileTokenStore().set("k", TOKEN)
    assert names(tmp_path / "bitquery_auth") == ["k.json"]


@pytest.mark.parametrize("path", ["here", "~/here", "link"])
def test_a_path_may_be_relative_or_begin_with_a_tilde_or_be_a_link(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str
) -> None:
    (tmp_path / "here").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    store = FileTokenStore(path)
    monkeypatch.chdir(tmp_path.parent)
    store.set("k", TOKEN)
    assert names(tmp_path / "here") == ["k.json"]


@pytest.mark.parametrize("path", ["", "  ", "~nobody-like-this/cache"], ids=repr)
def test_a_path_that_would_mean_the_current_directory_is_rejected(path: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^path "):
        FileTokenStore(path)


def test_a_user_without_a_home_directory_must_pass_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers run under user ids that the system does not know; some platformdirs raise then."""

    def no_home(*_: object, **__: object) -> str:
        raise RuntimeError("no home directory")

    monkeypatch.setattr("platformdirs.user_cache_dir", no_home)
    with pytest.raises(ConfigurationError, match="pass a full path"):
        FileTokenStore()


@pytest.mark.parametrize("key", ["", "../k", "a.b", "k\n", "k" * 129], ids=repr)
def test_a_key_that_could_name_another_file_is_rejected(folder: Path, key: str) -> None:
    for call in calls_of(FileTokenStore(folder), key):
        with pytest.raises(ValueError, match="key must"):
            call()
    assert not folder.exists()


@pytest.mark.parametrize("missing", ["filelock", "platformdirs"])
def test_without_its_libraries_construction_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, missing: str, folder: Path
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigurationError, match="pip install filelock platformdirs"):
        FileTokenStore(folder)


# -- who may read and write them -------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077], ids=oct)
def test_only_the_owner_may_read_the_files_or_enter_the_folder(folder: Path, umask: int) -> None:
    """Hazard P4."""
    before = os.umask(umask)
    try:
        store = FileTokenStore(folder)
        with store.lock("k", 0):
            store.set("k", TOKEN)
            modes = {path.name: mode(path) for path in folder.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"k.json": 0o600, "k.lock": 0o600}
    assert mode(folder) == 0o700


@pytest.mark.parametrize("others", [0o770, 0o707, 0o1777, None], ids=str)
def test_a_folder_that_others_can_write_to_or_own_is_not_used(
    folder: Path, others: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    FileTokenStore(folder).set("k", TOKEN)
    if others is None:
        monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    else:
        folder.chmod(others)
    for call in calls_of(FileTokenStore(folder), "k"):
        with pytest.raises(PermissionError, match="chmod 700"):
            call()
    assert names(folder) == ["k.json"]


# -- which files remain ----------------------------------------------------------------------------


def test_construction_and_reading_make_no_folder(folder: Path) -> None:
    store = FileTokenStore(folder)
    assert repr(store) == f"FileTokenStore({str(folder)!r})"
    store.get("k")
    store.discard("k", "t")
    assert not folder.parent.exists()


def test_a_write_that_fails_leaves_what_was_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FileTokenStore(folder)
    store.set("k", TOKEN)

    def fails(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OSError, match="no space left"):
        store.set("k", Token("another"))
    assert store.get("k") == TOKEN
    assert names(folder) == ["k.json"]


def test_storing_a_token_removes_the_files_and_locks_of_expired_ones_and_no_others(
    folder: Path,
) -> None:
    store = FileTokenStore(folder)
    for number in range(5):
        with store.lock(f"old{number}", 0):
            store.set(f"old{number}", EXPIRED)
        (folder / f"old{number}.lock").touch()  # as a process leaves it that is killed
    store.set("endless", Token("endless"))
    (folder / "package.json").write_text('{"expires_at": "2000-01-01T00:00:00+00:00"}')
    (folder / "poetry.lock").touch()
    (folder / "folder.json").mkdir()
    store.set("k", TOKEN)
    others = ["folder.json", "package.json", "poetry.lock"]
    assert names(folder) == sorted(["endless.json", "k.json", *others])


def test_an_expired_token_stays_while_another_process_is_about_to_replace_it(
    folder: Path,
) -> None:
    """What is removed just then might be the new one."""
    store = FileTokenStore(folder)
    with FileTokenStore(folder).lock("other", 0):
        FileTokenStore(folder).set("other", EXPIRED)
        store.set("k", TOKEN)
        assert names(folder) == ["k.json", "other.json", "other.lock"]


def test_a_token_that_was_replaced_meanwhile_is_not_removed_as_expired(folder: Path) -> None:
    class LateStore(FileTokenStore):
        @contextmanager
        def lock(self, key: str, timeout: float) -> Iterator[None]:
            if key == "other":
                other_process.set("other", TOKEN)
            with super().lock(key, timeout):
                yield

    other_process = FileTokenStore(folder)
    with other_process.lock("other", 0):
        other_process.set("other", EXPIRED)
    LateStore(folder).set("k", TOKEN)
    assert other_process.get("other") == TOKEN
