"""How a command ends that cannot go on: interrupted, unread, with nowhere to write."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bitquery_auth._cli import main
from bitquery_auth.sandbox import Sandbox
from tests.cli.running import COMMAND, start, stopped, until


def test_ctrl_c_ends_with_130_and_without_a_traceback(sandbox: Sandbox, settings: dict[str, str]) -> None:
    sandbox.delay = 60
    with start("token") as running:
        until(lambda: sandbox.token_requests == 1)
        assert stopped(running, signal.SIGINT) == (130, "", "")


def test_ctrl_c_in_this_process_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bitquery_auth._cli.tokens.source", interrupted)
    assert main(["token"]) == 130


@pytest.mark.parametrize("arguments", [["--help"], ["token"]])
def test_a_reader_who_has_read_enough_costs_no_words(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as unread:
        environment = os.environ | {"BITQUERY_TOKEN": "ory_at_abc"}
        done = subprocess.run(
            [*COMMAND, *arguments], env=environment, stdout=unread, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_unread_stdout_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITQUERY_TOKEN", "ory_at_abc")
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as unread:
        monkeypatch.setattr(sys, "stdout", unread)
        assert main(["token"]) == 0
        print("more", file=unread, flush=True)  # goes nowhere, and does not fail


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the disk that is always full is Linux's")
def test_a_full_disk_is_told_and_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BITQUERY_TOKEN", "ory_at_abc")
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["token"]) == 2
    assert capsys.readouterr().err == "bitquery-auth: The output cannot be written: No space left on device.\n"


def test_without_stdout_and_stderr_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITQUERY_TOKEN", "ory_at_abc")
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["token"]) == 0


def test_the_commands_of_a_shell_that_closed_both_work() -> None:
    command = " ".join(COMMAND)
    environment = os.environ | {"BITQUERY_TOKEN": "ory_at_abc"}
    done = subprocess.run(["sh", "-c", f"{command} token >&- 2>&-"], env=environment, timeout=60, check=False)
    assert done.returncode == 0
