"""What every integration does alike: tokens, recovery, errors; and over HTTP: hosts, redirects."""

import asyncio
import copy
import logging
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from bitquery_auth import (
    BitqueryAuthError,
    ClientCredentials,
    ConfigurationError,
    RequestsAuth,
    StaticToken,
    TokenEndpointError,
    TokenRequestError,
)
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request, Response
from tests.integrations.bridges import BRIDGES, HTTP_BRIDGES, Bridge, HttpBridge
from tests.kit import QUERY
from tests.kit.clock import Clock
from tests.kit.crowd import at_once
from tests.kit.origin import Origin, answering, by_path, redirecting, refusing_the_first_token
from tests.secrets.leaks import assert_hidden, own_locals, texts_of

OpenHttp = Callable[..., HttpBridge]

# By default, `async for` connects again and again while a server does not respond.
THAT_GIVE_UP = [name for name in BRIDGES if name != "websockets-for"]


def counts(sandbox: Sandbox) -> tuple[int, int]:
    """Return the numbers of token requests, and of requests and handshakes of the API."""
    return sandbox.token_requests, sandbox.api_requests + sandbox.websocket_handshakes


def check_rejected(bridge: Bridge) -> None:
    """Check that a call ends in the client's own error for a 401."""
    with pytest.raises(bridge.rejected, match=r"401|Connect failed") as caught:
        bridge.call()
    assert not isinstance(caught.value, BitqueryAuthError)


def test_one_token_serves_every_call_and_a_revocation_costs_one_more(
    bridge: Bridge, sandbox: Sandbox
) -> None:
    """Hazard R1. Most of them make an event loop of its own for each call."""
    for _ in range(3):
        bridge.call()
    assert counts(sandbox) == (1, 3)
    sandbox.revoke_all()
    for _ in range(2):
        bridge.call()
    assert counts(sandbox) == (2, 6)


def test_calls_at_once_share_one_token_and_its_successor(bridge: Bridge, sandbox: Sandbox) -> None:
    """Hazards C1 and C6."""
    sandbox.delay = 0.1
    for tokens in (1, 2):
        assert at_once([bridge.call] * 12) == [None] * 12
        assert sandbox.token_requests == tokens
        sandbox.revoke_all()


def test_an_api_that_rejects_every_token_costs_a_bounded_number_of_tokens(
    bridge: Bridge, sandbox: Sandbox
) -> None:
    """Hazard R3."""
    sandbox.accept_nothing = True
    for _ in range(20):
        check_rejected(bridge)
    assert counts(sandbox) == (2, 21)


def test_a_static_token_that_is_rejected_is_not_sent_again(
    bridge: Bridge, sandbox: Sandbox
) -> None:
    """Hazard R2."""
    check_rejected(type(bridge)(StaticToken("ory_at_unknown"), sandbox))
    assert counts(sandbox) == (0, 1)


@pytest.mark.parametrize("bridge", THAT_GIVE_UP, indirect=True)
def test_a_token_endpoint_that_is_down_is_a_connection_error_of_the_client(
    bridge: Bridge, sandbox: Sandbox
) -> None:
    """Hazard F6."""
    sandbox.outage = "drop"
    with pytest.raises(bridge.connection_error) as caught:
        bridge.call()
    assert isinstance(caught.value, TokenRequestError)
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), TokenRequestError)


@pytest.mark.parametrize("is_revoked", [False, True])
def test_a_token_endpoint_that_rejects_the_client_is_another_error_of_the_client(
    bridge: Bridge, sandbox: Sandbox, *, is_revoked: bool
) -> None:
    """Hazard F6: before the first request, and after a 401."""
    if is_revoked:
        bridge.call()
        sandbox.revoke_all()
    sandbox.outage = 400
    with pytest.raises(bridge.request_error) as caught:
        bridge.call()
    assert isinstance(caught.value, TokenEndpointError)
    assert not isinstance(caught.value, bridge.connection_error)
    assert counts(sandbox) == (1 + is_revoked, 2 * is_revoked)


@pytest.mark.parametrize("failure", ["rejected", "no connection", "no token"])
@pytest.mark.parametrize(
    "bridge", [name for name in THAT_GIVE_UP if name not in HTTP_BRIDGES], indirect=True
)
def test_no_error_local_variable_or_log_line_of_ours_shows_the_token(
    bridge: Bridge,
    failure: str,
    sandbox: Sandbox,
    source: ClientCredentials,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Hazard S5: the tokens of WebSockets are in URLs."""
    caplog.set_level(logging.DEBUG, "bitquery_auth")
    token = source.token().access_token
    sandbox.accept_nothing = True
    if failure == "no connection":
        sandbox.stop()
    if failure == "no token":
        source.discard(token)
        sandbox.outage = 400
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever the client raises
        bridge.call()
    assert_hidden(texts_of(caught.value), token)
    assert_hidden(own_locals(caught.value), token)
    assert_hidden("\n".join(record.getMessage() for record in caplog.records), token)


# -- over HTTP -------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [{"json": QUERY}, {"data": b"\x00\xff"}, {"data": {"a": "b c"}}])
def test_a_body_in_memory_is_sent_again(
    http: HttpBridge, origin: Origin, body: dict[str, Any]
) -> None:
    """Hazard R4."""
    origin.handler = refusing_the_first_token()
    assert http.post(origin.at(), **body)[0] == 200
    first, second = origin.requests
    assert first.body == second.body != b""


def test_a_generator_is_not_sent_again_and_the_next_request_works(
    http: HttpBridge, origin: Origin, sandbox: Sandbox
) -> None:
    """Hazard R4: sent again, it would be empty."""
    origin.handler = refusing_the_first_token()
    assert http.post(origin.at(), data=http.generator()) == (401, "Unauthorized")
    assert (len(origin.requests), sandbox.token_requests) == (1, 2)
    assert http.post(origin.at(), data=http.generator()) == (200, "piecework")


@pytest.mark.parametrize("replay", ["safe", "never"])
def test_a_request_that_replay_excludes_returns_its_401_whatever_the_token_endpoint_does(
    open_http: OpenHttp, sandbox: Sandbox, origin: Origin, clock: Clock, replay: str
) -> None:
    """Hazard R5."""
    http = open_http(replay=replay)
    origin.handler = refusing_the_first_token()
    http.source.token()
    sandbox.outage = 503
    assert http.post(origin.at(), json=QUERY) == (401, "Unauthorized")
    assert sandbox.token_requests == 2
    sandbox.outage = None
    clock.advance(1)
    assert http.post(origin.at(), json=QUERY)[0] == 200
    assert len(origin.requests) == 2


def test_is_auth_failure_decides_what_a_rejected_token_is(
    open_http: OpenHttp, origin: Origin
) -> None:
    """Hazard R6."""

    def is_auth_failure(response: Any) -> bool:
        return 403 in (getattr(response, "status", 0), getattr(response, "status_code", 0))

    origin.handler = refusing_the_first_token(status=403)
    assert open_http(is_auth_failure=is_auth_failure).post(origin.at(), json=QUERY)[0] == 200


@pytest.mark.parametrize("outage", [503, "drop"])
def test_a_rejected_second_try_is_returned_whatever_the_token_endpoint_does(
    http: HttpBridge, sandbox: Sandbox, origin: Origin, source: ClientCredentials, outage: Any
) -> None:
    """Another caller had renewed the token meanwhile, so the second try needed no token request."""

    def reject(_: Any) -> Response:
        if len(origin.requests) == 1:
            source.renew()
            sandbox.outage = outage
        return Response.text(401, f"rejected {len(origin.requests)}")

    origin.handler = reject
    assert http.post(origin.at(), data=b"query") == (401, "rejected 2")
    assert len(set(origin.tokens)) == len(origin.requests) == 2
    assert sandbox.token_requests > 2


def test_after_a_success_the_next_rejected_token_is_replaced_again(
    http: HttpBridge, origin: Origin
) -> None:
    statuses = [401, 401, 200, 401, 200]
    origin.handler = lambda _: Response.text(statuses.pop(0), "")
    assert [http.post(origin.at(), data=b"")[0] for _ in range(3)] == [401, 200, 200]


def test_a_cookie_set_by_the_401_is_sent_with_the_second_try(
    http: HttpBridge, origin: Origin
) -> None:
    """Load balancers use one to reach the same server."""
    respond = refusing_the_first_token()

    def with_cookie(request: Request) -> Response:
        response: Any = respond(request)
        return Response(response.status, (("Set-Cookie", "server=7"),), response.body)

    origin.handler = with_cookie
    assert http.post(origin.at(), data=b"q")[0] == 200
    assert [request.headers.get("Cookie") for request in origin.requests] == [None, "server=7"]


def test_a_header_of_the_user_is_replaced(http: HttpBridge, origin: Origin) -> None:
    assert http.post(origin.at(), data=b"q", headers={"Authorization": "Basic dTpw"})[0] == 200
    (request,) = origin.requests
    values = [value for name, value in request.headers.pairs if name.lower() == "authorization"]
    assert [value.split(" ")[0] for value in values] == ["Bearer"]


def test_copies_are_the_auth_itself_and_a_pickle_works(http: HttpBridge) -> None:
    """Hazard P1."""
    assert copy.deepcopy(http.auth) is http.auth
    http.auth = pickle.loads(pickle.dumps(http.auth))
    http.call()


# -- hosts and redirects ---------------------------------------------------------------------------


def test_another_host_gets_its_request_without_the_token(
    open_http: OpenHttp, sandbox: Sandbox, origin: Origin
) -> None:
    """Hazard S2."""
    origin.handler = answering(401, "no")
    http = open_http(allowed_hosts=sandbox.allowed_hosts)
    assert http.post(origin.at(), json=QUERY) == (401, "no")
    assert (origin.tokens, sandbox.token_requests) == ([None], 0)


def test_a_token_is_not_sent_unencrypted_beyond_this_machine(open_http: OpenHttp) -> None:
    """Hazard S4."""
    http = open_http(allowed_hosts=["api.example.com"])
    with pytest.raises(ConfigurationError, match="https") as caught:
        http.post("http://api.example.com/", json=QUERY)
    assert isinstance(caught.value, http.request_error)


@pytest.mark.parametrize("status", [303, 307])
@pytest.mark.parametrize("header", ["Authorization", "X-Token"])
def test_another_origin_sees_no_token_and_its_401_starts_nothing(
    open_http: OpenHttp,
    sandbox: Sandbox,
    origin: Origin,
    elsewhere: Origin,
    status: int,
    header: str,
) -> None:
    """Hazards S1 and S8: although its host may see tokens."""
    origin.handler = redirecting(status, elsewhere.at())
    elsewhere.handler = answering(401, "no")
    assert open_http(header_name=header).post(origin.at(), data=b"q") == (401, "no")
    requests = (*origin.requests, *elsewhere.requests)
    assert [header in request.headers for request in requests] == [True, False]
    assert sandbox.token_requests == 1


@pytest.mark.parametrize("header", ["Authorization", "X-Token"])
def test_a_redirect_of_the_second_try_takes_no_token_to_another_origin(
    open_http: OpenHttp, origin: Origin, elsewhere: Origin, header: str
) -> None:
    """Hazards S1 and S8: neither the new token nor the one that was rejected."""
    origin.plan += [answering(401), redirecting(307, elsewhere.at())]
    assert open_http(header_name=header).post(origin.at(), data=b"q") == (200, "q")
    assert [header in request.headers for request in origin.requests] == [True, True]
    assert [header in request.headers for request in elsewhere.requests] == [False]


def test_a_redirect_away_and_back_carries_no_token_any_more(
    http: HttpBridge, sandbox: Sandbox, origin: Origin, elsewhere: Origin
) -> None:
    """Hazard S1: another server chose the URL. Nor does a redirect within another origin."""
    origin.handler = by_path(
        {"/start": redirecting(307, elsewhere.at("/one")), "/end": answering(401, "no")}
    )
    elsewhere.handler = by_path(
        {"/one": redirecting(307, "/two"), "/two": redirecting(307, origin.at("/end"))}
    )
    assert http.post(origin.at("/start"), data=b"q") == (401, "no")
    assert [token is not None for token in origin.tokens] == [True, False]
    assert elsewhere.tokens == [None, None]
    assert sandbox.token_requests == 1


def test_a_foreign_host_that_redirects_to_an_allowed_one_gets_no_token_sent(
    open_http: OpenHttp, sandbox: Sandbox, origin: Origin
) -> None:
    origin.handler = redirecting(307, sandbox.graphql_endpoint)
    http = open_http(allowed_hosts=sandbox.allowed_hosts)
    assert http.post(origin.at(), json=QUERY)[0] == 401
    assert sandbox.token_requests == 0


def test_after_a_redirect_within_the_origin_only_the_rejected_request_is_sent_again(
    http: HttpBridge, origin: Origin
) -> None:
    """A POST that a 303 turned into a GET is not sent twice."""
    origin.handler = by_path(
        {"/start": redirecting(303, "/end"), "/end": refusing_the_first_token()}
    )
    assert http.post(origin.at("/start"), data=b"q")[0] == 200
    assert origin.visits == ["POST /start", "GET /end", "GET /end"]
    assert None not in origin.tokens


def test_a_redirect_between_allowed_hosts_is_warned_of_once(
    http: HttpBridge, origin: Origin, elsewhere: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    origin.handler = redirecting(307, elsewhere.at())
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            http.post(origin.at(), data=b"q")
    (record,) = caplog.records
    assert record.getMessage() == (
        f"{origin.at('')} redirects to {elsewhere.at('')}, which gets no token because it is "
        f"another origin: use the final URL"
    )


@pytest.mark.parametrize("header", ["Authorization", "X-Token"])
def test_a_redirect_says_nothing_about_the_response_behind_it(
    open_http: OpenHttp, sandbox: Sandbox, origin: Origin, clock: Clock, header: str
) -> None:
    """Hazard R3: pauses of 1, 2, 4, 8, 16 and 32 s."""
    pages = {"/old": redirecting(308, "/new"), "/new": answering(401, "no")}
    origin.handler = by_path(pages)
    http = open_http(header_name=header)
    for _ in range(60):
        assert http.post(origin.at("/old"), data=b"q")[0] == 401
        clock.advance(1)
    assert 3 <= sandbox.token_requests <= 8
    pages["/new"] = answering(200)
    assert http.post(origin.at("/old"), data=b"q")[0] == 200


def test_an_async_session_of_niquests_needs_an_auth_of_its_own(
    sandbox: Sandbox, source: ClientCredentials
) -> None:
    """Its other sessions take any auth for requests."""
    niquests = pytest.importorskip("niquests")
    source.token()
    sandbox.accept_nothing = True

    async def work() -> None:
        async with niquests.AsyncSession() as session:
            session.auth = RequestsAuth(source, allowed_hosts=["127.0.0.1"])
            with pytest.raises(ConfigurationError, match="AsyncNiquestsAuth"):
                await session.post(sandbox.graphql_endpoint, json=QUERY)

    asyncio.run(work())
