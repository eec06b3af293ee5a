"""What goes over the wire, as values: a request, a response, and the record kept of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs

__all__ = ["Headers", "Recorded", "Request", "Response", "reason_phrase"]


def reason_phrase(status: int) -> str:
    """Give the words that go with a status code; none for one that HTTP does not know."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


class Headers(Mapping[str, str]):
    """The headers of one request: names in any case, and the first value where one is repeated.

    The first, because that is what Go's ``Header.Get`` gives Hydra. The repr shows names only: the
    values hold credentials, and under a custom name as well.
    """

    __slots__ = ("_first", "pairs")

    def __init__(self, pairs: tuple[tuple[str, str], ...]) -> None:
        self.pairs = pairs
        """Every header as it came: spelling, order and repetitions."""
        self._first = {name.lower(): value for name, value in reversed(pairs)}

    def __getitem__(self, name: str) -> str:
        return self._first[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._first

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.lower() for name, _ in self.pairs))

    def __len__(self) -> int:
        return len(self._first)

    def __repr__(self) -> str:
        return f"<Headers {', '.join(self)}>"


@dataclass(frozen=True, slots=True)
class Request:
    """A request, read completely and its transfer coding undone."""

    method: str
    target: str = field(repr=False)
    headers: Headers
    body: bytes = field(repr=False)
    close: bool = False
    """The client wants the connection closed after the answer."""

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
    """An answer. Length, date and connection headers are the server's business."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)

    @classmethod
    def text(cls, status: int, body: str) -> Response:
        """Answer in plain text."""
        return cls(status, (("Content-Type", "text/plain"),), body.encode())

    @classmethod
    def failure(cls, status: int, retry_after: str | int | None = None) -> Response:
        """Answer as a proxy does when what is behind it fails: HTML, whatever the client accepts.

        Raises:
            ValueError: no final status of HTTP (RFC 9110 §15).
        """
        if status // 100 not in {2, 3, 4, 5}:
            raise ValueError(f"An outage is a status from 200 to 599 or 'drop', not {status}.")
        title = f"{status} {reason_phrase(status)}".rstrip()
        page = f"<html><body><h1>{title}</h1>\nNo server is available to handle this request.\n</body></html>\n"
        headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/html"), ("Cache-Control", "no-cache"))
        if retry_after is not None:
            headers += (("Retry-After", str(retry_after)),)
        return cls(status, headers, page.encode())


@dataclass(frozen=True, slots=True, repr=False)
class Recorded:
    """One request that the sandbox received, and the status it answered. Its repr shows no credentials."""

    method: str
    path: str
    """The request target as it was sent, query included."""
    headers: Mapping[str, str]
    """Looked up by name in any case."""
    body: bytes
    status: int | None
    """None where the connection was closed without an answer."""

    def __repr__(self) -> str:
        outcome = "no answer" if self.status is None else self.status
        return f"<Recorded {self.method} {self.path.partition('?')[0]}: {outcome}; {len(self.body)} bytes of body>"
