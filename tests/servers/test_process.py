"""Starting and stopping a server as a process of our own."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.waiting import until

from ._process import StartError, free_port, running

TEST_WITH_A_SERVER = """
import sys, threading
from tests.servers._process import running

def test_that_never_ends():
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "{port}"]
    with running(command, ready_url="http://127.0.0.1:{port}/"):
        print("the server responds", flush=True)
        threading.Event().wait()
"""


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("print('no licence'); raise SystemExit(3)", r"(?s)ended with status 3 .*no licence"),
        ("import threading; threading.Event().wait()", r"did not respond at .* within 0\.5 s"),
    ],
    ids=["ends at once", "never responds"],
)
def test_the_error_of_a_program_that_does_not_start_says_why(program: str, message: str) -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    command = [sys.executable, "-c", program]
    seconds = 0.5 if "within" in message else 60.0
    with (
        pytest.raises(StartError, match=message),
        running(command, ready_url=url, start_seconds=seconds),
    ):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_test_run_that_is_ended_by_a_signal_leaves_no_server(tmp_path: Path) -> None:
    port = free_port()
    program = tmp_path / "test_with_a_server.py"
    program.write_text(TEST_WITH_A_SERVER.format(port=port))
    command = [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider", str(program)]
    with subprocess.Popen(
        command,
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as run:
        assert run.stdout is not None
        assert any("the server responds" in line for line in run.stdout)
        assert accepts_connections(port)
        run.terminate()
        run.communicate(timeout=30)
    until(lambda: not accepts_connections(port))


def accepts_connections(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
