"""Subscriptions that are held for days, by every client of WebSockets."""

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.integrations.subscribers import CLIENTS, Program, running
from tests.kit.clock import Clock
from tests.kit.waiting import until


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


@pytest.mark.parametrize("client", CLIENTS)
def test_a_subscription_is_held_for_days_and_costs_one_token_a_life(
    client: str, sandbox: Sandbox, clock: Clock
) -> None:
    sandbox.block_interval = 0.005
    program = Program(sandbox.websocket_endpoint, sandbox.credentials(), sandbox.allowed_hosts)
    with running(CLIENTS[client], program, sandbox.close_websockets):
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
