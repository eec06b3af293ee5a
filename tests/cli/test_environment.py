"""What the environment configures: credentials, files of them, and where the token is kept."""

import sys
from pathlib import Path
from typing import Any

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.cli.runner import Runner

PASTED = {"BITQUERY_CLIENT_ID": None, "BITQUERY_TOKEN": "ory_at_abc"}


@pytest.mark.parametrize("quote", ['"', "'"])
def test_quotes_of_an_env_file_are_removed(
    quote: str, command: Runner, environment: dict[str, str]
) -> None:
    names = ("CLIENT_ID", "CLIENT_SECRET", "TOKEN_ENDPOINT", "ENDPOINT", "CACHE_DIR")
    quoted = {
        f"BITQUERY_{name}": f"{quote}{environment[f'BITQUERY_{name}']}{quote}" for name in names
    }
    assert command("check", **quoted).code == 0
    assert Path(environment["BITQUERY_CACHE_DIR"]).is_dir()


def test_the_secret_is_read_from_a_file(command: Runner, sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{sandbox.client_secret}\n")
    settings = {"BITQUERY_CLIENT_SECRET": None, "BITQUERY_CLIENT_SECRET_FILE": str(file)}
    assert command("check", **settings).code == 0
    file.unlink()
    code, _, err = command("token", **settings)
    assert code == 2
    assert err.startswith("bitquery-auth: BITQUERY_CLIENT_SECRET_FILE: the file cannot be read: ")


def test_a_token_is_read_from_a_file(command: Runner, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("ory_at_abc\n")
    settings = {"BITQUERY_CLIENT_ID": None, "BITQUERY_TOKEN_FILE": str(tmp_path / "token")}
    assert command("token", **settings) == (0, "ory_at_abc\n", "")
    assert sandbox.token_requests == 0


def test_the_token_is_kept_in_the_users_cache_folder_by_default(
    process: Runner, sandbox: Sandbox, tmp_path: Path
) -> None:
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": None, "LOCALAPPDATA": str(tmp_path)}
    for _ in range(2):
        assert process("token", BITQUERY_CACHE_DIR=None, **home).code == 0
    assert sandbox.token_requests == 1
    assert list(tmp_path.rglob("bitquery_auth"))


def test_without_the_libraries_of_the_store_they_are_named_and_a_token_is_printed(
    command: Runner,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(sys.modules, "filelock", None)
    for _ in range(2):
        ran = command("token")
        assert (ran.code, ran.out[:7], ran.err) == (0, "ory_at_", "")
    assert sandbox.token_requests == 2
    assert caplog.messages[0].startswith("the token is not kept between runs: ")
    assert "pip install filelock platformdirs" in caplog.messages[0]


@pytest.mark.parametrize(
    ("folder", "variables", "warnings"),
    [
        ("~nobody-of-this-name/cache", {}, ["WARNING"]),
        (__file__, {}, ["WARNING"]),
        ("~nobody-of-this-name/cache", PASTED, []),
    ],
)
def test_a_folder_that_cannot_be_used_costs_a_warning_and_no_token(
    folder: str,
    variables: dict[str, Any],
    warnings: list[str],
    command: Runner,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A pasted token needs no folder."""
    ran = command("token", BITQUERY_CACHE_DIR=folder, **variables)
    assert (ran.code, ran.out[:7], ran.err) == (0, "ory_at_", "")
    assert [record.levelname for record in caplog.records] == warnings
