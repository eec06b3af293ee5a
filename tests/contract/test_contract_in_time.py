"""What time does to a token, in real time at real servers; all tests of a server share one wait."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.contract.lifetimes import KINDS, Life, Lives, lives_at, token_of
from tests.servers import AuthorizationServer


@pytest.fixture(scope="module")
def lived() -> Iterator[tuple[ThreadPoolExecutor, dict[str, Future[Lives]]]]:
    """The results by server, which take seconds: a future keeps a failure as well."""
    with ThreadPoolExecutor() as pool:
        yield pool, {}


@pytest.fixture
def lives(
    server: AuthorizationServer, lived: tuple[ThreadPoolExecutor, dict[str, Future[Lives]]]
) -> Lives:
    """The lives at this server."""
    pool, by_server = lived
    if server.name not in by_server:
        by_server[server.name] = pool.submit(lives_at, server)
    return by_server[server.name].result()


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
