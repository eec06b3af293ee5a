"""aiohttp: the auth as a client middleware: tokens, hosts, errors."""

import asyncio
import copy
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integrations.needs import needs

aiohttp = needs("aiohttp", "bitquery_auth[aiohttp]")

from bitquery_auth import BitqueryAuthError, ConfigurationError, TokenEndpointError  # noqa: E402
from bitquery_auth.integrations.aiohttp import AiohttpAuth  # noqa: E402
from bitquery_auth.sandbox import Sandbox  # noqa: E402
from bitquery_auth.sandbox._messages import Response  # noqa: E402
from tests.behaviour.conftest import until  # noqa: E402
from tests.integrations.aiohttp_session import QUERY, post, run  # noqa: E402
from tests.kit.origin import Origin, answering, refusing_the_first_token  # noqa: E402


@pytest.fixture
def auth(sandbox: Sandbox) -> AiohttpAuth:
    return AiohttpAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)


@pytest.fixture
def everywhere(sandbox: Sandbox) -> AiohttpAuth:
    """One that may send its token anywhere on this machine."""
    return AiohttpAuth(sandbox.credentials(), allowed_hosts=["127.0.0.1", "localhost"])


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as running:
        yield running


# -- tokens -----


def test_the_first_request_fetches_a_token_and_the_next_use_it(auth: AiohttpAuth, sandbox: Sandbox) -> None:
    """In one event loop after another."""
    for _ in range(3):
        assert post(auth, sandbox.graphql_endpoint, json=QUERY)[0] == 200
    assert (sandbox.token_requests, sandbox.api_refusals) == (1, 0)


def test_a_revoked_token_is_replaced_inside_the_request(auth: AiohttpAuth, sandbox: Sandbox) -> None:
    """Hazard R1."""
    post(auth, sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    assert post(auth, sandbox.graphql_endpoint, json=QUERY)[0] == 200
    assert (sandbox.token_requests, sandbox.api_refusals) == (2, 1)


def test_raise_for_status_sees_the_second_answer(auth: AiohttpAuth, sandbox: Sandbox) -> None:
    """Hazard R7: aiohttp raises after its middlewares."""
    post(auth, sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    assert post(auth, sandbox.graphql_endpoint, json=QUERY, session={"raise_for_status": True})[0] == 200


@pytest.mark.parametrize("revoked", [False, True])
def test_thirty_tasks_cost_one_token_request(auth: AiohttpAuth, sandbox: Sandbox, *, revoked: bool) -> None:
    """Hazards C1, C6: on a cold start, and when all thirty are refused at once."""

    async def work(session: Any) -> list[int]:
        async def one() -> int:
            async with session.post(sandbox.graphql_endpoint, json=QUERY) as response:
                return int(response.status)

        if revoked:
            await one()
            sandbox.revoke_all()
        return await asyncio.gather(*(one() for _ in range(30)))

    assert run(auth, work) == [200] * 30
    assert sandbox.token_requests == 1 + revoked


def test_the_second_try_uses_the_connection_of_the_first(auth: AiohttpAuth, sandbox: Sandbox) -> None:
    """A pool of one connection does not wait for itself."""
    post(auth, sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()

    async def work(session: Any) -> int:
        async with session.post(sandbox.graphql_endpoint, json=QUERY) as response:
            return int(response.status)

    created = []
    trace = aiohttp.TraceConfig()

    async def note(*_: Any) -> None:
        created.append(1)

    async def inner() -> int:
        trace.on_connection_create_end.append(note)
        connector = aiohttp.TCPConnector(limit=1)
        async with aiohttp.ClientSession(middlewares=(auth,), connector=connector, trace_configs=[trace]) as session:
            return await asyncio.wait_for(work(session), 20)

    assert asyncio.run(inner()) == 200
    assert created == [1]


def test_an_api_that_always_refuses_costs_a_bounded_number_of_token_requests(
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
    assert sandbox.token_requests <= 3


# -- hosts -----


def test_another_host_gets_its_request_without_the_token(auth: AiohttpAuth, sandbox: Sandbox, origin: Origin) -> None:
    """Hazard S2."""
    origin.handler = answering(401, "whoever you are")
    assert post(auth, origin.at(), json=QUERY) == (401, "whoever you are")
    assert origin.tokens == [None]
    assert sandbox.token_requests == 0


def test_plain_http_beyond_this_machine_raises(sandbox: Sandbox) -> None:
    """Hazard S4."""
    auth = AiohttpAuth(sandbox.credentials(), allowed_hosts=["api.example.com"])
    with pytest.raises(ConfigurationError, match="https") as caught:
        post(auth, "http://api.example.com/", json=QUERY)
    assert isinstance(caught.value, aiohttp.ClientError)


# -- errors -----


def test_an_error_is_also_one_of_aiohttps(auth: AiohttpAuth, sandbox: Sandbox) -> None:
    """Hazard F6."""
    sandbox.outage = 503
    with pytest.raises(TokenEndpointError) as caught:
        post(auth, sandbox.graphql_endpoint, json=QUERY)
    assert isinstance(caught.value, aiohttp.ClientError)
    assert caught.value.status_code == 503


def test_where_no_new_token_can_be_had_that_is_raised(auth: AiohttpAuth, sandbox: Sandbox) -> None:
    """And the refusal is left neither open nor unread."""
    post(auth, sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    sandbox.outage = 503
    with pytest.raises(BitqueryAuthError):
        post(auth, sandbox.graphql_endpoint, json=QUERY)


def test_where_it_would_not_be_sent_again_the_refusal_is_handed_over_instead(sandbox: Sandbox) -> None:
    auth = AiohttpAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts, replay="never")
    post(auth, sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    sandbox.outage = 503
    assert post(auth, sandbox.graphql_endpoint, json=QUERY) == (401, "Unauthorized")


@pytest.mark.parametrize("outage", [503, "drop"])
def test_a_second_try_that_was_refused_is_handed_over_whatever_becomes_of_the_next_fetch(
    sandbox: Sandbox, origin: Origin, outage: Any
) -> None:
    """Somebody had renewed the token meanwhile, so that one was tried; and its answer is open to be read."""
    source = sandbox.credentials()

    def refuse(_: Any) -> Response:
        if len(origin.requests) == 1:
            source.renew()
            sandbox.outage = outage
        return Response.text(401, f"refused {len(origin.requests)}")

    origin.handler = refuse
    auth = AiohttpAuth(source, allowed_hosts=[origin.allowed_host])
    assert post(auth, origin.at(), data=b"query") == (401, "refused 2")
    assert len(set(origin.tokens)) == len(origin.requests) == 2
    assert sandbox.token_requests > 2


def test_a_request_cancelled_while_a_token_is_fetched_leaves_nothing_open(auth: AiohttpAuth, sandbox: Sandbox) -> None:
    """Hazards A4, A6."""
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


# -- the rest -----


def test_a_websocket_carries_the_token_in_its_header(everywhere: AiohttpAuth, origin: Origin) -> None:
    """On this machine; and a refused handshake is answered."""
    origin.handler = refusing_the_first_token(answering(404))

    async def work(session: Any) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(origin.at(scheme="ws"))
        assert caught.value.status == 404

    run(everywhere, work)
    assert len(set(origin.tokens)) == 2


def test_bitquerys_websockets_get_the_token_in_their_url(sandbox: Sandbox) -> None:
    """Which no error of aiohttp's shows."""
    source = sandbox.credentials()
    auth = AiohttpAuth(source, allowed_hosts=["*.bitquery.io"])
    seen = []

    async def stop(request: Any, _: Any) -> Any:
        seen.append(request)
        raise aiohttp.ClientConnectionError(str(request.request_info.real_url))

    async def inner() -> None:
        async with aiohttp.ClientSession(middlewares=(auth, stop)) as session:
            with pytest.raises(aiohttp.ClientConnectionError) as caught:
                await session.ws_connect("wss://streaming.bitquery.io/graphql?a=b")
        assert str(caught.value) == "wss://streaming.bitquery.io/graphql?a=b"

    asyncio.run(inner())
    token = source.token().access_token
    assert dict(seen[0].url.query) == {"a": "b", "token": token}
    assert "Authorization" not in seen[0].headers


def test_a_predicate_says_what_a_refusal_is(sandbox: Sandbox, origin: Origin) -> None:
    """Hazard R6."""
    origin.handler = refusing_the_first_token(status=403)
    auth = AiohttpAuth(
        sandbox.credentials(), allowed_hosts=[origin.allowed_host], is_auth_failure=lambda answer: answer.status == 403
    )
    assert post(auth, origin.at(), json=QUERY)[0] == 200


def test_credentials_of_the_session_are_replaced(everywhere: AiohttpAuth, origin: Origin) -> None:
    assert post(everywhere, origin.at(), data=b"q", session={"headers": {"Authorization": "Basic dTpw"}})[0] == 200
    assert len(origin.requests[0].headers["Authorization"].split("Bearer ")) == 2


def test_copies_are_itself_and_a_pickle_works(auth: AiohttpAuth, sandbox: Sandbox) -> None:
    """Hazard P1."""
    assert copy.deepcopy(auth) is auth
    again = pickle.loads(pickle.dumps(auth))
    assert post(again, sandbox.graphql_endpoint, json=QUERY)[0] == 200


def test_answers_that_are_no_refusal_end_the_trouble(everywhere: AiohttpAuth, origin: Origin) -> None:
    """A refused fresh token is tried again once the API accepted it meanwhile."""
    answers = [401, 401, 200, 401, 200]
    origin.handler = lambda _: Response.text(answers.pop(0), "")
    assert [post(everywhere, origin.at(), data=b"")[0] for _ in range(3)] == [401, 200, 200]
