"""The library websockets with a token source: ``connect`` and ``connect_sync``."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidHandshake, InvalidStatus

from bitquery_auth import (
    ClientCredentials,
    ConfigurationError,
    StaticToken,
    TokenEndpointError,
    TokenRequestError,
)
from bitquery_auth.integrations.websockets import connect, connect_sync
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.kit.origin import Origin, answering, redirecting
from tests.kit.recorded import api_calls
from tests.secrets.leaks import assert_hidden, own_locals, texts_of

SUBPROTOCOLS = {"subprotocols": ["graphql-ws"]}
PONG = '{"type":"pong"}'


async def _ping(websocket: ClientConnection) -> str:
    await websocket.send('{"type": "ping"}')
    return str(await websocket.recv())


async def _await(url: str, source: Any, **options: Any) -> str:
    websocket = await connect(url, source, **SUBPROTOCOLS, **options)
    response = await _ping(websocket)
    await websocket.close()
    return response


async def _async_with(url: str, source: Any, **options: Any) -> str:
    async with connect(url, source, **SUBPROTOCOLS, **options) as websocket:
        return await _ping(websocket)


async def _async_for(url: str, source: Any, **options: Any) -> str:
    async for websocket in connect(url, source, **SUBPROTOCOLS, **options):
        return await _ping(websocket)
    raise AssertionError


def _sync(url: str, source: Any, **options: Any) -> str:
    with connect_sync(url, source, **SUBPROTOCOLS, **options) as websocket:
        websocket.send('{"type": "ping"}')
        return str(websocket.recv(timeout=10))


def _run(use: Callable[..., Any]) -> Callable[..., str]:
    return lambda *args, **options: str(asyncio.run(use(*args, **options)))


WAYS: dict[str, Callable[..., str]] = {
    "await": _run(_await),
    "async with": _run(_async_with),
    "async for": _run(_async_for),
    "sync": _sync,
}


@pytest.fixture(params=WAYS)
def ping(request: pytest.FixtureRequest) -> Callable[..., str]:
    return WAYS[request.param]


def test_it_is_used_as_the_librarys_own_is(
    ping: Callable[..., str], sandbox: Sandbox, source: ClientCredentials
) -> None:
    for _ in range(3):
        assert ping(sandbox.websocket_endpoint, source) == PONG
    assert (sandbox.token_requests, sandbox.websocket_handshakes) == (1, 3)


def test_a_handshake_with_a_revoked_token_is_repeated_once_with_another(
    ping: Callable[..., str], sandbox: Sandbox, source: ClientCredentials
) -> None:
    """Hazard R1."""
    source.token()
    sandbox.revoke_all()
    assert ping(sandbox.websocket_endpoint, source) == PONG
    assert (sandbox.token_requests, sandbox.websocket_handshakes) == (2, 2)


def test_one_object_connects_several_times(sandbox: Sandbox, source: ClientCredentials) -> None:
    async def work() -> list[str]:
        opener = connect(sandbox.websocket_endpoint, source, **SUBPROTOCOLS)
        responses = []
        for _ in range(2):
            async with opener as websocket:
                responses.append(await _ping(websocket))
            sandbox.revoke_all()
        return responses

    assert asyncio.run(work()) == [PONG, PONG]


def test_options_are_passed_on(
    ping: Callable[..., str], sandbox: Sandbox, source: ClientCredentials
) -> None:
    ping(sandbox.websocket_endpoint, source, additional_headers={"X-Trace": "7"})
    (request,) = api_calls(sandbox)
    assert request.headers["X-Trace"] == "7"


def test_a_query_in_the_url_is_kept_and_a_token_in_it_is_replaced(
    ping: Callable[..., str], sandbox: Sandbox, source: ClientCredentials
) -> None:
    assert ping(f"{sandbox.websocket_endpoint}?a=b&token=old", source) == PONG
    (request,) = api_calls(sandbox)
    token = source.token().access_token
    assert request.path == f"/graphql?a=b&token={token}"
    assert "authorization" not in request.headers


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


# -- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["await", "async with", "sync"])
def test_a_token_endpoint_that_is_down_is_a_connection_error(
    way: str, sandbox: Sandbox, source: ClientCredentials
) -> None:
    """Hazard F6: programs have ``except OSError`` around a connect."""
    sandbox.outage = "drop"
    with pytest.raises(ConnectionError) as caught:
        WAYS[way](sandbox.websocket_endpoint, source)
    assert isinstance(caught.value, TokenRequestError)


def test_a_token_endpoint_that_rejects_the_client_is_a_failed_handshake(
    ping: Callable[..., str], sandbox: Sandbox
) -> None:
    """Hazard F6. ``async for`` does not try again either: it would end in the same way."""
    source = sandbox.credentials(scope="other")
    with pytest.raises(InvalidHandshake) as caught:
        ping(sandbox.websocket_endpoint, source)
    assert isinstance(caught.value, TokenEndpointError)
    assert sandbox.token_requests == 1


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

    assert WAYS["async for"](sandbox.websocket_endpoint, source, process_exception=note) == PONG
    assert all(isinstance(error, TokenEndpointError) for error in errors)
    assert len(errors) == 3


def test_an_api_that_rejects_every_handshake_ends_async_for_in_its_own_error(
    ping: Callable[..., str], sandbox: Sandbox, source: ClientCredentials
) -> None:
    """Hazard R3."""
    sandbox.reject_handshakes = True
    for _ in range(5):
        with pytest.raises(InvalidStatus, match="401"):
            ping(sandbox.websocket_endpoint, source)
    assert (sandbox.token_requests, sandbox.websocket_handshakes) == (2, 6)


def test_a_static_token_that_is_rejected_is_not_sent_again(
    ping: Callable[..., str], sandbox: Sandbox
) -> None:
    """Hazard R2."""
    with pytest.raises(InvalidStatus, match="401"):
        ping(sandbox.websocket_endpoint, StaticToken("ory_at_unknown"))
    assert sandbox.websocket_handshakes == 1


def test_another_origin_that_a_handshake_is_redirected_to_sees_no_token(
    ping: Callable[..., str], source: ClientCredentials, origin: Origin, elsewhere: Origin
) -> None:
    """Hazard S1. Older versions of the sync client do not follow redirects."""
    origin.handler = redirecting(307, elsewhere.at(scheme="ws"))
    elsewhere.handler = answering(404)
    with pytest.raises(InvalidStatus):
        ping(origin.at(scheme="ws"), source)
    assert None not in origin.tokens
    assert set(elsewhere.tokens) <= {None}


@pytest.mark.parametrize("failure", ["rejected", "no connection", "no token"])
def test_no_error_local_variable_or_log_line_of_ours_shows_the_token(
    ping: Callable[..., str],
    failure: str,
    sandbox: Sandbox,
    source: ClientCredentials,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Hazard S5."""
    caplog.set_level(logging.DEBUG, "bitquery_auth")
    token = source.token().access_token
    sandbox.reject_handshakes = True
    if failure == "no connection":
        sandbox.stop()
    if failure == "no token":
        source.discard(token)
        sandbox.outage = 400
    options = {} if ping is WAYS["sync"] else {"process_exception": lambda error: error}
    with pytest.raises((OSError, InvalidHandshake)) as caught:
        ping(sandbox.websocket_endpoint, source, **options)
    assert_hidden(texts_of(caught.value), token)
    assert_hidden(own_locals(caught.value), token)
    assert_hidden("\n".join(record.getMessage() for record in caplog.records), token)
