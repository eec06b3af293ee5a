"""A clock that jumps while a token is requested: the process was not running in between.

That says nothing about the token endpoint. A response that is there is used; otherwise the request
is made again, and no backoff begins.
"""

import threading
import time
from typing import Any

import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth._sources import transport
from tests.kit.faults import BODY
from tests.kit.origin import Connection, Handler, Origin, on_the_wire

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY)


class Freeze:
    """Freezes the process once: when it reads a response, until the server has sent all it sends.

    Args:
        monkeypatch: Replaces the transport's clock and reader.

    Attributes:
        sent: Set when the server has sent all that it will send.
        clocks: Which clocks count the time of the freeze.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent = threading.Event()
        self.clocks = ["monotonic", "time"]
        self._seconds = 0.0
        read = transport._TimedReader.readinto

        def read_after_the_freeze(reader: Any, buffer: Any) -> int:
            assert self.sent.wait(20)
            self._seconds = 100.0
            return read(reader, buffer)

        monkeypatch.setattr(transport, "time", self)
        monkeypatch.setattr(transport._TimedReader, "readinto", read_after_the_freeze)

    def monotonic(self) -> float:
        return time.monotonic() + self._seconds * ("monotonic" in self.clocks)

    def time(self) -> float:
        return time.time() + self._seconds * ("time" in self.clocks)


@pytest.fixture
def freeze(monkeypatch: pytest.MonkeyPatch) -> Freeze:
    """The process is frozen during the first token request."""
    return Freeze(monkeypatch)


def sending(data: bytes, freeze: Freeze, *, closes: bool = False) -> Handler:
    """Send these bytes, and nothing more."""

    @on_the_wire
    def send(connection: Connection) -> None:
        connection.send(data)
        if closes:
            connection.close()
        freeze.sent.set()
        if not closes:
            connection.wait_until_left()

    return send


@pytest.mark.parametrize("clocks", ["monotonic time", "time", "monotonic"])
def test_a_response_that_came_during_the_freeze_is_used(
    source: ClientCredentials, endpoint: Origin, freeze: Freeze, clocks: str
) -> None:
    """It is in the socket when the process goes on, though the deadline has passed."""
    freeze.clocks = clocks.split()
    endpoint.handler = sending(HEAD + BODY, freeze)
    assert source.token().access_token == "granted"
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    ("data", "closes"),
    [(b"", False), (HEAD, False), (HEAD + BODY[:-1], False), (HEAD + BODY[:-1], True)],
    ids=["nothing", "head", "half", "closed"],
)
def test_a_request_whose_response_did_not_come_is_made_again(
    data: bytes,
    closes: bool,  # noqa: FBT001 - a case
    source: ClientCredentials,
    endpoint: Origin,
    freeze: Freeze,
) -> None:
    endpoint.plan.append(sending(data, freeze, closes=closes))
    assert source.token().access_token.startswith("ory_at_")
    assert len(endpoint.requests) == 2
