"""A netrc entry, an event hook or a caller puts another value where the token was.

A 401 to that value says nothing about the token, so the token is not discarded (hazard S7).
"""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from bitquery_auth import RequestsAuth, StaticToken
from tests.hosts.conftest import TOKEN, CountingSource
from tests.kit.clients import ASYNC, CLIENTS, HTTPX, REQUESTS, Client, OpenClient, only
from tests.kit.origin import Origin, by_path, echo, redirecting
from tests.redirects.conftest import (
    carried,
    each_header,
    each_redirect,
    rejecting_once,
    requiring_a_token,
    unauthorized,
)

OTHERS = "Basic dTpw"


def replace(headers: Any, name: str) -> None:
    headers[name] = OTHERS


def delete(headers: Any, name: str) -> None:
    del headers[name]


each_change = pytest.mark.parametrize("change", [replace, delete])


# -- netrc -----------------------------------------------------------------------------------------


def test_the_netrc_of_these_tests_is_read_by_requests(origin: Origin, netrc: None) -> None:
    requests.get(origin.at(), timeout=20)
    assert origin.requests[0].headers["authorization"].startswith("Basic ")


def test_a_netrc_entry_replaces_no_token_and_is_sent_to_no_other_host(
    open_client: OpenClient, source: CountingSource, origin: Origin, elsewhere: Origin, netrc: None
) -> None:
    client = open_client(source)
    client.get(origin.at())
    client.get(elsewhere.at())
    assert origin.requests[0].headers["authorization"] == f"Bearer {TOKEN}.0"
    assert "authorization" not in elsewhere.requests[0].headers


@only(REQUESTS)
@each_redirect
def test_a_rejected_netrc_entry_after_a_redirect_is_replaced_by_the_token(
    open_client: OpenClient, source: CountingSource, origin: Origin, netrc: None, status: int
) -> None:
    """requests puts the entry in place of the header when it follows a redirect within a host."""
    origin.handler = by_path({"/old": redirecting(status, "/new"), "/new": requiring_a_token(echo)})
    assert open_client(source).get(origin.at("/old")).status == 200
    assert origin.requests[1].headers["authorization"].startswith("Basic ")
    assert carried(origin) == [True, False, True]
    assert source.discarded == []


@only(REQUESTS)
def test_an_accepted_netrc_entry_after_a_redirect_is_left_alone(
    open_client: OpenClient, source: CountingSource, origin: Origin, netrc: None
) -> None:
    origin.handler = by_path({"/old": redirecting(302, "/new"), "/new": echo})
    assert open_client(source).get(origin.at("/old")).status == 200
    assert carried(origin) == [True, False]
    assert source.calls == 1


# -- hooks and prepared requests -------------------------------------------------------------------


def request_hook(kind: type[Client], function: Callable[[Any], None]) -> dict[str, Any]:
    """Client options with an event hook for requests, which httpx calls after the auth."""

    async def asynchronous(request: Any) -> None:
        function(request)

    is_async = kind in {CLIENTS[name] for name in ASYNC}
    return {"event_hooks": {"request": [asynchronous if is_async else function]}}


@only(HTTPX)
@each_header
@each_change
def test_the_401_to_what_an_event_hook_put_there_is_returned(
    kind: type[Client],
    open_client: OpenClient,
    source: CountingSource,
    origin: Origin,
    header_name: str,
    change: Callable[[Any, str], None],
) -> None:
    origin.handler = unauthorized
    hook = request_hook(kind, lambda request: change(request.headers, header_name))
    client = open_client(source, header_name=header_name, client_options=hook)
    for calls in (1, 2):
        outcome = client.post(origin.at(), content=b"query")
        assert (outcome.status, outcome.history) == (401, ())
        assert carried(origin) == [False] * calls
    assert source.discarded == []


@only(HTTPX)
@each_header
def test_a_hook_that_changes_other_headers_does_not_stop_the_recovery_from_a_401(
    kind: type[Client],
    open_client: OpenClient,
    source: CountingSource,
    origin: Origin,
    header_name: str,
) -> None:
    def change(request: Any) -> None:
        replace(request.headers, "X-Trace")
        request.headers.pop("User-Agent", None)

    origin.handler = rejecting_once(echo)
    client = open_client(source, header_name=header_name, client_options=request_hook(kind, change))
    outcome = client.post(origin.at(), content=b"query")
    assert (outcome.status, outcome.history) == (200, (401,))
    assert carried(origin) == [True, True]
    assert [request.headers.get("x-trace") for request in origin.requests] == [OTHERS] * 2
    assert [request.headers.get("user-agent") for request in origin.requests] == [None] * 2


@pytest.fixture
def prepared(origin: Origin, source: CountingSource) -> Callable[[str], requests.PreparedRequest]:
    """Prepares a request of requests with the token in a header."""

    def prepare(header_name: str) -> requests.PreparedRequest:
        auth = RequestsAuth(source, allowed_hosts=[origin.allowed_host], header_name=header_name)
        return requests.Request("POST", origin.at(), data=b"query", auth=auth).prepare()

    return prepare


@each_header
@each_change
def test_the_401_to_what_was_put_on_a_prepared_request_is_returned(
    prepared: Callable[[str], requests.PreparedRequest],
    source: CountingSource,
    origin: Origin,
    header_name: str,
    change: Callable[[Any, str], None],
) -> None:
    origin.handler = unauthorized
    request = prepared(header_name)
    change(request.headers, header_name)
    with requests.Session() as session:
        response = session.send(request, timeout=20)
    assert (response.status_code, response.history) == (401, [])
    assert carried(origin) == [False]
    assert source.discarded == []


def test_another_header_on_a_prepared_request_does_not_stop_the_recovery_from_a_401(
    prepared: Callable[[str], requests.PreparedRequest], source: CountingSource, origin: Origin
) -> None:
    origin.handler = rejecting_once(echo)
    request = prepared("Authorization")
    replace(request.headers, "X-Trace")
    with requests.Session() as session:
        response = session.send(request, timeout=20)
    assert [each.status_code for each in (*response.history, response)] == [401, 200]
    assert len(source.discarded) == 1


def test_a_401_to_a_static_token_is_returned_once(open_client: OpenClient, origin: Origin) -> None:
    """Nothing can renew it, so a second try would be with the same token."""
    origin.handler = unauthorized
    outcome = open_client(StaticToken(TOKEN)).get(origin.at())
    assert (outcome.status, outcome.history, len(origin.requests)) == (401, (), 1)
