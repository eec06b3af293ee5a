"""What every contender is to the cases: a client with an auth, wired as its documentation says."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, Self

import requests

from tests.benchmarks.endpoint import Application, Endpoint

BODY = b'{"query": "{ x }"}'
"""The server responds 400 if less of it arrives."""


class Contender(ABC):
    """A client with an auth: a context manager.

    Args:
        app: Where its tokens come from.
    """

    name: ClassVar[str]
    client: ClassVar[str]
    """Whose floor it is compared with."""
    distribution: ClassVar[str]
    """What is installed to have it."""
    module: ClassVar[str]
    """What a program imports to have it."""
    method: ClassVar[str] = "client_secret_post"
    """How it authenticates at the token endpoint."""
    is_async: ClassVar[bool] = False
    is_floor: ClassVar[bool] = False
    cannot: ClassVar[Mapping[str, str]] = {}
    """Cases that it has no way to do, and why."""

    def __init__(self, app: Application) -> None:
        self.app = app

    @classmethod
    def at(cls, endpoint: Endpoint, **settings: Any) -> Self:
        """Make one with an application of its own."""
        return cls(endpoint.application(cls.method, **settings))

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def make_auth(self) -> Any:
        """Make what it is that a program with these credentials holds."""

    @abstractmethod
    def open(self) -> None:
        """Make the client."""

    @abstractmethod
    def close(self) -> None:
        """Close the client."""

    @abstractmethod
    def send(self, url: str, kind: str = "bytes") -> str:
        """Post `BODY`, as ``"bytes"`` or from a ``"generator"``.

        Returns:
            The status of the response, or the name of an exception.
        """

    @abstractmethod
    def send_many(self, count: int) -> None:
        """Post so many times in a row to the stub; what is timed."""

    @abstractmethod
    def work(self, count: int) -> None:
        """Do what the auth does for one request and its response, so many times."""

    @abstractmethod
    def idle(self, count: int) -> None:
        """Do what `work` does but for the auth: what is subtracted from it."""

    def puts_hook(self) -> bool:
        """Return whether it has the client call it for every response."""
        return False

    def warm(self) -> None:
        """Get a first token."""
        answer = self.send(self.app.api)
        if answer != "200":
            raise RuntimeError(f"{self.name} on {self.client}: {answer}")

    def at_once(self, count: int, url: str, kind: str = "bytes") -> list[str]:
        """Send from so many threads, or tasks, that begin together."""
        gate = threading.Barrier(count)

        def one(_: int) -> str:
            gate.wait()
            return self.send(url, kind)

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(one, range(count)))


def request_token(app: Application) -> dict[str, Any]:
    """Request a token, for the contenders that leave it to the program."""
    form = {
        "grant_type": "client_credentials",
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "scope": "api",
    }
    response = requests.post(app.token_endpoint, data=form, timeout=30)
    response.raise_for_status()
    granted: dict[str, Any] = response.json()
    return granted
