"""An API that redirects and then always answers 401 costs a bounded number of tokens."""

import pytest
import requests

from bitquery_auth import RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.kit.clients import REQUESTS, OpenClient, only
from tests.kit.clock import Clock
from tests.kit.origin import Handler, Origin, Request, Response, by_path, echo, redirecting
from tests.redirects.conftest import each_header, unauthorized

CALLS = 30


def accepting_any_token(request: Request) -> Response:
    header = request.headers.get("x-token", request.headers.get("authorization", ""))
    return echo(request) if header.startswith("Bearer ") else Response.text(401, "Unauthorized")


def moved(api: Handler) -> Handler:
    """An API at ``/new``, to which ``/old`` leads."""
    return by_path({"/old": redirecting(308, "/new"), "/new": api})


@each_header
def test_calls_cost_one_further_token_until_the_api_accepts_it(
    open_client: OpenClient, sandbox: Sandbox, origin: Origin, clock: Clock, header_name: str
) -> None:
    """The redirect itself is not a sign that the API accepts the token."""
    origin.handler = moved(unauthorized)
    client = open_client(sandbox.credentials(), header_name=header_name)
    for _ in range(CALLS):
        assert client.get(origin.at("/old")).status == 401
    assert sandbox.token_requests == 2
    assert len(origin.requests) <= 2 * CALLS + 2

    origin.handler = moved(accepting_any_token)
    clock.advance(1)
    assert client.get(origin.at("/old")).status == 200
    assert sandbox.token_requests == 2

    origin.handler = moved(unauthorized)
    for _ in range(CALLS):
        assert client.get(origin.at("/old")).status == 401
    assert sandbox.token_requests == 3
    clock.advance(1)  # the pauses have begun anew
    assert client.get(origin.at("/old")).status == 401
    assert sandbox.token_requests == 4


@only(REQUESTS)
def test_a_netrc_entry_in_place_of_the_token_costs_no_endless_supply(
    open_client: OpenClient, sandbox: Sandbox, origin: Origin, netrc: None
) -> None:
    origin.handler = moved(unauthorized)
    client = open_client(sandbox.credentials())
    for _ in range(CALLS):
        assert client.get(origin.at("/old")).status == 401
    assert origin.requests[1].headers["authorization"].startswith("Basic ")
    assert sandbox.token_requests == 2


@each_header
@pytest.mark.parametrize("path", ["/old", "/new"])
def test_a_prepared_request_that_is_sent_many_times_costs_no_endless_supply(
    sandbox: Sandbox, origin: Origin, clock: Clock, path: str, header_name: str
) -> None:
    """Its token is older than the one in use, which is tried and rejected as well."""
    origin.handler = moved(unauthorized)
    auth = RequestsAuth(
        sandbox.credentials(), allowed_hosts=[origin.allowed_host], header_name=header_name
    )
    with requests.Session() as session:
        request = session.prepare_request(requests.Request("GET", origin.at(path), auth=auth))
        session.send(request, timeout=20)
        clock.advance(1.1)
        for _ in range(CALLS):
            assert session.send(request, timeout=20).status_code == 401
    assert sandbox.token_requests <= 3
