"""Subscriptions over WebSockets: handshakes, blocks, keep-alives, and how they end."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bitquery_auth import ConfigurationError
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.kit.waiting import until
from tests.sandbox.calls import new_token, threads_of

BLOCKS = "subscription { EVM { Blocks { Block { Number } } } }"
TRADES = "subscription { EVM { DEXTrades { Block { Number } Transaction { Hash } } } }"
SUBPROTOCOLS = {
    "graphql-transport-ws": {"start": "subscribe", "data": "next", "keep-alive": "ping"},
    "graphql-ws": {"start": "start", "data": "data", "keep-alive": "ka"},
}


@pytest.fixture
def sandbox(sandbox: Sandbox) -> Sandbox:
    sandbox.block_interval = 0.01
    return sandbox


each_subprotocol = pytest.mark.parametrize("subprotocol", SUBPROTOCOLS)


class Socket:
    """A client's connection that speaks one of the subprotocols."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.types = SUBPROTOCOLS[str(connection.subprotocol)]

    def send(self, kind: str, **message: Any) -> None:
        self.connection.send(json.dumps({"type": kind, **message}))

    def receive(self) -> Any:
        return json.loads(self.connection.recv(timeout=10))

    def receive_data(self, key: str = "1") -> Any:
        """Return the data of the next message for a subscription."""
        message = self.receive()
        while message.get("id") != key:
            message = self.receive()
        assert message["type"] == self.types["data"]
        return message["payload"]["data"]

    def start(self, text: str = BLOCKS, key: str = "1") -> None:
        self.send(self.types["start"], id=key, payload={"query": text})

    def receive_number(self) -> int:
        return int(self.receive_data()["EVM"]["Blocks"][0]["Block"]["Number"])

    def close_code(self) -> int | None:
        """Wait until the server has closed the connection."""
        with suppress(ConnectionClosed):
            while True:
                self.connection.recv(timeout=10)
        return self.connection.close_code


@contextmanager
def opened(
    sandbox: Sandbox, subprotocol: str = "graphql-transport-ws", *, initialized: bool = True
) -> Iterator[Socket]:
    url = f"{sandbox.websocket_endpoint}?token={new_token(sandbox)}"
    with connect(url, subprotocols=[Subprotocol(subprotocol)]) as connection:
        socket = Socket(connection)
        if initialized:
            socket.send("connection_init")
            assert socket.receive() == {"type": "connection_ack"}
        yield socket


def handshake(sandbox: Sandbox, token: str | None = None, **options: Any) -> Any:
    """Return the HTTP response to a handshake."""
    url = sandbox.websocket_endpoint + ("" if token is None else f"?token={token}")
    options.setdefault("subprotocols", ["graphql-ws"])
    try:
        with connect(url, **options) as connection:
            return connection.response
    except InvalidStatus as error:
        return error.response


# -- handshakes ------------------------------------------------------------------------------------


def test_the_token_is_accepted_in_a_header_as_well(sandbox: Sandbox) -> None:
    headers = {"Authorization": f"Bearer {new_token(sandbox)}"}
    response = handshake(sandbox, additional_headers=headers)
    assert (response.status_code, response.headers["Sec-WebSocket-Protocol"]) == (101, "graphql-ws")


def test_a_handshake_without_a_valid_token_is_unauthorized(sandbox: Sandbox, clock: Clock) -> None:
    expired, revoked = new_token(sandbox), new_token(sandbox)
    clock.advance(3601)
    sandbox.revoke_all()
    for token in (None, "ory_at_unknown", expired, revoked):
        response = handshake(sandbox, token)
        assert (response.status_code, response.body) == (401, b"Unauthorized")
        assert response.headers["Content-Type"] == "text/plain"
    assert (sandbox.websocket_handshakes, sandbox.websockets_open) == (4, 0)
    assert (sandbox.api_requests, sandbox.api_refusals) == (0, 0)
    assert [record.status for record in sandbox.requests[-4:]] == [401] * 4


@pytest.mark.parametrize(
    ("setting", "value", "status"),
    [
        ("reject_handshakes", True, 401),
        ("accept_nothing", True, 401),
        ("required_scope", "other", 403),
        ("api_outage", 503, 503),
    ],
)
def test_a_setting_rejects_every_handshake(
    sandbox: Sandbox, setting: str, value: Any, status: int
) -> None:
    token = new_token(sandbox)
    setattr(sandbox, setting, value)
    assert handshake(sandbox, token).status_code == status
    assert sandbox.websocket_handshakes == 1


@pytest.mark.parametrize("subprotocols", [None, ["other"]])
def test_a_handshake_without_a_known_subprotocol_is_a_bad_request(
    sandbox: Sandbox, subprotocols: Any
) -> None:
    response = handshake(sandbox, new_token(sandbox), subprotocols=subprotocols)
    assert response.status_code == 400
    assert b"subprotocol" in response.body


def test_without_the_library_everything_else_works_and_the_error_names_it(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{sandbox.graphql_endpoint}?token={new_token(sandbox)}"
    monkeypatch.setitem(sys.modules, "websockets", None)
    with pytest.raises(ConfigurationError, match="pip install websockets"):
        _ = sandbox.websocket_endpoint
    assert "BITQUERY_WEBSOCKET_ENDPOINT" not in sandbox.environment()
    response = requests.get(url, headers={"Upgrade": "websocket"}, timeout=10)
    assert response.json() == {"data": {"ok": True}}


# -- messages --------------------------------------------------------------------------------------


@each_subprotocol
def test_a_subscription_gets_every_block_and_keep_alives(
    sandbox: Sandbox, subprotocol: str
) -> None:
    with opened(sandbox, subprotocol) as socket:
        socket.start()
        messages = [socket.receive() for _ in range(12)]
        assert {"type": socket.types["keep-alive"]} in messages
        first = socket.receive_number()
        assert [socket.receive_number() for _ in range(5)] == list(range(first + 1, first + 6))
        assert sandbox.websockets_open == 1
    until(lambda: sandbox.websockets_open == 0)
    (subscription,) = sandbox.subscriptions
    assert subscription.query == BLOCKS
    numbers = subscription.numbers
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


@each_subprotocol
def test_subscriptions_on_one_socket_get_the_same_blocks_until_they_stop(
    sandbox: Sandbox, subprotocol: str
) -> None:
    with opened(sandbox, subprotocol) as socket:
        socket.start(BLOCKS, "1")
        socket.start(TRADES, "2")
        (trade,) = socket.receive_data("2")["EVM"]["DEXTrades"]
        until(lambda: trade["Block"]["Number"] in sandbox.subscriptions[0].numbers)
        socket.send("complete" if subprotocol == "graphql-transport-ws" else "stop", id="1")
        if subprotocol == "graphql-ws":
            while socket.receive() != {"id": "1", "type": "complete"}:
                pass
        socket.send("ping")
        while socket.receive() != {"type": "pong"}:
            pass
        sent = len(sandbox.subscriptions[0].numbers)
        for _ in range(3):
            socket.receive_data("2")
        assert len(sandbox.subscriptions[0].numbers) == sent


@each_subprotocol
def test_a_query_gets_one_message_and_a_text_that_is_not_graphql_an_error(
    sandbox: Sandbox, subprotocol: str
) -> None:
    sandbox.block_interval = 60
    with opened(sandbox, subprotocol) as socket:
        socket.start("{ __typename }")
        assert socket.receive_data() == {"__typename": "Query"}
        assert socket.receive() == {"id": "1", "type": "complete"}
        socket.start("plain words", "2")
        error = socket.receive()
        assert (error["type"], error["id"]) == ("error", "2")
        is_list = subprotocol == "graphql-transport-ws"
        payload = error["payload"][0] if is_list else error["payload"]
        assert payload["message"].startswith("Syntax Error")
    assert sandbox.subscriptions == ()


def test_responses_of_a_test_reach_subscriptions(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    numbers = iter(range(3))
    sandbox.responses = lambda _, variables: {"data": {"own": next(numbers)}}
    with opened(sandbox) as socket, caplog.at_level(logging.ERROR, "bitquery_auth.sandbox"):
        socket.start()
        assert [socket.receive_data() for _ in range(3)] == [{"own": 0}, {"own": 1}, {"own": 2}]
        until(lambda: "The sandbox failed at a subscription" in caplog.text)


def test_an_open_socket_outlives_its_token_and_a_revocation(sandbox: Sandbox, clock: Clock) -> None:
    with opened(sandbox) as socket:
        socket.start()
        socket.receive_number()
        clock.advance(3601)
        sandbox.revoke_all()
        after = sandbox.block_number + 3
        while socket.receive_number() < after:
            pass


def test_close_websockets_closes_all_and_blocks_go_by_until_a_client_is_back(
    sandbox: Sandbox,
) -> None:
    with opened(sandbox, "graphql-ws") as other, opened(sandbox) as socket:
        socket.start()
        socket.receive_number()
        sandbox.close_websockets(1013, "slow consumer")
        assert (socket.close_code(), other.close_code()) == (1013, 1013)
        assert socket.connection.close_reason == "slow consumer"
    until(lambda: sandbox.websockets_open == 0)
    last = sandbox.subscriptions[0].numbers[-1]
    until(lambda: sandbox.block_number > last + 3)
    with opened(sandbox) as socket:
        socket.start()
        assert socket.receive_number() > last + 3
    assert sandbox.websocket_handshakes == 3


def test_a_silent_socket_gets_neither_blocks_nor_keep_alives(sandbox: Sandbox) -> None:
    with opened(sandbox) as socket:
        socket.start()
        socket.receive_number()
        sandbox.websockets_silent = True
        silent_since = sandbox.block_number
        until(lambda: sandbox.block_number > silent_since + 5)
        sent = list(sandbox.subscriptions[0].numbers)
        assert sent[-1] <= silent_since + 1
        sandbox.websockets_silent = False
        while socket.receive_number() <= sent[-1]:
            pass
        numbers = sandbox.subscriptions[0].numbers
        assert numbers[len(sent)] > silent_since + 5


def test_a_stopped_sandbox_closes_sockets_and_serves_them_again_after_a_start() -> None:
    with Sandbox(block_interval=0.01) as sandbox:
        with opened(sandbox) as socket:
            socket.start()
            last = socket.receive_number()
            sandbox.stop()
            assert socket.close_code() == 1006
        assert threads_of(sandbox) == []
        assert sandbox.websockets_open == 0
        sandbox.start()
        with opened(sandbox) as socket:
            socket.start()
            assert socket.receive_number() > last
    assert threads_of(sandbox) == []


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["no JSON"], 4400),
        (["[]"], 4400),
        (["{}", '{"type": "ping"}', "no JSON"], 4400),
        (['{"type": "unknown"}'], 4400),
        (['{"type": "subscribe", "id": "1", "payload": {"query": "{ x }"}}'], 4401),
        (['{"type": "connection_terminate"}'], 1000),
    ],
)
def test_the_close_code_says_what_is_wrong_with_the_first_message(
    sandbox: Sandbox, messages: list[str], code: int
) -> None:
    with opened(sandbox, initialized=False) as socket:
        with suppress(ConnectionClosed):
            for message in messages:
                socket.connection.send(message)
        assert socket.close_code() == code


def test_nothing_is_sent_before_the_client_has_initialized_the_connection(
    sandbox: Sandbox,
) -> None:
    with opened(sandbox, initialized=False) as socket:
        until(lambda: sandbox.block_number > 3)
        socket.send("pong")
        socket.connection.send(['{"type": "connec', 'tion_init"}'])
        assert socket.receive() == {"type": "connection_ack"}
        assert socket.connection.ping().wait(10)
