"""What the command line understands, and its manual."""

import runpy
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from bitquery_auth import __main__ as main_module
from bitquery_auth import __version__
from bitquery_auth._cli import main
from bitquery_auth._cli.exits import EXITS
from tests.cli.running import Command, run

COMMANDS = ["token", "query", "check", "revoke", "demo", "sandbox"]


def test_the_manual_names_every_command_variable_and_exit_code(command: Command) -> None:
    code, out, err = command("--help")
    assert (code, err) == (0, "")
    assert all(f"\n    {name} " in out for name in COMMANDS)
    assert all(f"\n  {code} " in out for code in EXITS)
    for name in ("CLIENT_ID", "CLIENT_SECRET", "TOKEN", "ENDPOINT", "TOKEN_ENDPOINT", "REVOCATION_ENDPOINT"):
        assert f"BITQUERY_{name}" in out
    for name in ("TOKEN_ENDPOINT_AUTH_METHOD", "SCOPE", "CACHE_DIR"):
        assert f"BITQUERY_{name}" in out


def test_the_manual_can_be_printed_in_ascii(command: Command) -> None:
    assert all(command(*words, "--help").out.isascii() for words in [[], *([name] for name in COMMANDS)])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, command: Command) -> None:
    code, out, err = command(name, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: bitquery-auth {name} ")


@pytest.mark.parametrize("arguments", [[], ["tokens"], ["token", "more"], ["query"], ["token", "--head"]])
def test_a_wrong_call_ends_with_2_and_says_how_it_is_called(arguments: list[str], command: Command) -> None:
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("usage: bitquery-auth")


def test_it_tells_its_version(command: Command) -> None:
    assert command("--version") == (0, f"bitquery_auth {__version__}\n", "")


def test_help_needs_neither_client_nor_extra() -> None:
    blocked = "; ".join(f"sys.modules[{name!r}] = None" for name in ("httpx", "requests", "rich", "filelock"))
    code = f"import sys; {blocked}; from bitquery_auth._cli import main; main(['--help'])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_installed_command_is_the_same_function() -> None:
    (script,) = entry_points(group="console_scripts", name="bitquery-auth")
    assert script.load() is main


def test_the_package_can_be_run_as_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["bitquery_auth", "--version"])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(main_module.__file__, run_name="__main__")
    assert not end.value.code


def test_as_a_module_it_calls_itself_by_its_name() -> None:
    ran = run("--help", environment={})
    assert ran.out.startswith("usage: bitquery-auth ")
