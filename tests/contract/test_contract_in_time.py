"""What time does to a token, in real time at real servers; all tests share one wait."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.contract.applications import RENEWED, SHORT_LIVED
from tests.contract.lifetimes import KINDS, Life, Lives, lives_at, token_of
from tests.contract.sandbox_server import SandboxServer
from tests.servers import SERVERS, AuthorizationServer


@pytest.fixture(scope="module")
def lives_by_server(
    server_named: Callable[[str], AuthorizationServer], the_sandbox: SandboxServer
) -> dict[str, Lives]:
    """The lives at every server that can run here, all at the same time."""
    servers: list[AuthorizationServer] = [the_sandbox]
    for name in SERVERS:
        # The tests at this server are skipped, or fail, with the same reason.
        with suppress(pytest.skip.Exception, pytest.fail.Exception):
            servers.append(server_named(name))
    for server in servers:
        RENEWED.register(server)
        SHORT_LIVED.register(server)
    with ThreadPoolExecutor(len(servers)) as pool:
        lives = pool.map(lives_at, servers)
        return {server.name: each for server, each in zip(servers, lives, strict=True)}


@pytest.fixture
def lives(running_server: AuthorizationServer, lives_by_server: dict[str, Lives]) -> Lives:
    """The lives at this server."""
    return lives_by_server[running_server.name]


@pytest.fixture(params=KINDS)
def life(request: pytest.FixtureRequest, lives: Lives) -> Life:
    """That of one client."""
    return lives.by_client[request.param]


def test_a_token_past_its_end_is_replaced_before_it_is_used(life: Life) -> None:
    """Hazard E1."""
    assert [(each.status, each.history) for each in life.rested] == [(200, ()), (200, ())]
    first, second = map(token_of, life.rested)
    assert first != second


def test_requests_go_on_with_the_token_while_another_is_fetched(life: Life) -> None:
    """Hazard C4: the token endpoint answers only after a request has come and gone meanwhile."""
    first = token_of(life.before[0])
    assert [(each.status, each.history, token_of(each)) for each in life.meanwhile] == [
        (200, (), first)
    ]


def test_no_request_meets_a_refusal_from_the_first_token_to_the_second(life: Life) -> None:
    outcomes = [*life.before, *life.meanwhile, *life.after]
    assert {(each.status, each.history) for each in outcomes} == {(200, ())}
    assert len({token_of(each) for each in outcomes}) == 2


def test_every_life_costs_two_token_requests(lives: Lives) -> None:
    """Hazard E2: one token request for each token that was used, by clients that pause or go on."""
    assert lives.token_requests == 2 * 2 * len(KINDS)
