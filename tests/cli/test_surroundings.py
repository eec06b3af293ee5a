"""Where the command line keeps the token: a file, where that can be had, and otherwise it says why not."""

import sys
from pathlib import Path

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.cli.running import Command


def test_the_token_is_kept_where_the_environment_says(command: Command, settings: dict[str, str]) -> None:
    command("token")
    assert [path.suffix for path in Path(settings["BITQUERY_CACHE_DIR"]).glob("*.json")] == [".json"]


def test_without_the_extra_it_works_and_says_what_to_install(
    command: Command, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "filelock", None)
    code, out, err = command("token")
    assert (code, out[:7]) == (0, "ory_at_")
    assert err == "bitquery-auth: the token is not kept between runs: pip install 'bitquery_auth[cli]'.\n"
    command("token")
    assert sandbox.token_requests == 2


def test_a_user_without_a_cache_folder_is_told_how_to_name_one(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: Path("nowhere"))
    code, out, err = command("token", BITQUERY_CACHE_DIR=" ")
    assert (code, out[:7]) == (0, "ory_at_")
    assert err == "bitquery-auth: the token is not kept between runs: set BITQUERY_CACHE_DIR to a folder.\n"


def test_a_cache_folder_that_is_none_is_a_configuration_error(command: Command) -> None:
    code, out, err = command("token", BITQUERY_CACHE_DIR="~nobody-of-this-name/cache")
    assert (code, out) == (2, "")
    assert err.startswith("bitquery-auth: BITQUERY_CACHE_DIR: path begins with ~")


def test_a_folder_that_cannot_be_used_costs_a_warning_and_no_token(command: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert command("token", BITQUERY_CACHE_DIR=str(tmp_path / "file")).code == 0
