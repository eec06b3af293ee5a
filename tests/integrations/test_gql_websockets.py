"""gql's subscriptions: the token is in the URL, and each connection asks for one anew."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from bitquery_auth import ClientCredentials, websocket_url
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.integrations.needs import needs
from tests.integrations.snippets import run
from tests.integrations.story import counts

gql = needs("gql", "gql[websockets]")
needs("gql.transport.websockets", "gql[websockets]")

from tests.integrations import websocket  # noqa: E402 - it needs what gql brings


def subscriptions(connection: Any) -> None:
    """One event for each subscription (the protocol graphql-transport-ws)."""
    for text in connection:
        message = json.loads(text)
        match message["type"]:
            case "connection_init":
                connection.send('{"type": "connection_ack"}')
            case "subscribe":
                event = {"id": message["id"], "type": "next", "payload": {"data": {"block": 1}}}
                connection.send(json.dumps(event))
                connection.send(json.dumps({"id": message["id"], "type": "complete"}))


@pytest.fixture
def url(sandbox: Sandbox) -> Iterator[str]:
    with websocket.serve(sandbox, subscriptions, "graphql-transport-ws") as url:
        yield url


def subscribe(url: str, source: ClientCredentials) -> list[Any]:
    """Connect anew, and give the events."""

    async def events() -> list[Any]:
        token = await source.atoken()
        client = run("gql_websockets", url=url, token=token, websocket_url=websocket_url)["client"]
        async with client as session:
            return [event async for event in session.subscribe(gql.gql("subscription { block }"))]

    return asyncio.run(events())


def test_connections_share_a_token_while_it_lasts(
    url: str, sandbox: Sandbox, source: ClientCredentials
) -> None:
    assert [subscribe(url, source) for _ in range(3)] == [[{"block": 1}]] * 3
    assert counts(sandbox) == (1, 3, 0)


def test_a_reconnection_after_the_end_of_the_token_carries_a_fresh_one(
    url: str, sandbox: Sandbox, source: ClientCredentials, clock: Clock
) -> None:
    """Hazard G4."""
    for _ in range(3):
        assert subscribe(url, source) == [{"block": 1}]
        clock.advance(sandbox.lifetime)
    assert counts(sandbox) == (3, 3, 0)


def test_a_refused_connection_is_mended_by_discarding_its_token(
    url: str, sandbox: Sandbox, source: ClientCredentials
) -> None:
    subscribe(url, source)
    sandbox.revoke_all()
    with pytest.raises(
        Exception, match=r"401|Connect failed"
    ):  # gql 4.0 has the server's words as the cause
        subscribe(url, source)
    source.discard(source.token())
    assert subscribe(url, source) == [{"block": 1}]
    assert counts(sandbox) == (2, 3, 1)
