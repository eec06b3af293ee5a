"""A terminal gets a spinner and colours; a pipe gets neither, whatever is installed."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Mapping

import pytest

from bitquery_auth._cli import terminal
from bitquery_auth.sandbox import Sandbox
from tests.cli.running import COMMAND, Command

ESCAPE = "\x1b"
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
DATA = '{"data": {"ok": true}}'


def _in_terminal(*arguments: str, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a command whose stdout and stderr are a terminal; give its exit code and what the terminal was sent."""
    ours, theirs = pty.openpty()
    running = subprocess.Popen([*COMMAND, *arguments], env=dict(environment), stdout=theirs, stderr=theirs)
    os.close(theirs)
    sent = b""
    end = time.monotonic() + 60
    try:
        while time.monotonic() < end and select.select([ours], [], [], end - time.monotonic())[0]:
            try:
                data = os.read(ours, 65536)
            except OSError:  # as Linux tells that the other end was closed
                break
            if not data:
                break
            sent += data
    finally:
        os.close(ours)
    return running.wait(60), sent.decode()


@pytest.fixture
def environment(settings: dict[str, str]) -> dict[str, str]:
    rest = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    return rest | {"TERM": "xterm-256color", "COLUMNS": "80"}


def test_in_a_terminal_it_spins_while_it_waits_and_gives_the_cursor_back(
    environment: dict[str, str], sandbox: Sandbox
) -> None:
    sandbox.delay = 0.3
    code, sent = _in_terminal("token", environment=environment)
    assert code == 0
    assert "bitquery-auth: asking for a token ..." in sent
    assert sent.count(HIDE_CURSOR) == sent.count(SHOW_CURSOR) == 1
    assert sent.rstrip().rpartition("\n")[2].endswith("ory_at_" + sent.rpartition("ory_at_")[2].rstrip())


def test_in_a_terminal_the_answer_is_indented_and_coloured(environment: dict[str, str]) -> None:
    code, sent = _in_terminal("query", "{ x }", environment=environment)
    assert code == 0
    assert "\r\n  \x1b[" in sent
    assert '"data"' in sent


def test_who_wants_no_colours_gets_none(environment: dict[str, str]) -> None:
    code, sent = _in_terminal("query", "{ x }", environment=environment | {"NO_COLOR": "1", "TERM": "dumb"})
    assert (code, sent) == (0, '{\r\n  "data": {}\r\n}\r\n')


@pytest.mark.parametrize("arguments", [("token",), ("query", "{ x }"), ("check",), ("revoke",)])
def test_a_pipe_gets_neither_spinner_nor_colours(
    arguments: tuple[str, ...], environment: dict[str, str], sandbox: Sandbox
) -> None:
    sandbox.delay = 0.3
    done = subprocess.run(
        [*COMMAND, *arguments],
        env=environment | {"FORCE_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert ESCAPE not in done.stdout + done.stderr
    assert "asking" not in done.stdout + done.stderr


# -- in this process --------------------------------------------------------------------------------


@pytest.fixture
def _terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "_is_terminal", lambda stream: stream in (sys.stdout, sys.stderr))


@pytest.mark.usefixtures("_terminals")
def test_without_rich_a_terminal_gets_no_spinner_and_plain_indented_json(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert command("query", "{ x }") == (0, '{\n  "data": {}\n}\n', "")


@pytest.mark.usefixtures("_terminals")
def test_with_rich_json_stays_json(command: Command) -> None:
    code, out, _ = command("query", "{ EVM { DEXTrades(limit: {count: 1}) { x } } }")
    assert code == 0
    assert out.count("\n") > 5
    assert json.loads(out)["data"]["EVM"]["DEXTrades"]
