"""aiohttp and redirects: the middleware is called for every hop, and sees nothing public of the hops before."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integrations.needs import needs

needs("aiohttp", "bitquery_auth[aiohttp]")

from bitquery_auth.integrations.aiohttp import AiohttpAuth  # noqa: E402
from bitquery_auth.sandbox import Sandbox  # noqa: E402
from tests.kit.clock import Clock  # noqa: E402
from tests.integrations.aiohttp_session import QUERY, post, run  # noqa: E402
from tests.kit.origin import Origin, answering, by_path, redirecting, refusing_the_first_token  # noqa: E402


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


@pytest.fixture
def elsewhere() -> Iterator[Origin]:
    with Origin() as running:
        yield running


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("header", ["Authorization", "X-Token"])
def test_another_origin_sees_no_token_and_its_401_starts_nothing(
    sandbox: Sandbox, origin: Origin, elsewhere: Origin, status: int, header: str
) -> None:
    """Hazards S1, S8: although its host is one that may see tokens."""
    auth = AiohttpAuth(sandbox.credentials(), allowed_hosts=["127.0.0.1"], header_name=header, scheme="Bearer")
    origin.handler = redirecting(status, elsewhere.at())
    elsewhere.handler = answering(401, "no")
    assert post(auth, origin.at(), data=b"q") == (401, "no")
    assert [header in request.headers for request in (*origin.requests, *elsewhere.requests)] == [True, False]
    assert sandbox.token_requests == 1


def test_a_chain_that_led_elsewhere_and_back_carries_no_token_any_more(
    everywhere: AiohttpAuth, sandbox: Sandbox, origin: Origin, elsewhere: Origin
) -> None:
    """Hazard S1: that was another host's choice."""
    origin.handler = by_path({"/start": redirecting(307, elsewhere.at()), "/end": answering(401, "no")})
    elsewhere.handler = redirecting(307, origin.at("/end"))
    assert post(everywhere, origin.at("/start"), data=b"q") == (401, "no")
    assert [token is not None for token in origin.tokens] == [True, False]
    assert sandbox.token_requests == 1


def test_no_later_hop_elsewhere_sees_the_token_either(
    everywhere: AiohttpAuth, origin: Origin, elsewhere: Origin
) -> None:
    """Hazard S1: a redirect within the other origin does not make it ours."""
    origin.handler = redirecting(307, elsewhere.at("/start"))
    elsewhere.handler = by_path({"/start": redirecting(307, "/end"), "/end": answering(200)})
    assert post(everywhere, origin.at(), data=b"q")[0] == 200
    assert elsewhere.tokens == [None, None]


def test_a_foreign_host_that_leads_here_gets_no_token_sent_here(
    auth: AiohttpAuth, sandbox: Sandbox, origin: Origin
) -> None:
    origin.handler = redirecting(307, sandbox.graphql_endpoint)
    assert post(auth, origin.at(), json=QUERY)[0] == 401
    assert sandbox.token_requests == 0


def test_after_a_redirect_within_the_origin_only_the_refused_hop_is_sent_again(
    everywhere: AiohttpAuth, origin: Origin
) -> None:
    """A POST that led to a GET by 303 is not posted twice."""
    origin.handler = by_path({"/start": redirecting(303, "/end"), "/end": refusing_the_first_token()})
    assert post(everywhere, origin.at("/start"), data=b"q")[0] == 200
    assert origin.visits == ["POST /start", "GET /end", "GET /end"]
    assert None not in origin.tokens


@pytest.mark.parametrize("header", ["Authorization", "X-Token"])
def test_an_api_that_leads_on_and_then_always_refuses_costs_a_bounded_number_of_token_requests(
    sandbox: Sandbox, origin: Origin, header: str
) -> None:
    """Hazard R3: that the redirect was no refusal says nothing about what is behind it."""
    auth = AiohttpAuth(sandbox.credentials(), allowed_hosts=["127.0.0.1"], header_name=header)
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


def test_each_pause_is_longer_than_the_one_before_also_behind_a_redirect(
    everywhere: AiohttpAuth, sandbox: Sandbox, origin: Origin, clock: Clock
) -> None:
    """Hazard R3; and once the API accepts again, so is the next call."""
    origin.handler = by_path({"/old": redirecting(308, "/new"), "/new": answering(401, "no")})

    async def work(session: Any) -> list[int]:
        statuses = []
        for _ in range(60):
            async with session.get(origin.at("/old")) as response:
                statuses.append(response.status)
            clock.advance(1)
        origin.handler = by_path({"/old": redirecting(308, "/new"), "/new": answering(200)})
        async with session.get(origin.at("/old")) as response:
            return [*statuses, response.status]

    assert run(everywhere, work) == [*[401] * 60, 200]
    assert 3 <= sandbox.token_requests <= 8  # pauses of 1, 2, 4, 8, 16, 32 s


def test_where_a_redirect_led_is_forgotten_with_its_request(
    everywhere: AiohttpAuth, origin: Origin, elsewhere: Origin
) -> None:
    """In the same task: whoever follows a redirect on their own sends a request of their own."""
    origin.handler = redirecting(307, elsewhere.at())

    async def work(session: Any) -> None:
        for follow in (True, False):
            async with session.post(origin.at(), data=b"q", allow_redirects=follow):
                pass
        async with session.post(elsewhere.at(), data=b"q"):
            pass

    run(everywhere, work)
    assert [token is not None for token in elsewhere.tokens] == [False, True]
    run(
        everywhere,
        lambda session: asyncio.gather(*(session.post(origin.at(), allow_redirects=False) for _ in range(5))),
    )
    assert len(everywhere._chains) <= 6


def test_redirects_that_nobody_follows_are_remembered_within_bounds(
    everywhere: AiohttpAuth, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bitquery_auth.integrations.aiohttp._MOST_CHAINS", 3)
    origin.handler = redirecting(307, "/")
    for _ in range(6):
        assert post(everywhere, origin.at(), allow_redirects=False)[0] == 307
    assert len(everywhere._chains) == 3
