"""Subscriptions that are held for days: one list of behaviours for every client of WebSockets."""

from collections.abc import Iterable
from typing import Any

import pytest

from bitquery_auth import BitqueryAuthError, ClientCredentials
from bitquery_auth.sandbox import Sandbox
from tests.integrations.subscribers import CONNECT_ONCE, RECONNECT, Program, running
from tests.kit.clock import Clock
from tests.kit.waiting import until

BOTH = ("graphql-transport-ws", "graphql-ws")
DEFAULT = {
    "websockets",
    "websockets-sync",
    "aiohttp",
    "httpx2-async",
    "gql-websockets-reconnecting",
    "gql-aiohttp-reconnecting",
}
"""One client for each piece of code of ours that differs; the others run with ``-m matrix``."""


def params(names: Iterable[str]) -> list[Any]:
    return [
        pytest.param(name, marks=() if name in DEFAULT else pytest.mark.matrix) for name in names
    ]


@pytest.fixture
def sandbox(sandbox: Sandbox) -> Sandbox:
    sandbox.block_interval = 0.005
    return sandbox


@pytest.fixture
def source(sandbox: Sandbox) -> ClientCredentials:
    return sandbox.credentials()


@pytest.fixture
def program(sandbox: Sandbox, source: ClientCredentials) -> Program:
    return Program(sandbox.websocket_endpoint, source, sandbox.allowed_hosts)


def wait_for_blocks(sandbox: Sandbox, program: Program) -> None:
    """Wait until the program receives what is sent from now on."""
    now = sandbox.block_number
    until(lambda: program.received and program.received[-1] > now + 1)


def assert_nothing_was_lost(sandbox: Sandbox, program: Program) -> None:
    """Check that the program received every block that was sent to it.

    The last blocks before the end of a connection may be lost: gql, for example, ends a connection
    when it cannot respond to a ping any more, before it reads what came after the ping.
    """
    sent = [number for each in sandbox.subscriptions for number in each.numbers]
    received = set(program.received)
    assert program.received == [number for number in sent if number in received]
    for each in sandbox.subscriptions:
        arrived = [number for number in each.numbers if number in received]
        assert each.numbers[: len(arrived)] == arrived, "a block was lost between two others"


@pytest.mark.parametrize("client", params(RECONNECT))
@pytest.mark.parametrize("subprotocol", [BOTH[0], pytest.param(BOTH[1], marks=pytest.mark.matrix)])
def test_a_subscription_is_held_for_days_and_costs_one_token_a_life(
    client: str, subprotocol: str, program: Program, sandbox: Sandbox, clock: Clock
) -> None:
    program.subprotocol = subprotocol
    with running(RECONNECT[client], program, sandbox.close_websockets):
        wait_for_blocks(sandbox, program)
        for life in range(1, 11):
            clock.advance(sandbox.lifetime)
            wait_for_blocks(sandbox, program)  # the open socket outlives its token
            assert sandbox.token_requests == life
            sandbox.close_websockets()
            wait_for_blocks(sandbox, program)
        assert (sandbox.token_requests, sandbox.websocket_handshakes) == (11, 11)

        sandbox.revoke_all()
        sandbox.close_websockets()
        wait_for_blocks(sandbox, program)
        assert (sandbox.token_requests, sandbox.websocket_handshakes) == (12, 13)

        sandbox.outage = 503  # of the token endpoint, for three lives
        clock.advance(sandbox.lifetime)
        wait_for_blocks(sandbox, program)
        sandbox.close_websockets()
        for _ in range(3):
            count = sandbox.token_requests
            clock.advance(sandbox.lifetime)
            until(lambda count=count: sandbox.token_requests > count or clock.advance(0.1))
        assert sandbox.token_requests < 20
        sandbox.outage = None
        until(lambda: sandbox.websocket_handshakes == 14 or clock.advance(0.1))
        wait_for_blocks(sandbox, program)
        assert sandbox.tokens_issued == 13

        sandbox.stop()
        sandbox.start()
        wait_for_blocks(sandbox, program)
        assert sandbox.tokens_issued == 13
    assert_nothing_was_lost(sandbox, program)


@pytest.mark.parametrize("client", params(RECONNECT))
@pytest.mark.parametrize("subprotocol", BOTH)
def test_several_subscriptions_of_one_connection_go_on_together(
    client: str, subprotocol: str, program: Program, sandbox: Sandbox
) -> None:
    program.subprotocol = subprotocol
    program.subscriptions = 3
    with running(RECONNECT[client], program, sandbox.close_websockets):
        for count in (3, 6):
            until(lambda count=count: len(sandbox.subscriptions) >= count)
            until(lambda count=count: all(each.numbers for each in sandbox.subscriptions[:count]))
            wait_for_blocks(sandbox, program)
            sandbox.revoke_all()
            sandbox.close_websockets()
        wait_for_blocks(sandbox, program)
        assert sandbox.websockets_open == 1
        assert sandbox.tokens_issued == 3


@pytest.mark.parametrize("client", params(CONNECT_ONCE))
def test_an_api_that_rejects_every_handshake_ends_in_the_clients_own_error(
    client: str, program: Program, sandbox: Sandbox
) -> None:
    sandbox.reject_handshakes = True
    for attempt in range(20):
        with pytest.raises(Exception, match=r"401|Connect failed|WebSocketUpgradeError") as caught:
            CONNECT_ONCE[client](program)
        assert not isinstance(caught.value, BitqueryAuthError)
        assert sandbox.token_requests == 2
        assert sandbox.websocket_handshakes == attempt + 2
