"""A token near its end: renewed ahead by a fetch that no request waits for, replaced within the leeway."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.behaviour.conftest import QUERY, Open, api_calls, until
from tests.kit.clients import Client
from tests.kit.clock import Clock
from tests.kit.origin import Gate, Origin

# A lifetime of 3600 s arrives as 3599: the leeway of 60 s begins at 3539, and renewal ahead, which
# takes 300 to 330 s more, between 3209 and 3239.
BEFORE, AHEAD, LEEWAY, END = 3200, 3240, 3540, 3599


def shown(sandbox: Sandbox) -> list[str]:
    """What the API was shown."""
    return [call.headers["authorization"].removeprefix("Bearer ") for call in api_calls(sandbox)]


@pytest.fixture
def behind_gate(open_client: Open, sandbox: Sandbox, origin: Origin, gate: Gate) -> Client:
    """A client that has its first token, and whose token requests pass a gate."""
    client = open_client(sandbox.credentials(token_endpoint=origin.at("/oauth2/token")))
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    return client


def test_long_before_its_end_a_token_is_used_as_it_is(open_client: Open, sandbox: Sandbox, clock: Clock) -> None:
    """Hazard F4: one token a lifetime."""
    client = open_client(sandbox.credentials())
    for _ in range(4):
        client.post(sandbox.graphql_endpoint, json=QUERY)
        clock.advance(BEFORE / 4)
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    assert sandbox.token_requests == 1


def test_no_request_waits_for_a_renewal_ahead(behind_gate: Client, sandbox: Sandbox, clock: Clock, gate: Gate) -> None:
    """Hazard C4: the token endpoint hangs, and every request goes on with the token there is."""
    (first,) = shown(sandbox)
    clock.advance(AHEAD)
    gate.close()
    for _ in range(3):
        assert behind_gate.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    assert gate.reached.wait(20)
    assert shown(sandbox) == [first] * 4
    gate.open()


def test_one_renewal_ahead_serves_every_request_from_then_on(
    behind_gate: Client, sandbox: Sandbox, clock: Clock
) -> None:
    """Hazards C1, G1."""
    (first,) = shown(sandbox)
    clock.advance(AHEAD)

    def renewed() -> bool:
        behind_gate.post(sandbox.graphql_endpoint, json=QUERY)
        return shown(sandbox)[-1] != first

    until(renewed)
    clock.advance(END - AHEAD + 1)  # the first one is dead by now
    assert behind_gate.post(sandbox.graphql_endpoint, json=QUERY).history == ()
    assert (sandbox.token_requests, sandbox.api_refusals) == (2, 0)


def test_a_renewal_is_started_by_a_request_and_not_by_time_alone(
    behind_gate: Client, sandbox: Sandbox, clock: Clock
) -> None:
    """Hazard P5: a program that asks nothing costs nothing."""
    clock.advance(AHEAD)
    assert sandbox.token_requests == 1
    behind_gate.post(sandbox.graphql_endpoint, json=QUERY)
    until(lambda: sandbox.token_requests == 2)


@pytest.mark.parametrize(("seconds_left", "fetches"), [(61, 1), (59, 2)])
def test_within_the_leeway_a_token_is_replaced_before_it_is_used(
    open_client: Open, sandbox: Sandbox, clock: Clock, seconds_left: int, fetches: int
) -> None:
    """Hazards E1, E3."""
    client = open_client(sandbox.credentials(renew_ahead=0))
    client.post(sandbox.graphql_endpoint, json=QUERY)
    clock.advance(END - seconds_left)
    assert client.post(sandbox.graphql_endpoint, json=QUERY).history == ()
    assert sandbox.token_requests == fetches
    assert len(set(shown(sandbox))) == fetches


@pytest.mark.parametrize(("seconds_left", "fetches"), [(601, 1), (599, 2)])
def test_the_leeway_is_a_setting(
    open_client: Open, sandbox: Sandbox, clock: Clock, seconds_left: int, fetches: int
) -> None:
    """Hazard E1."""
    client = open_client(sandbox.credentials(leeway=600, renew_ahead=0))
    client.post(sandbox.graphql_endpoint, json=QUERY)
    clock.advance(END - seconds_left)
    client.post(sandbox.graphql_endpoint, json=QUERY)
    assert sandbox.token_requests == fetches


def test_within_the_leeway_one_request_fetches_and_the_others_go_on(
    behind_gate: Client, sandbox: Sandbox, clock: Clock, gate: Gate
) -> None:
    """Hazard C4."""
    (first,) = shown(sandbox)
    clock.advance(LEEWAY)
    gate.close()
    with ThreadPoolExecutor(1) as pool:
        fetching = pool.submit(behind_gate.post, sandbox.graphql_endpoint, json=QUERY)
        assert gate.reached.wait(20)
        for _ in range(3):
            assert behind_gate.post(sandbox.graphql_endpoint, json=QUERY).status == 200
        assert shown(sandbox) == [first] * 4
        gate.open()
        assert fetching.result(20).history == ()
    assert shown(sandbox)[-1] != first
    assert sandbox.token_requests == 2


def test_a_token_past_its_end_is_waited_for(behind_gate: Client, sandbox: Sandbox, clock: Clock, gate: Gate) -> None:
    """Hazard C5: no request goes out without a token, or with a dead one."""
    clock.advance(END)
    gate.close()
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(behind_gate.post, sandbox.graphql_endpoint, json=QUERY) for _ in range(4)]
        assert gate.reached.wait(20)
        assert len(api_calls(sandbox)) == 1
        gate.open()
        assert [each.result(20).history for each in waiting] == [()] * 4
    assert (sandbox.token_requests, sandbox.api_refusals) == (2, 0)


@pytest.mark.parametrize("lifetime", [2, 45])
def test_a_lifetime_shorter_than_the_leeway_is_used_all_the_same(
    open_client: Open, sandbox: Sandbox, clock: Clock, lifetime: int
) -> None:
    """Hazard E2: a token a call would be the end of the quota."""
    sandbox.lifetime = lifetime
    client = open_client(sandbox.credentials(renew_ahead=0))
    for _ in range(40):
        assert client.get(sandbox.graphql_endpoint).status == 200
        clock.advance(lifetime / 10)
    used_for = (lifetime - 1) * 0.8  # the server rounds down, and the leeway takes a fifth
    assert sandbox.token_requests <= 1 + 4 * lifetime / used_for
    assert sandbox.api_refusals == 0


def test_a_machine_that_slept_does_not_use_the_token_it_went_to_sleep_with(
    open_client: Open, sandbox: Sandbox, clock: Clock
) -> None:
    """Hazard E6: the monotonic clock stood still meanwhile."""
    client = open_client(sandbox.credentials())
    client.post(sandbox.graphql_endpoint, json=QUERY)
    clock.suspend(2 * 3600)
    assert client.post(sandbox.graphql_endpoint, json=QUERY).history == ()
    assert (sandbox.token_requests, sandbox.api_refusals) == (2, 0)


def test_a_wall_clock_set_back_does_not_make_a_token_live_longer(
    open_client: Open, sandbox: Sandbox, clock: Clock
) -> None:
    """Hazard E6."""
    client = open_client(sandbox.credentials())
    client.post(sandbox.graphql_endpoint, json=QUERY)
    clock.set_wall_clock(-7200)
    clock.advance(3600)
    client.post(sandbox.graphql_endpoint, json=QUERY)
    assert sandbox.token_requests == 2
