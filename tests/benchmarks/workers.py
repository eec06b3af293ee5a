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

from tests.benchmarks.contenders.face import Contender
from tests.benchmarks.endpoint import Application


class Worker:
    """A process of a module of this package that calls `serve`.

    Args:
        module: Its name in `tests.benchmarks.cases`.
        kind: A contender.
        app: The contender's application.
        options: What else it needs.
    """

    def __init__(
        self, module: str, kind: type[Contender], app: Application, **options: Any
    ) -> None:
        # By its own module and not by the table, which would import all the others.
        given = json.dumps(
            {"kind": [kind.__module__, kind.__name__], "app": asdict(app), **options}
        )
        self._name = f"{module} of {kind.label()}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"tests.benchmarks.cases.{module}", given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_until_ready(self) -> None:
        if not self._process.stdout.readline():  # type: ignore[union-attr]
            msg = f"{self._name} ended before it began."
            raise RuntimeError(msg)

    def go(self) -> None:
        self._process.stdin.write("go\n")  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]

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
    """In a worker: its contender, application and options."""
    options = json.loads(sys.argv[1])
    module, name = options.pop("kind")
    warnings.simplefilter("ignore")  # the contenders' own
    return getattr(import_module(module), name), Application(**options.pop("app")), options


def report(found: Any) -> None:
    """In a worker: say what it found, and be done."""
    sys.stdout.write(json.dumps(found))


def wait_for_go() -> None:
    """In a worker: say that it is ready, and wait until all are."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
