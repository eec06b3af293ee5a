"""What every contender is to the cases: a client with an auth, wired as its documentation says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from tests.benchmarks.endpoint import Application

BODY = b'{"query": "{ x }"}'


@dataclass(frozen=True)
class Answer:
    """What a caller got: a status and how much of its body arrived, or the name of an exception."""

    status: int | None = None
    received: int | None = None
    error: str | None = None

    @property
    def is_good(self) -> bool:
        return self.status == 200 and self.received == len(BODY)

    def __str__(self) -> str:
        if self.error is not None:
            return self.error
        return "200, body lost" if self.status == 200 and not self.is_good else str(self.status)


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
    is_async: ClassVar[bool] = False
    is_floor: ClassVar[bool] = False
    cannot: ClassVar[Mapping[str, str]] = {}
    """Cases that it has no way to do, and why."""

    def __init__(self, app: Application) -> None:
        self.app = app

    @abstractmethod
    def make_auth(self) -> Any:
        """Make what it is that a program with these credentials holds."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def open(self) -> None:
        """Make the client."""

    def close(self) -> None:  # noqa: B027 - not every one has something to close
        """Close the client."""

    @abstractmethod
    def send(self, url: str, kind: str = "bytes") -> Answer:
        """Post `BODY`, as ``"bytes"`` or from a ``"generator"``."""

    @abstractmethod
    def at_once(self, count: int, url: str, kind: str = "bytes") -> list[Answer]:
        """Do that so many times at once."""

    @abstractmethod
    def send_many(self, count: int, url: str) -> None:
        """Do that so many times in a row; what is timed."""

    @abstractmethod
    def work(self, count: int) -> None:
        """Do what the auth does for one answered request, so many times, without a client."""

    @abstractmethod
    def idle(self, count: int) -> None:
        """Do what `work` does but for the auth: what is subtracted from it."""

    def puts_hook(self) -> bool:
        """Whether it has the client call it for every answer."""
        return False

    def warm(self) -> None:
        """Get a first token."""
        answer = self.send(self.app.api)
        if not answer.is_good:
            msg = f"{self.name} on {self.client}: {answer}"
            raise RuntimeError(msg)

    @classmethod
    def label(cls) -> str:
        return f"{cls.name} ({cls.client})"
