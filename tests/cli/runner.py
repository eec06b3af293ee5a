"""Runs ``bitquery-auth``: as a process, as people do, or in this process, which is quicker."""

import io
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pytest

from bitquery_auth._cli import main

COMMAND = (sys.executable, "-W", "error", "-m", "bitquery_auth")
TIMEOUT = 60.0


class Finished(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


class Runner:
    """Runs a command as a process whose output goes into pipes.

    Args:
        environment: The environment of the process.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)

    def __call__(self, *arguments: str, stdin: str = "", **variables: str | None) -> Finished:
        """Run a command to its end.

        Args:
            arguments: Those of the command line.
            stdin: What it reads there.
            variables: Further environment variables; None removes one.
        """
        return self._run([*COMMAND, *arguments], stdin, self._with(variables))

    def run_python(self, code: str) -> Finished:
        """Run a program in the environment of the command."""
        return self._run([sys.executable, "-W", "error", "-c", code], "", self.environment)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _run(self, command: Sequence[str], stdin: str, environment: dict[str, str]) -> Finished:
        done = subprocess.run(
            command,
            env=environment,
            input=stdin.encode(),
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
        return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())

    def _with(self, variables: Mapping[str, str | None]) -> dict[str, str]:
        merged = {**self.environment, **variables}
        return {name: value for name, value in merged.items() if value is not None}


class InProcessRunner(Runner):
    """Runs a command in this process.

    Args:
        environment: The environment of the command.
        monkeypatch: Sets it, and the standard streams.
    """

    def __init__(self, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(environment)
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str, stdin: str = "", **variables: str | None) -> Finished:
        out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
        with self._monkeypatch.context() as patch:
            patch.setattr("os.environ", self._with(variables))
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8"))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            code = main(arguments)
        out.flush()
        return Finished(code, out.buffer.getvalue().decode(), err.getvalue())
