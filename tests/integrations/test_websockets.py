"""The library websockets with a token source: what differs from its own ``connect``."""

import asyncio
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from bitquery_auth import ClientCredentials, ConfigurationError, TokenEndpointError
from bitquery_auth.integrations.websockets import connect, connect_sync
from bitquery_auth.sandbox import Sandbox
from tests.integrations.bridges.websockets import BRIDGES, AsyncFor, Websockets
from tests.kit.clock import Clock
from tests.kit.origin import Origin, answering, redirecting
from tests.kit.recorded import api_calls


@pytest.fixture(params=BRIDGES)
def client(
    request: pytest.FixtureRequest, source: ClientCredentials, sandbox: Sandbox
) -> Websockets:
    return BRIDGES[request.param](source, sandbox)


def test_one_object_connects_several_times(sandbox: Sandbox, source: ClientCredentials) -> None:
    async def work() -> None:
        opener = connect(sandbox.websocket_endpoint, source, subprotocols=["graphql-ws"])
        for _ in range(2):
            async with opener as websocket:
                await websocket.send('{"type": "ping"}')
                assert await websocket.recv() == '{"type":"pong"}'
            assert websocket.close_code == 1000
            sandbox.revoke_all()

    asyncio.run(work())


def test_options_and_the_query_of_the_url_are_kept_and_a_token_in_it_is_replaced(
    client: Websockets, sandbox: Sandbox
) -> None:
    client.ping(f"{sandbox.websocket_endpoint}?a=b&token=old", additional_headers={"X-Trace": "7"})
    (request,) = api_calls(sandbox)
    token = client.source.token().access_token
    assert request.path == f"/graphql?a=b&token={token}"
    assert "authorization" not in request.headers
    assert request.headers["X-Trace"] == "7"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://streaming.bitquery.io/graphql", "WebSocket URL"),
        ("streaming.bitquery.io/graphql", "WebSocket URL"),
        ("ws://streaming.bitquery.io/graphql", "wss://"),
    ],
)
@pytest.mark.parametrize("way", [connect, connect_sync])
def test_a_url_that_is_not_for_tokens_is_an_error_before_any_request(
    way: Any, url: str, message: str, sandbox: Sandbox, source: ClientCredentials
) -> None:
    """Hazard S4."""
    with pytest.raises(ConfigurationError, match=message):
        way(url, source)
    assert sandbox.token_requests == 0


def test_async_for_connects_again_until_the_token_endpoint_responds(
    sandbox: Sandbox, source: ClientCredentials, clock: Clock
) -> None:
    sandbox.outage = 503
    errors: list[Exception] = []

    def note(error: Exception) -> None:
        errors.append(error)
        clock.advance(1)
        if len(errors) == 3:
            sandbox.outage = None

    client = AsyncFor(source, sandbox)
    client.ping(sandbox.websocket_endpoint, process_exception=note)
    assert all(isinstance(error, TokenEndpointError) for error in errors)
    assert len(errors) == 3


def test_another_origin_that_a_handshake_is_redirected_to_sees_no_token(
    client: Websockets, origin: Origin, elsewhere: Origin
) -> None:
    """Hazard S1. Older versions of the sync client do not follow redirects."""
    origin.handler = redirecting(307, elsewhere.at(scheme="ws"))
    elsewhere.handler = answering(404)
    with pytest.raises(InvalidStatus):
        client.ping(origin.at(scheme="ws"))
    assert None not in origin.tokens
    assert set(elsewhere.tokens) <= {None}
