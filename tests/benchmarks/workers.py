"""Programs of their own that a case starts: ready, told to go, and done with one line of JSON."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from typing import Any

from tests.benchmarks.contenders.contender import Contender
from tests.benchmarks.endpoint import Application


class Worker:
    """A process of a module of `tests.benchmarks.cases`.

    Args:
        module: Its name.
        kind: A contender.
        app: The contender's application.
        options: What else it needs.
    """

    def __init__(
        self, module: str, kind: type[Contender], app: Application, **options: Any
    ) -> None:
        # By its own module and not by the table, which would import all the others.
        given = {"kind": [kind.__module__, kind.__name__], "app": asdict(app), **options}
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"tests.benchmarks.cases.{module}", json.dumps(given)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_until_ready(self) -> None:
        if not self._process.stdout.readline():
            raise RuntimeError(f"{self._process.args} ended before it began.")

    def go(self) -> None:
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def result(self) -> Any:
        """Wait for what it found."""
        out, _ = self._process.communicate()
        return json.loads(out)


def go_together(workers: Sequence[Worker]) -> list[Any]:
    """Let them all begin when the last is ready."""
    for worker in workers:
        worker.wait_until_ready()
    for worker in workers:
        worker.go()
    return [worker.result() for worker in workers]


def given() -> tuple[type[Contender], Application, dict[str, Any]]:
    """In a worker: return its contender, application and options."""
    options = json.loads(sys.argv[1])
    module, name = options.pop("kind")
    warnings.simplefilter("ignore")  # the contenders' own
    return getattr(import_module(module), name), Application(**options.pop("app")), options


def wait_for_go() -> None:
    """In a worker: say that it is ready, and wait until all are."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
