"""aiohttp: tokens, hosts, errors, WebSockets."""

import asyncio
import copy
import logging
import pickle
from typing import Any

import aiohttp
import pytest

from bitquery_auth import (
    ClientCredentials,
    ConfigurationError,
    StaticToken,
    TokenEndpointError,
    TokenRequestError,
)
from bitquery_auth.integrations.aiohttp import AiohttpAuth
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request, Response
from tests.integrations.aiohttp_session import post, run
from tests.kit import QUERY
from tests.kit.origin import Origin, answering, refusing_the_first_token
from tests.kit.waiting import until


@pytest.fixture
def auth(source: ClientCredentials, sandbox: Sandbox) -> AiohttpAuth:
    """An auth for the sandbox alone."""
    return AiohttpAuth(source, allowed_hosts=sandbox.allowed_hosts)


@pytest.fixture
def loopback_auth(source: ClientCredentials) -> AiohttpAuth:
    """An auth for every server of this machine."""
    return AiohttpAuth(source, allowed_hosts=["127.0.0.1", "localhost"])


# -- tokens ----------------------------------------------------------------------------------------


def test_one_token_serves_one_event_loop_after_another(auth: AiohttpAuth, sandbox: Sandbox) -> None:
    for _ in range(3):
        assert post(auth, sandbox.graphql_endpoint, json=QUERY)[0] == 200
    assert (sandbox.token_requests, sandbox.api_refusals) == (1, 0)


def test_a_revoked_token_is_replaced_within_the_request(
    auth: AiohttpAuth, sandbox: Sandbox
) -> None:
    """Hazard R1."""
    post(auth, sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    assert post(auth, sandbox.graphql_endpoint, json=QUERY)[0] == 200
    assert (sandbox.token_requests, sandbox.api_refusals) == (2, 1)


def test_raise_for_status_sees_the_second_response(auth: AiohttpAuth, sandbox: Sandbox) -> None:
    """Hazard R7: aiohttp raises after its middlewares."""
    post(auth, sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    options = {"raise_for_status": True}
    assert post(auth, sandbox.graphql_endpoint, json=QUERY, session=options)[0] == 200


@pytest.mark.parametrize("is_revoked", [False, True])
def test_thirty_tasks_cost_one_token_request(
    auth: AiohttpAuth, sandbox: Sandbox, *, is_revoked: bool
) -> None:
    """Hazards C1 and C6: without a token, and when all thirty requests are rejected at once."""

    async def work(session: Any) -> list[int]:
        async def one() -> int:
            async with session.post(sandbox.graphql_endpoint, json=QUERY) as response:
                return int(response.status)

        if is_revoked:
            await one()
            await asyncio.to_thread(sandbox.revoke_all)  # it takes the lock of the server
        return await asyncio.gather(*(one() for _ in range(30)))

    assert run(auth, work) == [200] * 30
    assert sandbox.token_requests == 1 + is_revoked


def test_the_second_try_uses_the_connection_of_the_first(
    auth: AiohttpAuth, sandbox: Sandbox
) -> None:
    """A pool of one connection would otherwise wait for itself."""
    post(auth, sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    created = []

    async def note(*_: Any) -> None:
        created.append(1)

    async def work() -> int:
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(note)
        connector = aiohttp.TCPConnector(limit=1)
        async with (
            aiohttp.ClientSession(
                middlewares=(auth,), connector=connector, trace_configs=[trace]
            ) as session,
            asyncio.timeout(20),
            session.post(sandbox.graphql_endpoint, json=QUERY) as response,
        ):
            return response.status

    assert asyncio.run(work()) == 200
    assert created == [1]


def test_a_cookie_set_by_the_401_is_sent_with_the_second_try(
    loopback_auth: AiohttpAuth, origin: Origin
) -> None:
    """Load balancers use one to reach the same server."""
    respond = refusing_the_first_token()

    def with_cookie(request: Request) -> Response:
        response: Any = respond(request)
        return Response(response.status, (("Set-Cookie", "server=7"),), response.body)

    origin.handler = with_cookie
    assert post(loopback_auth, origin.at(), data=b"q")[0] == 200
    assert [request.headers.get("Cookie") for request in origin.requests] == [None, "server=7"]


def test_an_api_that_rejects_every_token_costs_a_bounded_number_of_tokens(
    auth: AiohttpAuth, sandbox: Sandbox
) -> None:
    """Hazard R3."""
    sandbox.accept_nothing = True

    async def work(session: Any) -> set[int]:
        statuses = set()
        for _ in range(50):
            async with session.post(sandbox.graphql_endpoint, json=QUERY) as response:
                statuses.add(response.status)
        return statuses

    assert run(auth, work) == {401}
    assert sandbox.token_requests == 2


def test_after_a_success_the_next_rejected_token_is_replaced_again(
    loopback_auth: AiohttpAuth, origin: Origin
) -> None:
    statuses = [401, 401, 200, 401, 200]
    origin.handler = lambda _: Response.text(statuses.pop(0), "")
    assert [post(loopback_auth, origin.at(), data=b"")[0] for _ in range(3)] == [401, 200, 200]


def test_is_auth_failure_decides_what_a_rejected_token_is(
    source: ClientCredentials, origin: Origin
) -> None:
    """Hazard R6."""
    origin.handler = refusing_the_first_token(status=403)
    auth = AiohttpAuth(
        source,
        allowed_hosts=[origin.allowed_host],
        is_auth_failure=lambda response: response.status == 403,
    )
    assert post(auth, origin.at(), json=QUERY)[0] == 200


def test_a_header_of_the_session_is_replaced(loopback_auth: AiohttpAuth, origin: Origin) -> None:
    options = {"headers": {"Authorization": "Basic dTpw"}}
    assert post(loopback_auth, origin.at(), data=b"q", session=options)[0] == 200
    (request,) = origin.requests
    values = [value for name, value in request.headers.pairs if name.lower() == "authorization"]
    assert [value.split(" ")[0] for value in values] == ["Bearer"]


def test_copies_are_the_auth_itself_and_a_pickle_works(auth: AiohttpAuth, sandbox: Sandbox) -> None:
    """Hazard P1."""
    assert copy.deepcopy(auth) is auth
    restored = pickle.loads(pickle.dumps(auth))
    assert post(restored, sandbox.graphql_endpoint, json=QUERY)[0] == 200


# -- hosts -----------------------------------------------------------------------------------------


def test_another_host_gets_its_request_without_the_token(
    auth: AiohttpAuth, sandbox: Sandbox, origin: Origin
) -> None:
    """Hazard S2."""
    origin.handler = answering(401, "no")
    assert post(auth, origin.at(), json=QUERY) == (401, "no")
    assert origin.tokens == [None]
    assert sandbox.token_requests == 0


def test_a_token_is_not_sent_unencrypted_beyond_this_machine(source: ClientCredentials) -> None:
    """Hazard S4."""
    auth = AiohttpAuth(source, allowed_hosts=["api.example.com"])
    with pytest.raises(ConfigurationError, match="https") as caught:
        post(auth, "http://api.example.com/", json=QUERY)
    assert isinstance(caught.value, aiohttp.ClientError)


# -- errors ----------------------------------------------------------------------------------------


def test_an_error_of_the_token_endpoint_is_an_error_of_aiohttp(
    auth: AiohttpAuth, sandbox: Sandbox
) -> None:
    """Hazard F6."""
    sandbox.outage = 503
    with pytest.raises(TokenEndpointError) as caught:
        post(auth, sandbox.graphql_endpoint, json=QUERY)
    assert isinstance(caught.value, aiohttp.ClientError)
    assert not isinstance(caught.value, aiohttp.ClientConnectionError)
    assert caught.value.status_code == 503


def test_a_token_endpoint_that_is_down_is_a_connection_error_of_aiohttp(
    auth: AiohttpAuth, sandbox: Sandbox
) -> None:
    sandbox.outage = "drop"
    with pytest.raises(aiohttp.ClientConnectionError) as caught:
        post(auth, sandbox.graphql_endpoint, json=QUERY)
    assert isinstance(caught.value, TokenRequestError)
    restored = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(restored, TokenRequestError)


def test_where_there_is_no_new_token_the_error_is_raised(
    auth: AiohttpAuth, sandbox: Sandbox
) -> None:
    post(auth, sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    sandbox.outage = 503
    with pytest.raises(TokenEndpointError):
        post(auth, sandbox.graphql_endpoint, json=QUERY)


def test_a_request_that_is_not_sent_again_returns_its_401_whatever_the_token_endpoint_does(
    source: ClientCredentials, sandbox: Sandbox
) -> None:
    auth = AiohttpAuth(source, allowed_hosts=sandbox.allowed_hosts, replay="never")
    post(auth, sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    sandbox.outage = 503
    assert post(auth, sandbox.graphql_endpoint, json=QUERY) == (401, "Unauthorized")


@pytest.mark.parametrize("outage", [503, "drop"])
def test_a_rejected_second_try_is_returned_whatever_the_token_endpoint_does(
    source: ClientCredentials, sandbox: Sandbox, origin: Origin, outage: Any
) -> None:
    """Another caller had renewed the token meanwhile, so the second try needed no token request."""

    def reject(_: Any) -> Response:
        if len(origin.requests) == 1:
            source.renew()
            sandbox.outage = outage
        return Response.text(401, f"rejected {len(origin.requests)}")

    origin.handler = reject
    auth = AiohttpAuth(source, allowed_hosts=[origin.allowed_host])
    assert post(auth, origin.at(), data=b"query") == (401, "rejected 2")
    assert len(set(origin.tokens)) == len(origin.requests) == 2
    assert sandbox.token_requests > 2


def test_a_request_that_is_cancelled_during_a_fetch_leaves_the_fetch_to_the_next(
    auth: AiohttpAuth, sandbox: Sandbox
) -> None:
    """Hazards A4 and A6."""
    post(auth, sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    sandbox.delay = 0.3

    async def work(session: Any) -> int:
        first = asyncio.ensure_future(session.post(sandbox.graphql_endpoint, json=QUERY))
        await asyncio.to_thread(until, lambda: sandbox.token_requests == 2)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        async with session.post(sandbox.graphql_endpoint, json=QUERY) as response:
            return int(response.status)

    assert run(auth, work) == 200
    assert sandbox.token_requests == 2


# -- WebSockets ------------------------------------------------------------------------------------


def test_a_websocket_of_another_server_has_the_token_in_its_header(
    loopback_auth: AiohttpAuth, origin: Origin
) -> None:
    origin.handler = refusing_the_first_token(answering(404))

    async def work(session: Any) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(origin.at(scheme="ws"))
        assert caught.value.status == 404

    run(loopback_auth, work)
    assert len(set(origin.tokens)) == 2
    assert origin.visits == ["GET /", "GET /"]


def test_a_websocket_of_bitquery_has_the_token_in_its_url_which_no_error_shows(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    auth = AiohttpAuth(StaticToken("ory_at_t/oken"))
    seen = []

    async def refuse(request: aiohttp.ClientRequest, _: Any) -> Any:
        seen.append(request)
        raise aiohttp.ClientConnectionError(str(request.request_info.real_url))

    async def work() -> None:
        async with aiohttp.ClientSession(middlewares=(auth, refuse)) as session:
            with pytest.raises(aiohttp.ClientConnectionError) as caught:
                await session.ws_connect("wss://streaming.bitquery.io/graphql?a=b&token=old")
        assert str(caught.value) == "wss://streaming.bitquery.io/graphql?a=b&token=old"

    asyncio.run(work())
    (request,) = seen
    assert str(request.url) == "wss://streaming.bitquery.io/graphql?a=b&token=ory_at_t%2Foken"
    assert "Authorization" not in request.headers
    assert "oken" not in caplog.text
