"""An API that goes on saying 401: what it costs, and how soon requests work again.

Hazards C2, R3 and R8.
"""

import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clients import Client, OpenClient
from tests.kit.clock import Clock
from tests.kit.origin import Origin, answering, refusing_the_first_token


@pytest.fixture
def client(
    open_client: OpenClient, source: ClientCredentials, sandbox: Sandbox, origin: Origin
) -> Client:
    """A client of two APIs: the sandbox, which rejects every token, and `origin`."""
    sandbox.accept_nothing = True
    return open_client(source, allowed_hosts=[*sandbox.allowed_hosts, origin.allowed_host])


def test_a_thousand_401s_cost_at_most_12_tokens_and_the_first_200_is_returned(
    client: Client, sandbox: Sandbox, origin: Origin, clock: Clock
) -> None:
    """In a thousand seconds, while another API accepts the tokens of the same source."""
    for call in range(1000):
        assert client.get(sandbox.graphql_endpoint).status == 401
        if call % 25 == 0:
            assert client.get(origin.at()).status == 200
        clock.advance(1)
    assert sandbox.token_requests <= 12  # one, and after 1, 2, 4 … 256, 300, 300 s
    assert sandbox.api_requests <= 1011
    sandbox.accept_nothing = False
    assert client.get(sandbox.graphql_endpoint).status == 200


@pytest.mark.parametrize(("replay", "api_requests"), [("all", 31), ("never", 30)])
def test_the_token_is_replaced_once_while_no_time_passes(
    open_client: OpenClient, sandbox: Sandbox, replay: str, api_requests: int
) -> None:
    sandbox.accept_nothing = True
    client = open_client(sandbox.credentials(), replay=replay)
    for _ in range(30):
        assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 401
    assert (sandbox.token_requests, sandbox.api_requests) == (2, api_requests)


def test_a_rejected_fresh_token_stays_in_use(
    client: Client, source: ClientCredentials, sandbox: Sandbox
) -> None:
    """The API's copy of the tokens may lag behind; the token works once it has caught up."""
    client.post(sandbox.graphql_endpoint, json=QUERY)
    fresh = source.token()
    sandbox.accept_nothing = False
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    assert source.token() == fresh
    assert sandbox.token_requests == 2


def test_during_the_backoff_a_401_is_returned_without_any_request(
    client: Client, sandbox: Sandbox
) -> None:
    client.post(sandbox.graphql_endpoint, json=QUERY)
    sandbox.reset_counts()
    sandbox.outage = "drop"
    outcome = client.post(sandbox.graphql_endpoint, json=QUERY)
    assert (outcome.status, outcome.text, outcome.history) == (401, "Unauthorized", ())
    assert (sandbox.token_requests, sandbox.api_requests) == (0, 1)


def test_each_backoff_is_twice_as_long_as_the_one_before(
    client: Client, sandbox: Sandbox, clock: Clock
) -> None:
    tokens = []
    for seconds in (0, 0.9, 0.1, 1.9, 0.1, 3.9, 0.1):
        clock.advance(seconds)
        client.post(sandbox.graphql_endpoint, json=QUERY)
        tokens.append(sandbox.token_requests)
    assert tokens == [2, 2, 3, 3, 4, 4, 5]


@pytest.mark.parametrize("status", [200, 403, 500])
def test_any_other_response_of_that_api_ends_the_backoff(
    open_client: OpenClient,
    source: ClientCredentials,
    sandbox: Sandbox,
    origin: Origin,
    status: int,
) -> None:
    client = open_client(source, allowed_hosts=[origin.allowed_host])
    origin.handler = answering(401)
    client.get(origin.at())
    origin.handler = answering(status)
    client.get(origin.at())
    origin.handler = refusing_the_first_token()
    outcome = client.get(origin.at())
    assert (outcome.status, outcome.history) == (200, (401,))
    assert sandbox.token_requests == 3


@pytest.mark.parametrize("status", [200, 403, 500])
def test_a_response_of_another_api_does_not_end_the_backoff(
    client: Client, sandbox: Sandbox, origin: Origin, status: int
) -> None:
    origin.handler = answering(status)
    client.post(sandbox.graphql_endpoint, json=QUERY)
    sandbox.reset_counts()
    client.get(origin.at())
    client.post(sandbox.graphql_endpoint, json=QUERY)
    assert (sandbox.token_requests, sandbox.api_requests) == (0, 1)


def test_the_backoff_of_one_api_does_not_keep_another_from_recovery(
    client: Client, sandbox: Sandbox, origin: Origin
) -> None:
    client.post(sandbox.graphql_endpoint, json=QUERY)
    origin.handler = refusing_the_first_token()
    outcome = client.get(origin.at())
    assert (outcome.status, outcome.history) == (200, (401,))


def test_all_auths_over_one_source_share_the_backoff(
    open_client: OpenClient, source: ClientCredentials, sandbox: Sandbox
) -> None:
    """An auth made for each request must not begin without what the others found out."""
    sandbox.accept_nothing = True
    for _ in range(5):
        assert open_client(source).post(sandbox.graphql_endpoint, json=QUERY).status == 401
    assert sandbox.token_requests == 2
