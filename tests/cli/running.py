"""A command as people run it: a process of its own, whose output goes into pipes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

COMMAND = [sys.executable, "-W", "error", "-m", "bitquery_auth"]
PATIENCE = 60.0


class Ran(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Command = Callable[..., Ran]
"""``command(*arguments, stdin="", **environment)``; None takes a variable away."""


def changed(environment: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """An environment with some variables set and others taken away."""
    merged = {**environment, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def run(*arguments: str, environment: Mapping[str, str], stdin: str = "") -> Ran:
    """Run a command to its end."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        env=dict(environment),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def start(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start a command that goes on until it is stopped; it hears Ctrl+C, even where the tests run deaf to it."""
    hearing = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code = hearing + "from bitquery_auth._cli import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        env=dict(os.environ if environment is None else environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stopped(process: subprocess.Popen[str], number: signal.Signals) -> Ran:
    """Send a signal and wait for the end."""
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    return Ran(process.returncode, out, err)


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that another process brings about."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)
