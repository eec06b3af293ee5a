"""Run a server as a process of our own on a loopback port."""

import contextlib
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import requests

# The kernel draws the ports of outgoing connections from a higher range, so none of them can take
# one of these between our finding it free and the server's binding it.
_PORTS = range(20_000, 32_000)
_POLL_INTERVAL = 0.02
_STOP_SECONDS = 10.0
_OUTPUT_SHOWN = 4_000


# PR_SET_PDEATHSIG (1) makes the kernel kill the program when the thread that started it has ended,
# for example because a signal ended the test run. The run may have ended before that call.
_LAUNCHER = """
import ctypes, os, signal, sys
parent, *command = sys.argv[1:]
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() == int(parent):
    os.execvp(command[0], command)
"""


class StartError(RuntimeError):
    """The server did not begin to respond; the message ends with what it printed."""


def free_port() -> int:
    # The module's own functions draw the same numbers in each process of a test run.
    for port in random.SystemRandom().sample(_PORTS, k=100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise StartError(f"no free port found between {_PORTS.start} and {_PORTS.stop}")


def ending_with_us(command: Sequence[str | Path]) -> list[str | Path]:
    """Return a command that runs `command` and does not outlive this process, where Linux runs."""
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-c", _LAUNCHER, str(os.getpid()), *command]


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    *,
    ready_url: str,
    env: Mapping[str, str] | None = None,
    start_seconds: float = 60.0,
) -> Iterator[None]:
    """Run `command` for the duration of the block, which begins once `ready_url` responds.

    Its standard input stays open, and empty, for as long as it is to run.
    """
    # A file, as a pipe that nobody reads would stop a talkative server.
    with (
        tempfile.TemporaryFile() as output,
        subprocess.Popen(
            ending_with_us(command),
            env=env,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            problem = _wait_until_ready(process, ready_url, start_seconds)
            if problem:
                output.seek(0)
                printed = output.read()[-_OUTPUT_SHOWN:].decode(errors="replace")
                raise StartError(f"{command[0]} {problem}; it printed:\n{printed}")
            yield
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_ready(
    process: subprocess.Popen[bytes], ready_url: str, seconds: float
) -> str | None:
    """Return what went wrong, or None once there is a response other than a server error."""
    deadline = time.monotonic() + seconds
    with requests.Session() as session:
        session.trust_env = False  # a proxy of the environment does not know this loopback port
        while time.monotonic() < deadline:
            with contextlib.suppress(requests.RequestException):
                if session.get(ready_url, timeout=5).status_code < 500:
                    return None
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = process.wait(_POLL_INTERVAL)
                return f"ended with status {status} instead of responding at {ready_url}"
    return f"did not respond at {ready_url} within {seconds:g} s"
