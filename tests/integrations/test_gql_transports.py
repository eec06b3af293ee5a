"""gql's WebSocket transports with a token source: what differs from gql's own classes."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from gql import Client, gql
from gql.transport import aiohttp_websockets
from gql.transport.exceptions import TransportConnectionFailed, TransportError

import bitquery_auth.integrations.gql
from bitquery_auth import (
    ClientCredentials,
    ConfigurationError,
    TokenEndpointError,
    TokenRequestError,
)
from bitquery_auth.integrations.aiohttp import AiohttpAuth
from bitquery_auth.integrations.gql import AIOHTTPWebsocketsTransport, WebsocketsTransport
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.recorded import api_calls
from tests.secrets.leaks import assert_hidden, own_locals, texts_of


@pytest.fixture(params=[WebsocketsTransport, AIOHTTPWebsocketsTransport])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


def run(
    work: Callable[[Any], Awaitable[Any]], kind: Any, url: str, source: Any, **options: Any
) -> Any:
    """Do something with a transport, in an event loop."""

    async def inner() -> Any:
        transport = kind(url, source, **options)
        try:
            return await work(transport)
        finally:
            await transport.adapter.close()  # gql leaves a session of aiohttp open after an error

    return asyncio.run(inner())


async def execute(transport: Any) -> Any:
    """Connect, send a query, and return its data."""
    async with Client(transport=transport) as session:
        return await session.execute(gql(QUERY["query"]))


@pytest.mark.parametrize("subprotocol", ["graphql-transport-ws", "graphql-ws"])
def test_a_query_is_executed_with_every_subprotocol(
    kind: Any, subprotocol: str, sandbox: Sandbox, source: ClientCredentials
) -> None:
    options = {"subprotocols": [subprotocol]}
    data = run(execute, kind, sandbox.websocket_endpoint, source, **options)
    assert len(data["EVM"]["DEXTrades"]) == 3


def test_one_transport_connects_several_times_and_shows_no_token_in_its_url(
    kind: Any, sandbox: Sandbox, source: ClientCredentials
) -> None:
    """Hazard R1."""

    async def work(transport: Any) -> None:
        for _ in range(3):
            await execute(transport)
            sandbox.revoke_all()
            assert transport.url == sandbox.websocket_endpoint

    run(work, kind, sandbox.websocket_endpoint, source)
    assert (sandbox.token_requests, sandbox.websocket_handshakes) == (3, 5)


def test_options_are_those_of_gqls_own_class(
    kind: Any, sandbox: Sandbox, source: ClientCredentials
) -> None:
    run(execute, kind, sandbox.websocket_endpoint, source, headers={"X-Trace": "7"})
    (handshake,) = api_calls(sandbox)
    assert handshake.headers["X-Trace"] == "7"


def test_a_token_endpoint_that_is_down_is_a_failed_connection(
    kind: Any, sandbox: Sandbox, source: ClientCredentials
) -> None:
    """Hazard F6."""
    sandbox.outage = "drop"
    with pytest.raises(TransportConnectionFailed) as caught:
        run(execute, kind, sandbox.websocket_endpoint, source)
    assert isinstance(caught.value, TokenRequestError)


def test_a_token_endpoint_that_rejects_the_client_is_an_error_of_the_transport(
    kind: Any, sandbox: Sandbox
) -> None:
    """Hazard F6."""
    source = sandbox.credentials(scope="other")
    with pytest.raises(TransportError) as caught:
        run(execute, kind, sandbox.websocket_endpoint, source)
    assert isinstance(caught.value, TokenEndpointError)
    assert not isinstance(caught.value, TransportConnectionFailed)


def test_an_api_that_rejects_every_handshake_ends_in_gqls_own_error(
    kind: Any, sandbox: Sandbox, source: ClientCredentials
) -> None:
    """Hazard R3."""
    sandbox.reject_handshakes = True
    for _ in range(5):
        with pytest.raises(TransportConnectionFailed, match="Connect failed"):
            run(execute, kind, sandbox.websocket_endpoint, source)
    assert (sandbox.token_requests, sandbox.websocket_handshakes) == (2, 6)


def test_no_error_and_no_local_variable_of_ours_shows_the_token_in_the_url(
    sandbox: Sandbox, source: ClientCredentials
) -> None:
    """Hazard S5."""
    token = source.token().access_token
    sandbox.reject_handshakes = True
    with pytest.raises(TransportConnectionFailed) as caught:
        run(execute, WebsocketsTransport, sandbox.websocket_endpoint, source)
    assert_hidden(texts_of(caught.value), token)
    assert_hidden(own_locals(caught.value), token)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://streaming.bitquery.io/graphql", "WebSocket URL"),
        ("ws://streaming.bitquery.io/graphql", "wss://"),
    ],
)
def test_a_url_that_is_not_for_tokens_is_an_error_at_once(
    kind: Any, url: str, message: str, source: ClientCredentials
) -> None:
    """Hazard S4."""
    with pytest.raises(ConfigurationError, match=message):
        kind(url, source)


# -- over aiohttp ----------------------------------------------------------------------------------


def test_middlewares_of_the_caller_are_kept_and_see_no_token(
    sandbox: Sandbox, source: ClientCredentials
) -> None:
    seen = []

    async def note(request: aiohttp.ClientRequest, handler: Any) -> Any:
        seen.append(dict(request.headers))
        return await handler(request)

    options = {"client_session_args": {"middlewares": (note,)}}
    run(execute, AIOHTTPWebsocketsTransport, sandbox.websocket_endpoint, source, **options)
    assert ["Authorization" in headers for headers in seen] == [False]


def test_a_session_of_ones_own_is_used_with_gqls_own_class(
    sandbox: Sandbox, source: ClientCredentials
) -> None:
    async def work() -> None:
        auth = AiohttpAuth(source, allowed_hosts=sandbox.allowed_hosts)
        async with aiohttp.ClientSession(middlewares=(auth,)) as session:
            with pytest.raises(ConfigurationError, match="middlewares"):
                AIOHTTPWebsocketsTransport(sandbox.websocket_endpoint, source, session=session)
            transport = aiohttp_websockets.AIOHTTPWebsocketsTransport(
                sandbox.websocket_endpoint, session=session
            )
            await execute(transport)

    asyncio.run(work())
    assert sandbox.websocket_handshakes == 1


# -- the module ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "absent"),
    [("WebsocketsTransport", "aiohttp"), ("AIOHTTPWebsocketsTransport", "websockets")],
)
def test_each_transport_needs_one_library_alone(name: str, absent: str) -> None:
    program = (
        f"import sys; sys.modules[{absent!r}] = None; "
        f"from bitquery_auth.integrations.gql import {name}"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_the_module_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="Unknown"):
        _ = bitquery_auth.integrations.gql.Unknown  # type: ignore[attr-defined]  # the point
