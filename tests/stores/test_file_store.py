"""The file store: where its files are, who may read them, and what is left when a process ends in the middle."""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from bitquery_auth import ConfigurationError, FileTokenStore, Token

TOKEN = Token("ory_at_sentinel", expires_at=datetime.now(UTC) + timedelta(days=1))


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Any:
    """What a process masks out of the modes of its new files."""
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_only_the_owner_may_read_or_enter(folder: Path) -> None:
    """Hazard P4."""
    store = FileTokenStore(folder)
    with store.lock("k", 1):
        store.set("k", TOKEN)
        assert {each.name: mode(each) for each in folder.iterdir()} == {"k.json": 0o600, "k.lock": 0o600}
    assert mode(folder) == 0o700


def test_a_folder_that_is_there_keeps_its_mode(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    store = FileTokenStore(folder)
    store.set("k", TOKEN)
    assert (mode(folder), store.get("k")) == (0o755, TOKEN)


def test_construction_and_a_look_make_no_folder(folder: Path) -> None:
    FileTokenStore(folder).get("k")
    assert not folder.parent.exists()


def test_a_write_leaves_nothing_beside_the_file(folder: Path) -> None:
    FileTokenStore(folder).set("k", TOKEN)
    assert [each.name for each in folder.iterdir()] == ["k.json"]


def test_a_write_that_fails_leaves_what_was_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileTokenStore(folder)
    store.set("k", TOKEN)

    def fails(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OSError, match="no space left"):
        store.set("k", Token("another"))
    assert store.get("k") == TOKEN
    assert [each.name for each in folder.iterdir()] == ["k.json"]


def test_what_killed_writers_left_is_removed_after_an_hour(folder: Path) -> None:
    store = FileTokenStore(folder)
    store.set("k", TOKEN)
    for name in ("k.old.tmp", "k.fresh.tmp", "other.old.tmp"):
        (folder / name).touch()
        if "old" in name:
            os.utime(folder / name, (0, 0))
    store.set("k", TOKEN)
    assert {each.name for each in folder.iterdir()} == {"k.json", "k.fresh.tmp", "other.old.tmp"}


def test_by_default_it_is_in_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *args, **_: tmp_path / args[0])
    FileTokenStore().set("k", TOKEN)
    assert (tmp_path / "bitquery_auth" / "k.json").exists()


def test_the_environment_does_not_move_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """BITQUERY_CACHE_DIR is the command line's."""
    monkeypatch.setenv("BITQUERY_CACHE_DIR", str(tmp_path / "elsewhere"))
    assert "elsewhere" not in repr(FileTokenStore())


def test_a_user_without_a_home_is_told_to_give_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *_, **__: Path("~/.cache/bitquery_auth"))
    with pytest.raises(ConfigurationError, match="path must be given"):
        FileTokenStore()


def test_a_path_is_meant_from_where_the_program_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    store = FileTokenStore("here")
    monkeypatch.chdir(tmp_path.parent)
    store.set("k", TOKEN)
    assert (tmp_path / "here" / "k.json").exists()


def test_a_path_can_begin_in_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    FileTokenStore("~/here").set("k", TOKEN)
    assert (tmp_path / "here" / "k.json").exists()


def test_a_folder_may_be_reached_by_a_link_of_ours(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    folder.parent.mkdir()
    folder.symlink_to(tmp_path / "real")
    store = FileTokenStore(folder)
    store.set("k", TOKEN)
    assert store.get("k") == TOKEN


@pytest.mark.parametrize("wrong", ["", "  ", "a\0b", b"bytes", 5, True, ["x"], "~nobody-of-this-name/x"], ids=repr)
def test_what_is_no_path_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^path "):
        FileTokenStore(wrong)


@pytest.mark.parametrize("wrong", ["", "../k", "a/b", "a.b", "k\n", "k" * 129], ids=repr)
def test_a_key_that_is_no_file_name_reaches_no_file(folder: Path, wrong: str) -> None:
    store = FileTokenStore(folder)
    for attempt in (
        lambda: store.get(wrong),
        lambda: store.set(wrong, TOKEN),
        lambda: store.discard(wrong, "t"),
        lambda: store.lock(wrong, 1),
    ):
        with pytest.raises(ValueError, match="key must be"):
            attempt()


@pytest.mark.parametrize("missing", ["filelock", "platformdirs"])
def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch, missing: str, folder: Path) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigurationError, match=r"pip install 'bitquery_auth\[file\]'"):
        FileTokenStore(folder)


def test_its_repr_says_where_it_is(folder: Path) -> None:
    store = FileTokenStore(folder)
    store.set("k", TOKEN)
    assert repr(store) == f"FileTokenStore({str(folder)!r})"
