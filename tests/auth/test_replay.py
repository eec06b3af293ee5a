"""Which rejected requests are sent again: the setting `replay`.

Hazard R5.
"""

import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox import Sandbox
from tests.kit.clients import OpenClient
from tests.kit.origin import Origin

SAFE, UNSAFE = ["GET", "HEAD", "OPTIONS", "TRACE"], ["POST", "PUT", "PATCH", "DELETE"]


@pytest.mark.parametrize(
    ("replay", "method"),
    [("all", method) for method in [*SAFE, *UNSAFE]] + [("safe", method) for method in SAFE],
)
def test_a_request_is_sent_again(
    open_client: OpenClient, source: ClientCredentials, api: Origin, replay: str, method: str
) -> None:
    client = open_client(source, allowed_hosts=[api.allowed_host], replay=replay)
    outcome = client.send(method, api.at())
    assert (outcome.status, outcome.history) == (200, (401,))
    assert [request.method for request in api.requests] == [method] * 2


@pytest.mark.parametrize(
    ("replay", "method"),
    [("safe", method) for method in UNSAFE] + [("never", "GET"), ("never", "POST")],
)
def test_a_401_is_returned_and_the_next_request_works(
    open_client: OpenClient,
    source: ClientCredentials,
    api: Origin,
    sandbox: Sandbox,
    replay: str,
    method: str,
) -> None:
    client = open_client(source, allowed_hosts=[api.allowed_host], replay=replay)
    outcome = client.send(method, api.at())
    assert (outcome.status, outcome.text, outcome.history) == (401, "Unauthorized", ())
    assert sandbox.token_requests == 2  # the token is replaced for the next request
    assert client.send(method, api.at()).status == 200
    assert (len(api.requests), sandbox.token_requests) == (2, 2)
