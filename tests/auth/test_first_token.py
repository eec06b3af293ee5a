"""The first token, its reuse and its successor.

Hazards C2 and G1.
"""

from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clients import OpenClient
from tests.kit.clock import Clock


def test_the_first_request_fetches_a_token_and_the_next_ones_use_it(
    open_client: OpenClient, sandbox: Sandbox
) -> None:
    client = open_client(sandbox.credentials())
    for _ in range(5):
        assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    assert (sandbox.token_requests, sandbox.api_requests) == (1, 5)


def test_an_expired_token_is_replaced_before_it_is_used(
    open_client: OpenClient, sandbox: Sandbox, clock: Clock
) -> None:
    client = open_client(sandbox.credentials(renew_ahead=0))
    client.post(sandbox.graphql_endpoint, json=QUERY)
    clock.advance(3600)
    assert client.post(sandbox.graphql_endpoint, json=QUERY).history == ()
    assert (sandbox.token_requests, sandbox.api_refusals) == (2, 0)


def test_two_auths_over_one_source_share_its_token(
    open_client: OpenClient, sandbox: Sandbox
) -> None:
    source = sandbox.credentials()
    for _ in range(2):
        assert open_client(source).post(sandbox.graphql_endpoint, json=QUERY).status == 200
    assert sandbox.token_requests == 1
