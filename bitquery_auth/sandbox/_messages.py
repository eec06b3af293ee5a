"""HTTP messages as values: a request, a response, and the record that is kept of both."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs


class Headers(Mapping[str, str]):
    """The headers of one request: names in any case, and the first value where one is repeated.

    The first, because that is what Go's ``Header.Get`` returns to Hydra. The repr shows names
    only, since the values hold credentials.
    """

    __slots__ = ("_first", "pairs")

    def __init__(self, pairs: tuple[tuple[str, str], ...]) -> None:
        self.pairs = pairs
        """Every header as it was sent: spelling, order and repetitions."""
        self._first = {name.lower(): value for name, value in reversed(pairs)}

    def __getitem__(self, name: str) -> str:
        return self._first[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._first)

    def __len__(self) -> int:
        return len(self._first)

    def __repr__(self) -> str:
        return f"<Headers {', '.join(self)}>"


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was read completely, without its transfer coding."""

    method: str
    target: str = field(repr=False)
    headers: Headers
    body: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The parameters in the URL, the first where one is repeated."""
        return {name: values[0] for name, values in parse_qs(self.target.partition("?")[2]).items()}

    @property
    def media_type(self) -> str:
        """The content type in lower case, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Response:
    """A response. The server adds its date, its length and the connection's state."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    upgrade: Callable[[socket.socket], None] | None = field(default=None, repr=False)
    """Uses the connection after the response, for another protocol, until it is closed."""

    @classmethod
    def text(cls, status: int, body: str) -> Response:
        """Return a response in plain text."""
        return cls(status, (("Content-Type", "text/plain"),), body.encode())

    @classmethod
    def failure(cls, status: int, retry_after: str | int | None = None) -> Response:
        """Return what a proxy sends when the server behind it fails: HTML, whatever is accepted."""
        title = f"{status} {http.client.responses.get(status, '')}".rstrip()
        page = (
            f"<html><body><h1>{title}</h1>\n"
            "No server is available to handle this request.\n</body></html>\n"
        )
        headers = (("Content-Type", "text/html"), ("Cache-Control", "no-cache"))
        retry = () if retry_after is None else (("Retry-After", str(retry_after)),)
        return cls(status, headers + retry, page.encode())


@dataclass(frozen=True, slots=True, repr=False)
class Recorded:
    """One request that the sandbox received, and the status of its response.

    Its repr and its text show no credentials.
    """

    method: str
    path: str
    """The request target as it was sent, query included."""
    headers: Mapping[str, str]
    """Names are found in any case."""
    body: bytes
    status: int | None
    """None if the connection was closed without a response; 101 if it became a WebSocket."""

    def __str__(self) -> str:
        outcome = "no response" if self.status is None else self.status
        return f"{self.method} {self.path.partition('?')[0]}: {outcome}"

    def __repr__(self) -> str:
        return f"<Recorded {self}>"


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription over a WebSocket, and the blocks that it was sent."""

    query: str
    numbers: list[int] = field(default_factory=list[int])
    """The number of each block, in the order of the messages."""
