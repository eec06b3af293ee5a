"""How a command ends that is interrupted, or whose output cannot be written."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bitquery_auth._cli import main
from bitquery_auth.sandbox import Sandbox
from tests.cli.runner import COMMAND, TIMEOUT, Runner
from tests.kit.waiting import until


@pytest.fixture
def with_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITQUERY_TOKEN", "ory_at_abc")


def test_ctrl_c_ends_with_130_and_without_a_traceback(process: Runner, sandbox: Sandbox) -> None:
    sandbox.delay = 60
    with process.start("token") as running:
        until(lambda: sandbox.token_requests == 1, timeout=TIMEOUT)
        running.send_signal(signal.SIGINT)
        assert running.communicate(timeout=TIMEOUT) == ("", "")
    assert running.returncode == 130


def test_an_interrupt_in_this_process_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bitquery_auth._cli.tokens.token", interrupt)
    assert main(["token"]) == 130


@pytest.mark.usefixtures("with_token")
@pytest.mark.parametrize("arguments", [["--help"], ["token"]])
def test_a_reader_that_has_read_enough_is_not_an_error(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        done = subprocess.run(
            [*COMMAND, *arguments],
            stdout=closed,
            stderr=subprocess.PIPE,
            timeout=TIMEOUT,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.usefixtures("with_token")
def test_after_a_closed_pipe_the_rest_of_the_output_is_discarded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        assert main(["token"]) == 0
        print("more", file=closed, flush=True)  # as the interpreter does at its exit


@pytest.mark.usefixtures("with_token")
@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="only Linux has a disk that is always full"
)
def test_a_full_disk_ends_with_2_and_a_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["token"]) == 2
    assert capsys.readouterr().err == (
        "bitquery-auth: The output cannot be written: No space left on device.\n"
    )


def test_a_query_works_without_stdout(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", environment)
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["query", "{ __typename }"]) == 0


@pytest.mark.parametrize("arguments", ["token", "query '{ __typename }'"])
def test_a_shell_may_close_stdout_and_stderr(arguments: str, environment: dict[str, str]) -> None:
    command = f"{' '.join(COMMAND)} {arguments} >&- 2>&-"
    done = subprocess.run(["sh", "-c", command], env=environment, timeout=TIMEOUT, check=False)
    assert done.returncode == 0


def test_without_stderr_no_message_goes_to_stdout(environment: dict[str, str]) -> None:
    """Example: ``TOKEN=$(bitquery-auth token 2>&-)``."""
    environment.pop("BITQUERY_CLIENT_ID")
    done = subprocess.run(
        ["sh", "-c", f"{' '.join(COMMAND)} token 2>&-"],
        env=environment,
        stdout=subprocess.PIPE,
        timeout=TIMEOUT,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, b"")
