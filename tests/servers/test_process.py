"""Starting and stopping a server as a process of our own."""

import sys

import pytest
import requests

from ._process import StartError, free_port, running


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
