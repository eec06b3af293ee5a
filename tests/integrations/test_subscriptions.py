"""WebSockets that are held for days, by every client of them."""

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.integrations.subscribers import CLIENTS, Program, running
from tests.kit.clock import Clock
from tests.kit.waiting import until


@pytest.mark.parametrize("client", CLIENTS)
def test_a_websocket_is_held_for_days_and_costs_one_token_a_life(
    client: str, sandbox: Sandbox, clock: Clock
) -> None:
    program = Program(sandbox.websocket_endpoint, sandbox.credentials(), sandbox.allowed_hosts)
    handshakes = connections = 0

    def is_held() -> bool:
        # A client of GraphQL notices the end of a connection once it has subscribed.
        subscriptions = connections if client.startswith("gql") else 0
        return sandbox.websockets_open == 1 and len(sandbox.subscriptions) == subscriptions

    def wait_for_connection(*, further_handshakes: int = 1) -> None:
        nonlocal handshakes, connections
        handshakes += further_handshakes
        connections += 1
        until(lambda: sandbox.websocket_handshakes >= handshakes and is_held())
        assert sandbox.websocket_handshakes == handshakes

    with running(CLIENTS[client], program, sandbox.close_websockets):
        for life in range(1, 11):
            wait_for_connection()
            assert sandbox.token_requests == life
            clock.advance(sandbox.lifetime)  # the open socket outlives its token
            assert sandbox.websockets_open == 1
            sandbox.close_websockets()
        wait_for_connection()

        sandbox.revoke_all()
        sandbox.close_websockets()
        wait_for_connection(further_handshakes=2)
        assert sandbox.token_requests == 12

        sandbox.outage = 503  # of the token endpoint, for three lives
        clock.advance(sandbox.lifetime)
        sandbox.close_websockets()
        for _ in range(3):
            count = sandbox.token_requests
            clock.advance(sandbox.lifetime)
            until(lambda count=count: sandbox.token_requests > count or clock.advance(0.1))
        assert sandbox.token_requests < 20
        sandbox.outage = None
        until(lambda: sandbox.tokens_issued == 13 or clock.advance(0.1))
        wait_for_connection()

        sandbox.stop()
        sandbox.start()
        connections += 1
        until(is_held)
        assert sandbox.tokens_issued == 13
