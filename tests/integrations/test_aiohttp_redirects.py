"""aiohttp and redirects: it calls a middleware for each hop, which knows nothing of the others."""

import logging
from typing import Any

import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth.integrations.aiohttp import AiohttpAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.aiohttp_session import post, run
from tests.kit import QUERY
from tests.kit.clock import Clock
from tests.kit.origin import Origin, answering, by_path, redirecting, refusing_the_first_token


@pytest.fixture
def auth(source: ClientCredentials) -> AiohttpAuth:
    """An auth for every server of this machine."""
    return AiohttpAuth(source, allowed_hosts=["127.0.0.1", "localhost"])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("header", ["Authorization", "X-Token"])
def test_another_origin_sees_no_token_and_its_401_starts_nothing(
    source: ClientCredentials,
    sandbox: Sandbox,
    origin: Origin,
    elsewhere: Origin,
    status: int,
    header: str,
) -> None:
    """Hazards S1 and S8: although its host may see tokens."""
    auth = AiohttpAuth(source, allowed_hosts=["127.0.0.1"], header_name=header)
    origin.handler = redirecting(status, elsewhere.at())
    elsewhere.handler = answering(401, "no")
    assert post(auth, origin.at(), data=b"q") == (401, "no")
    requests = (*origin.requests, *elsewhere.requests)
    assert [header in request.headers for request in requests] == [True, False]
    assert sandbox.token_requests == 1


def test_a_redirect_between_allowed_hosts_is_warned_of_once(
    auth: AiohttpAuth, origin: Origin, elsewhere: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    origin.handler = redirecting(307, elsewhere.at())
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            post(auth, origin.at(), data=b"q")
    (record,) = caplog.records
    assert record.getMessage() == (
        f"{origin.at('')} redirects to {elsewhere.at('')}, which gets no token because it is "
        f"another origin: use the final URL"
    )


def test_a_redirect_away_and_back_carries_no_token_any_more(
    auth: AiohttpAuth, sandbox: Sandbox, origin: Origin, elsewhere: Origin
) -> None:
    """Hazard S1: another server chose the URL."""
    origin.handler = by_path(
        {"/start": redirecting(307, elsewhere.at()), "/end": answering(401, "no")}
    )
    elsewhere.handler = redirecting(307, origin.at("/end"))
    assert post(auth, origin.at("/start"), data=b"q") == (401, "no")
    assert [token is not None for token in origin.tokens] == [True, False]
    assert sandbox.token_requests == 1


def test_no_later_hop_elsewhere_sees_the_token(
    auth: AiohttpAuth, origin: Origin, elsewhere: Origin
) -> None:
    """Hazard S1: a redirect within another origin is still elsewhere."""
    origin.handler = redirecting(307, elsewhere.at("/start"))
    elsewhere.handler = by_path({"/start": redirecting(307, "/end"), "/end": answering(200)})
    assert post(auth, origin.at(), data=b"q")[0] == 200
    assert elsewhere.tokens == [None, None]


def test_a_foreign_host_that_redirects_to_an_allowed_one_gets_no_token_sent(
    source: ClientCredentials, sandbox: Sandbox, origin: Origin
) -> None:
    auth = AiohttpAuth(source, allowed_hosts=sandbox.allowed_hosts)
    origin.handler = redirecting(307, sandbox.graphql_endpoint)
    assert post(auth, origin.at(), json=QUERY)[0] == 401
    assert sandbox.token_requests == 0


def test_after_a_redirect_within_the_origin_only_the_rejected_request_is_sent_again(
    auth: AiohttpAuth, origin: Origin
) -> None:
    """A POST that a 303 turned into a GET is not sent twice."""
    origin.handler = by_path(
        {"/start": redirecting(303, "/end"), "/end": refusing_the_first_token()}
    )
    assert post(auth, origin.at("/start"), data=b"q")[0] == 200
    assert origin.visits == ["POST /start", "GET /end", "GET /end"]
    assert None not in origin.tokens


@pytest.mark.parametrize("header", ["Authorization", "X-Token"])
def test_an_api_that_rejects_every_token_behind_a_redirect_costs_a_bounded_number_of_tokens(
    source: ClientCredentials, sandbox: Sandbox, origin: Origin, header: str
) -> None:
    """Hazard R3: a redirect says nothing about the response behind it."""
    auth = AiohttpAuth(source, allowed_hosts=["127.0.0.1"], header_name=header)
    origin.handler = by_path({"/old": redirecting(308, "/new"), "/new": answering(401, "no")})

    async def work(session: Any) -> set[int]:
        statuses = set()
        for _ in range(60):
            async with session.get(origin.at("/old")) as response:
                statuses.add(response.status)
        return statuses

    assert run(auth, work) == {401}
    assert sandbox.token_requests == 2
    assert len(origin.requests) <= 2 * 60 + 2


def test_each_pause_of_recovery_is_longer_than_the_last_behind_a_redirect_too(
    auth: AiohttpAuth, sandbox: Sandbox, origin: Origin, clock: Clock
) -> None:
    """Hazard R3: pauses of 1, 2, 4, 8, 16 and 32 s."""
    pages = {"/old": redirecting(308, "/new"), "/new": answering(401, "no")}
    origin.handler = by_path(pages)

    async def work(session: Any) -> list[int]:
        statuses = []
        for _ in range(60):
            async with session.get(origin.at("/old")) as response:
                statuses.append(response.status)
            clock.advance(1)
        pages["/new"] = answering(200)
        async with session.get(origin.at("/old")) as response:
            return [*statuses, response.status]

    assert run(auth, work) == [*[401] * 60, 200]
    assert 3 <= sandbox.token_requests <= 8


def test_a_request_of_ones_own_to_the_target_of_a_redirect_carries_the_token(
    auth: AiohttpAuth, origin: Origin, elsewhere: Origin
) -> None:
    """It is another call, although it follows in the same task."""
    origin.handler = redirecting(307, elsewhere.at())

    async def work(session: Any) -> None:
        for is_followed in (True, False):
            async with session.post(origin.at(), data=b"q", allow_redirects=is_followed):
                pass
        async with session.post(elsewhere.at(), data=b"q"):
            pass

    run(auth, work)
    assert [token is not None for token in elsewhere.tokens] == [False, True]
