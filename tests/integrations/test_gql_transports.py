"""gql's WebSocket transports with a token source: what differs from gql's own classes."""

import asyncio
import subprocess
import sys
from typing import Any

import aiohttp
import pytest
from gql.transport import aiohttp_websockets

import bitquery_auth.integrations.gql
from bitquery_auth import ClientCredentials, ConfigurationError
from bitquery_auth.integrations.aiohttp import AiohttpAuth
from bitquery_auth.integrations.gql import AIOHTTPWebsocketsTransport
from bitquery_auth.sandbox import Sandbox
from tests.integrations.bridges.gql import BRIDGES, Gql, OverAiohttp, execute
from tests.kit.recorded import api_calls


@pytest.fixture(params=BRIDGES)
def client(request: pytest.FixtureRequest, source: ClientCredentials, sandbox: Sandbox) -> Gql:
    return BRIDGES[request.param](source, sandbox)


@pytest.mark.parametrize("subprotocol", ["graphql-transport-ws", "graphql-ws"])
def test_options_are_those_of_gqls_own_class(
    client: Gql, subprotocol: str, sandbox: Sandbox
) -> None:
    client.run(execute, subprotocols=[subprotocol], headers={"X-Trace": "7"})
    (handshake,) = api_calls(sandbox)
    assert handshake.headers["X-Trace"] == "7"
    assert handshake.headers["Sec-WebSocket-Protocol"] == subprotocol


def test_one_transport_connects_several_times_and_shows_no_token_in_its_url(
    client: Gql, sandbox: Sandbox
) -> None:
    """Hazard R1."""

    async def work(transport: Any) -> None:
        for _ in range(3):
            await execute(transport)
            sandbox.revoke_all()
            assert transport.url == sandbox.websocket_endpoint

    client.run(work)
    assert (sandbox.token_requests, sandbox.websocket_handshakes) == (3, 5)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://streaming.bitquery.io/graphql", "WebSocket URL"),
        ("ws://streaming.bitquery.io/graphql", "wss://"),
    ],
)
def test_a_url_that_is_not_for_tokens_is_an_error_at_once(
    client: Gql, url: str, message: str
) -> None:
    """Hazard S4."""
    with pytest.raises(ConfigurationError, match=message):
        client.transport_class(url, client.source)


# -- over aiohttp ----------------------------------------------------------------------------------


def test_middlewares_of_the_caller_are_kept_and_see_no_token(
    sandbox: Sandbox, source: ClientCredentials
) -> None:
    seen = []

    async def note(request: aiohttp.ClientRequest, handler: Any) -> Any:
        seen.append(dict(request.headers))
        return await handler(request)

    options = {"client_session_args": {"middlewares": (note,)}}
    OverAiohttp(source, sandbox).run(execute, **options)
    assert ["Authorization" in headers for headers in seen] == [False]


def test_a_session_of_ones_own_is_used_with_gqls_own_class(
    sandbox: Sandbox, source: ClientCredentials
) -> None:
    async def work() -> None:
        auth = AiohttpAuth(source, allowed_hosts=sandbox.allowed_hosts)
        async with aiohttp.ClientSession(middlewares=(auth,)) as session:
            with pytest.raises(ConfigurationError, match="middlewares"):
                AIOHTTPWebsocketsTransport(sandbox.websocket_endpoint, source, session=session)
            await execute(
                aiohttp_websockets.AIOHTTPWebsocketsTransport(
                    sandbox.websocket_endpoint, session=session
                )
            )

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
