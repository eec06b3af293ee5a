"""The first token, its reuse and its successor: the main job, over real HTTP."""

from bitquery_auth.sandbox import Sandbox
from tests.behaviour.conftest import Open
from tests.kit.clock import Clock

QUERY = {"query": "{ EVM(network: eth) { DEXTrades(limit: {count: 3}) { Transaction { Hash } } } }"}


def test_the_first_request_fetches_a_token_and_the_next_ones_use_it(open_client: Open, sandbox: Sandbox) -> None:
    client = open_client(sandbox.credentials())
    for _ in range(5):
        assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    assert sandbox.token_requests == 1
    assert sandbox.api_requests == 5


def test_an_expired_token_is_replaced_before_it_is_used(open_client: Open, sandbox: Sandbox, clock: Clock) -> None:
    client = open_client(sandbox.credentials(renew_ahead=0))
    client.post(sandbox.graphql_endpoint, json=QUERY)
    clock.advance(3600)
    assert client.post(sandbox.graphql_endpoint, json=QUERY).history == ()
    assert sandbox.token_requests == 2
    assert sandbox.api_refusals == 0


def test_a_revoked_token_is_replaced_within_the_request(open_client: Open, sandbox: Sandbox) -> None:
    client = open_client(sandbox.credentials())
    client.post(sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    outcome = client.post(sandbox.graphql_endpoint, json=QUERY)
    assert outcome.status == 200
    assert outcome.history == (401,)
    assert sandbox.token_requests == 2
    first, second = list(sandbox.requests)[-3], list(sandbox.requests)[-1]
    assert first.body == second.body
