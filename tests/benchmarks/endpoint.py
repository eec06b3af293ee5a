"""The server as the cases hold it: started as a process, asked and set over a pipe."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Self

STUB_URL = "https://api.stub.test/graphql"
"""The API that no socket leads to: clients are given a transport that answers for it."""

_serial = count()


@dataclass(frozen=True)
class Application:
    """What a contender needs to get tokens, and to use them.

    Args:
        server: Where everything is.
        name: Of the application: the first part of its paths.
        leeway: How early tokens are to be renewed; None: the contender's default.
    """

    server: str
    name: str
    leeway: float | None = None

    client_id = "benchmark"
    client_secret = "no-secret"

    @property
    def issuer(self) -> str:
        return f"{self.server}/{self.name}"

    @property
    def token_endpoint(self) -> str:
        return f"{self.issuer}/token"

    @property
    def api(self) -> str:
        return f"{self.issuer}/graphql"


class Endpoint:
    """The running server: a context manager."""

    def __enter__(self) -> Self:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self._process.stdout.readline().strip()  # type: ignore[union-attr]
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait()
        self._process.stdout.close()  # type: ignore[union-attr]

    def application(self, *, leeway: float | None = None, **settings: Any) -> Application:
        """Register an application of its own for one contender in one case.

        Args:
            leeway: For the contender.
            settings: `tests.benchmarks.server.App`'s.
        """
        app = Application(self.url, f"app{next(_serial)}", leeway)
        self.set(app, **settings)
        return app

    def set(self, app: Application, **settings: Any) -> None:
        self._ask(app, set=settings)

    def revoke(self, app: Application) -> None:
        """Make every token of the application stop working, and count from zero."""
        self._ask(app, revoke=True, reset=True)

    def counts(self, app: Application) -> dict[str, int]:
        return self._ask(app)

    def _ask(self, app: Application, **command: Any) -> dict[str, int]:
        with self._lock:
            self._process.stdin.write(json.dumps({"app": app.name, **command}) + "\n")  # type: ignore[union-attr]
            self._process.stdin.flush()  # type: ignore[union-attr]
            answer: dict[str, int] = json.loads(self._process.stdout.readline())  # type: ignore[union-attr]
        return answer
