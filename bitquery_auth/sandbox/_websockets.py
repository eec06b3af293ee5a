"""GraphQL subscriptions over WebSockets. The library websockets reads and writes the frames."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from bitquery_auth.sandbox._graphql import GraphQLError, GraphQLRequest, parse, parse_request
from bitquery_auth.sandbox._messages import Request, Response, Subscription

Execute = Callable[[GraphQLRequest, int | None], Mapping[str, Any]]
"""Returns the response body for an operation; for a subscription, at the block of this number."""

_BUFFER_SIZE = 65536
_UNAUTHORIZED = 4401
_INVALID_MESSAGE = 4400


@dataclass(frozen=True, slots=True)
class _MessageTypes:
    """What the two subprotocols do differently, above all the types of their messages."""

    start: str
    stop: str
    data: str
    keep_alive: str
    has_lists_of_errors: bool


_SUBPROTOCOLS = {
    "graphql-transport-ws": _MessageTypes(
        "subscribe", "complete", "next", "ping", has_lists_of_errors=True
    ),
    "graphql-ws": _MessageTypes("start", "stop", "data", "ka", has_lists_of_errors=False),
}


def accept(request: Request) -> tuple[ServerProtocol, Response]:
    """Check the opening handshake (RFC 6455 §4.2).

    Returns:
        The protocol of the connection, and the response to send: 101, or an error where the
        client offers neither subprotocol.
    """
    protocol = ServerProtocol(subprotocols=[Subprotocol(name) for name in _SUBPROTOCOLS])
    lines = [f"{request.method} {request.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.pairs]
    protocol.receive_data("\r\n".join([*lines, "\r\n"]).encode("latin-1"))
    (handshake,) = protocol.events_received()
    accepted = protocol.accept(cast("Any", handshake))
    protocol.send_response(accepted)
    protocol.data_to_send()  # These bytes are dropped: the HTTP server writes the response.
    if accepted.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
        return protocol, Response.text(accepted.status_code, (accepted.body or b"").decode())
    headers = tuple((name, value) for name, value in accepted.headers.raw_items() if name != "Date")
    return protocol, Response(accepted.status_code, headers)


class WebSocket:
    """An open connection and its subscriptions.

    Args:
        protocol: The protocol that `accept` returned.
        connection: The connection, after the opening handshake.
        execute: Executes GraphQL operations.
        on_subscription: Called with each new subscription.
    """

    def __init__(
        self,
        protocol: ServerProtocol,
        connection: socket.socket,
        execute: Execute,
        on_subscription: Callable[[Subscription], None],
    ) -> None:
        self._protocol = protocol
        self._connection = connection
        self._execute = execute
        self._on_subscription = on_subscription
        self._types = _SUBPROTOCOLS[str(protocol.subprotocol)]
        # Reentrant, because everything that is sent takes it.
        self._lock = threading.RLock()
        self._acknowledged = False
        self._subscriptions: dict[str, tuple[GraphQLRequest, Subscription]] = {}

    def serve(self) -> None:
        """Handle the client's messages until the connection is closed."""
        for text in self._messages():
            try:
                message: dict[str, Any] = json.loads(text)
                kind = message["type"]
            except (ValueError, TypeError, KeyError):
                self.close(_INVALID_MESSAGE, "Invalid message")
            else:
                self._handle(kind, message)

    def tick(self, number: int) -> None:
        """Send a keep-alive, and the block of this number to each subscription."""
        with self._lock:
            if not self._acknowledged or self._protocol.state is not State.OPEN:
                return
            self._send({"type": self._types.keep_alive})
            for key, (request, subscription) in self._subscriptions.items():
                payload = self._execute(request, number)
                subscription.numbers.append(number)
                self._send({"id": key, "type": self._types.data, "payload": payload})

    def close(self, code: int, reason: str = "") -> None:
        """Start the closing handshake, unless it was started before."""
        with self._lock, suppress(InvalidState):
            self._protocol.send_close(code, reason)
            self._flush()

    def _handle(self, kind: str, message: Mapping[str, Any]) -> None:
        match kind:
            case "connection_init":
                self._send({"type": "connection_ack"})
                self._acknowledged = True
            case "connection_terminate":
                self.close(1000)
            case "ping":
                self._send({"type": "pong"})
            case "pong":
                pass
            case self._types.start if self._acknowledged:
                self._start(message.get("id", ""), message.get("payload"))
            case self._types.start:
                self.close(_UNAUTHORIZED, "Unauthorized")
            case self._types.stop:
                self._stop(message.get("id", ""))
            case _:
                self.close(_INVALID_MESSAGE, "Invalid message")

    def _start(self, key: str, payload: object) -> None:
        try:
            request = parse_request(payload)
            operation = parse(request)
        except GraphQLError as error:
            errors = error.response["errors"]
            payload = errors if self._types.has_lists_of_errors else errors[0]
            self._send({"id": key, "type": "error", "payload": payload})
            return
        if operation.kind == "subscription":
            subscription = Subscription(request.query)
            self._on_subscription(subscription)
            with self._lock:
                self._subscriptions[key] = (request, subscription)
        else:
            payload = self._execute(request, None)
            self._send({"id": key, "type": self._types.data, "payload": payload})
            self._send({"id": key, "type": "complete"})

    def _stop(self, key: str) -> None:
        with self._lock:
            self._subscriptions.pop(key, None)
        if self._types.stop != "complete":
            # In graphql-ws, the server confirms; in graphql-transport-ws, both send "complete".
            self._send({"id": key, "type": "complete"})

    def _messages(self) -> Iterator[str]:
        """Yield the text messages until the connection is closed."""
        fragments = b""
        while data := self._connection.recv(_BUFFER_SIZE):
            with self._lock:
                self._protocol.receive_data(data)
                self._flush()  # the response to a ping or to a closing handshake
            for frame in cast("list[Frame]", self._protocol.events_received()):
                if frame.opcode in {Opcode.TEXT, Opcode.CONT}:
                    fragments += frame.data
                    if frame.fin:
                        yield fragments.decode()
                        fragments = b""

    def _send(self, message: Mapping[str, Any]) -> None:
        """Send a message, unless the connection is closing."""
        text = json.dumps(message, separators=(",", ":"))
        with self._lock, suppress(InvalidState):
            self._protocol.send_text(text.encode())
            self._flush()

    def _flush(self) -> None:
        with suppress(OSError):  # If the client has gone, reading from the connection fails too.
            for data in self._protocol.data_to_send():
                if data:
                    self._connection.sendall(data)
                else:
                    self._connection.shutdown(socket.SHUT_WR)
