"""Starting and stopping a server as a process of our own."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.kit.waiting import until

from ._process import StartError, free_port, running

ROOT = Path(__file__).parents[2]
TEST_WITH_A_SERVER = """
import sys, threading
from tests.servers._process import running

def test_that_never_ends():
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "{port}"]
    with running(command, ready_url="http://127.0.0.1:{port}/"):
        print("the server responds", flush=True)
        threading.Event().wait()
"""


def test_a_server_answers_within_the_block_and_not_after_it() -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    with requests.Session() as session:
        session.trust_env = False
        with running(command, ready_url=url):
            assert session.get(url, timeout=10).status_code == 200
        with pytest.raises(requests.ConnectionError):
            session.get(url, timeout=10)


def test_a_program_that_ends_at_once_is_quoted_in_the_error() -> None:
    command = [sys.executable, "-c", "import sys; print('no licence'); sys.exit(3)"]
    with (
        pytest.raises(StartError, match=r"(?s)ended with status 3 .*no licence"),
        running(command, ready_url=f"http://127.0.0.1:{free_port()}/"),
    ):
        pass


def test_a_program_that_never_answers_is_given_up() -> None:
    command = [sys.executable, "-c", "import threading; threading.Event().wait()"]
    with (
        pytest.raises(StartError, match=r"did not answer .* within 0\.3 s"),
        running(command, ready_url=f"http://127.0.0.1:{free_port()}/", start_seconds=0.3),
    ):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_test_run_that_is_ended_by_a_signal_leaves_no_server(tmp_path: Path) -> None:
    port = free_port()
    program = tmp_path / "test_with_a_server.py"
    program.write_text(TEST_WITH_A_SERVER.format(port=port))
    command = [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider", str(program)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
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
