"""A token near its end: the leeway, the refresh ahead of it, and the two clocks."""

import json

import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request, Response
from tests.kit import QUERY
from tests.kit.clients import OpenClient
from tests.kit.clock import Clock
from tests.kit.faults import TOKEN
from tests.kit.origin import Origin, answering
from tests.kit.recorded import api_calls
from tests.kit.waiting import until
from tests.token_endpoint.conftest import SourceOf

REFRESH, END = 3240, 3599
"""Seconds of a token whose 3600 s arrive as 3599: its leeway begins at 3539, and refreshing, which
is 300 to 330 s earlier, between 3209 and 3239."""


def test_one_refresh_which_a_request_starts_serves_every_request_after_it(
    open_client: OpenClient, sandbox: Sandbox, clock: Clock
) -> None:
    """Hazards C1, G1, P5."""
    client = open_client(sandbox.credentials())

    def token_shown() -> str:
        client.post(sandbox.graphql_endpoint, json=QUERY)
        return api_calls(sandbox)[-1].headers["authorization"]

    first = token_shown()
    clock.advance(REFRESH)
    assert sandbox.token_requests == 1
    until(lambda: token_shown() != first)
    clock.advance(END - REFRESH + 1)  # the first token has expired
    assert client.post(sandbox.graphql_endpoint, json=QUERY).history == ()
    assert (sandbox.token_requests, sandbox.api_refusals) == (2, 0)


def test_within_the_leeway_a_token_is_replaced_before_use_and_not_earlier(
    source_with: SourceOf, sandbox: Sandbox, clock: Clock
) -> None:
    """Hazards E1, E3, F4."""
    source = source_with(leeway=600, renew_ahead=0)
    first = source.token()
    clock.advance(END - 601)
    assert source.token() == first
    clock.advance(2)
    assert source.token() != first
    assert sandbox.token_requests == 2


def test_after_a_suspend_the_token_from_before_it_is_not_used(
    open_client: OpenClient, sandbox: Sandbox, clock: Clock
) -> None:
    """Hazard E6: the monotonic clock stood still."""
    client = open_client(sandbox.credentials())
    client.post(sandbox.graphql_endpoint, json=QUERY)
    clock.suspend(2 * 3600)
    assert client.post(sandbox.graphql_endpoint, json=QUERY).history == ()
    assert (sandbox.token_requests, sandbox.api_refusals) == (2, 0)


def test_a_wall_clock_that_is_set_back_does_not_prolong_a_token(
    open_client: OpenClient, sandbox: Sandbox, clock: Clock
) -> None:
    """Hazard E6."""
    client = open_client(sandbox.credentials())
    client.post(sandbox.graphql_endpoint, json=QUERY)
    clock.set_wall_clock(-7200)
    clock.advance(3600)
    client.post(sandbox.graphql_endpoint, json=QUERY)
    assert sandbox.token_requests == 2


def test_the_time_that_the_response_took_counts_as_lifetime(
    source: ClientCredentials, endpoint: Origin, clock: Clock
) -> None:
    """Hazard E7."""

    def after_two_seconds(_: Request) -> Response:
        clock.advance(2)
        return Response(200, (), json.dumps(TOKEN | {"expires_in": 3}).encode())

    endpoint.handler = after_two_seconds
    assert source.token().expires_in == 1
    clock.advance(1)
    source.token()
    assert len(endpoint.requests) == 2


@pytest.mark.parametrize("expires_in", [0, -1, "0"])
def test_a_token_that_has_expired_on_arrival_is_used_by_who_waited_and_not_kept(
    expires_in: object, source: ClientCredentials, endpoint: Origin
) -> None:
    """Hazards E4, E8."""
    endpoint.handler = answering(200, json.dumps(TOKEN | {"expires_in": expires_in}))
    for fetches in (1, 2):
        assert source.token().access_token == TOKEN["access_token"]
        assert len(endpoint.requests) == fetches


@pytest.mark.parametrize(("default_lifetime", "fetches"), [(None, 1), (600, 2)])
def test_without_expires_in_a_token_is_used_for_the_default_lifetime(
    default_lifetime: float | None,
    fetches: int,
    source_with: SourceOf,
    endpoint: Origin,
    clock: Clock,
) -> None:
    """Hazard E4: without one, until the API rejects it."""
    endpoint.handler = answering(200, json.dumps({"access_token": "x"}))
    source = source_with(default_lifetime=default_lifetime)
    source.token()
    clock.advance(600)
    source.token()
    assert len(endpoint.requests) == fetches
