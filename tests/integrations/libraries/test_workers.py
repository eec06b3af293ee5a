"""Workers that fork: an auth at module level has one token for each process, or one for all."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from textwrap import dedent
from typing import Any

import pytest
import requests

from bitquery_auth.sandbox import Sandbox
from tests.kit.waiting import until

AUTH = """
import os, requests
from bitquery_auth import RequestsAuth, from_env

source = from_env()
auth = RequestsAuth(source)

def call_api():
    with requests.Session() as session:
        session.auth = auth
        response = session.get(os.environ["BITQUERY_ENDPOINT"], timeout=20)
    return f"{response.status_code} {os.getpid()}"
"""


@contextmanager
def running(*command: str, folder: Path, sandbox: Sandbox) -> Iterator[None]:
    """Run a server in a folder, with the sandbox in its environment."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder,
            env=os.environ | sandbox.environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def write(folder: Path, name: str, program: str) -> None:
    (folder / name).write_text(AUTH + dedent(program), encoding="utf-8")


def check(results: list[str], workers: int, sandbox: Sandbox, tokens: int) -> None:
    """Check that every call succeeded, and that a worker needed at most one token of its own."""
    assert {result.split()[0] for result in results} == {"200"}
    assert len({result.split()[1] for result in results}) <= workers
    assert 1 <= sandbox.token_requests <= tokens


def test_celery(tmp_path: Path, sandbox: Sandbox) -> None:
    celery = pytest.importorskip("celery")
    queue = tmp_path / "queue"
    queue.mkdir()
    (tmp_path / "results").mkdir()
    settings = {
        "broker_url": "filesystem://",
        "broker_transport_options": {"data_folder_in": str(queue), "data_folder_out": str(queue)},
        "result_backend": f"file://{tmp_path}/results",
    }
    program = f"""
        from celery import Celery

        app = Celery("tasks")
        app.conf.update({settings!r})

        @app.task
        def call():
            return call_api()
    """
    write(tmp_path, "tasks.py", program)
    app: Any = celery.Celery("tasks")
    app.conf.update(settings)

    def results() -> list[str]:
        pending = [app.send_task("tasks.call") for _ in range(8)]
        return [each.get(timeout=60, interval=0.05) for each in pending]

    command = ["celery", "--app=tasks", "worker", "--concurrency=2", "--without-mingle"]
    with running(*command, "--without-gossip", folder=tmp_path, sandbox=sandbox):
        check(results(), 2, sandbox, 2)
        before = sandbox.token_requests
        sandbox.revoke_all()
        check(results(), 2, sandbox, before + 2)


def test_gunicorn(tmp_path: Path, sandbox: Sandbox) -> None:
    pytest.importorskip("gunicorn")
    program = """
        source.token()  # before gunicorn forks its workers

        def application(environ, start_response):
            start_response("200 OK", [("Connection", "close")])
            return [call_api().encode()]
    """
    write(tmp_path, "app.py", program)
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"

    def is_up() -> bool:
        with socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def results() -> list[str]:
        return [requests.get(url, timeout=20).text for _ in range(12)]

    command = ["gunicorn", "--preload", "--workers=2", f"--bind=127.0.0.1:{port}", "app"]
    with running(*command, folder=tmp_path, sandbox=sandbox):
        until(is_up, timeout=30)
        check(results(), 2, sandbox, 1)  # the workers share the token of their parent
        sandbox.revoke_all()
        check(results(), 2, sandbox, 3)
