"""An API that goes on saying 401: what that costs, and how quickly all is well again."""

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.behaviour.conftest import QUERY, Open
from tests.kit.clock import Clock
from tests.kit.origin import Origin, answering, refusing_the_first_token


def test_an_api_that_always_says_401_costs_a_handful_of_tokens_and_the_first_good_answer_arrives(
    open_client: Open, sandbox: Sandbox, origin: Origin, clock: Clock
) -> None:
    """Hazards R3, R8: a thousand calls in a thousand seconds, with another host that the source serves well."""
    client = open_client(sandbox.credentials(), allowed_hosts=[*sandbox.allowed_hosts, origin.allowed_host])
    sandbox.accept_nothing = True
    for call in range(1000):
        assert client.get(sandbox.graphql_endpoint).status == 401
        if call % 25 == 0:
            assert client.get(origin.at()).status == 200
        clock.advance(1)
    assert sandbox.token_requests <= 12  # pauses of 1, 2, 4 … 256, 300, 300 s
    assert sandbox.api_requests <= 1011
    sandbox.accept_nothing = False
    assert client.get(sandbox.graphql_endpoint).status == 200


def test_without_time_going_by_one_replacement_is_all_that_is_spent(open_client: Open, sandbox: Sandbox) -> None:
    """Hazard R3."""
    sandbox.accept_nothing = True
    client = open_client(sandbox.credentials())
    for _ in range(30):
        assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 401
    assert (sandbox.token_requests, sandbox.api_requests) == (2, 31)


def test_renewing_for_the_next_call_only_is_no_endless_supply_either(open_client: Open, sandbox: Sandbox) -> None:
    """Hazards R3, R5."""
    sandbox.accept_nothing = True
    client = open_client(sandbox.credentials(), replay="never")
    for _ in range(30):
        assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 401
    assert (sandbox.token_requests, sandbox.api_requests) == (2, 30)


def test_a_fresh_token_that_is_refused_stays_in_use(open_client: Open, sandbox: Sandbox) -> None:
    """Hazard R8: replication at the server may lag; the token is good when it has caught up."""
    sandbox.accept_nothing = True
    source = sandbox.credentials()
    client = open_client(source)
    client.post(sandbox.graphql_endpoint, json=QUERY)
    fresh = source.token()
    sandbox.accept_nothing = False
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    assert source.token() == fresh
    assert sandbox.token_requests == 2


def test_during_the_pause_a_refusal_asks_nobody_for_anything(open_client: Open, sandbox: Sandbox) -> None:
    """Hazard R3: no fetch, no second try, and no error though the token endpoint is down."""
    sandbox.accept_nothing = True
    client = open_client(sandbox.credentials())
    client.post(sandbox.graphql_endpoint, json=QUERY)
    sandbox.reset_counts()
    sandbox.outage = "drop"
    outcome = client.post(sandbox.graphql_endpoint, json=QUERY)
    assert (outcome.status, outcome.text, outcome.history) == (401, "Unauthorized", ())
    assert (sandbox.token_requests, sandbox.api_requests) == (0, 1)


def test_after_the_pause_one_more_token_is_tried_and_the_next_pause_is_twice_as_long(
    open_client: Open, sandbox: Sandbox, clock: Clock
) -> None:
    """Hazard R3."""
    sandbox.accept_nothing = True
    client = open_client(sandbox.credentials())
    spent = []
    for seconds in (0, 0.9, 0.1, 1.9, 0.1, 3.9, 0.1):
        clock.advance(seconds)
        client.post(sandbox.graphql_endpoint, json=QUERY)
        spent.append(sandbox.token_requests)
    assert spent == [2, 2, 3, 3, 4, 4, 5]


def test_a_good_answer_ends_the_pause(open_client: Open, sandbox: Sandbox) -> None:
    """Hazard R3: the next revocation is recovered from at once."""
    sandbox.accept_nothing = True
    client = open_client(sandbox.credentials())
    client.post(sandbox.graphql_endpoint, json=QUERY)
    sandbox.accept_nothing = False
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    sandbox.revoke_all()
    outcome = client.post(sandbox.graphql_endpoint, json=QUERY)
    assert (outcome.status, outcome.history) == (200, (401,))


@pytest.mark.parametrize("status", [200, 403, 500])
def test_another_hosts_good_answer_does_not_end_the_pause(
    open_client: Open, sandbox: Sandbox, origin: Origin, status: int
) -> None:
    """Hazard R3: only the origin that refuses can say that it no longer does."""
    origin.handler = answering(status)
    sandbox.accept_nothing = True
    client = open_client(sandbox.credentials(), allowed_hosts=[*sandbox.allowed_hosts, origin.allowed_host])
    client.post(sandbox.graphql_endpoint, json=QUERY)
    sandbox.reset_counts()
    client.get(origin.at())
    client.post(sandbox.graphql_endpoint, json=QUERY)
    assert (sandbox.token_requests, sandbox.api_requests) == (0, 1)


def test_one_hosts_refusals_do_not_hold_back_anothers_recovery(
    open_client: Open, sandbox: Sandbox, origin: Origin
) -> None:
    """Hazard R3, seen from the host that is well."""
    sandbox.accept_nothing = True
    client = open_client(sandbox.credentials(), allowed_hosts=[*sandbox.allowed_hosts, origin.allowed_host])
    client.post(sandbox.graphql_endpoint, json=QUERY)
    origin.handler = refusing_the_first_token()
    outcome = client.get(origin.at())
    assert (outcome.status, outcome.history) == (200, (401,))


def test_two_auths_of_one_source_share_what_they_know_of_an_api(open_client: Open, sandbox: Sandbox) -> None:
    """Hazard C2: an auth made anew for every request does not begin anew."""
    sandbox.accept_nothing = True
    source = sandbox.credentials()
    for _ in range(5):
        assert open_client(source).post(sandbox.graphql_endpoint, json=QUERY).status == 401
    assert sandbox.token_requests == 2
