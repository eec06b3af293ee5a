"""A netrc entry, an event hook or a caller puts another value where the token was.

A 401 to that value says nothing about the token, so the token is not discarded (hazard S7).
"""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.kit.clients import REQUESTS, AsyncHttpxClient, Client, OpenClient, only
from tests.kit.origin import Origin, by_path, echo, redirecting
from tests.kit.tokens import TOKEN, CountingSource
from tests.redirects.conftest import (
    carried,
    each_header,
    each_redirect,
    rejecting_once,
    requiring_a_token,
    unauthorized,
)

OTHERS = "Basic dTpw"


# -- netrc -----------------------------------------------------------------------------------------


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


@pytest.fixture
def post_changed(
    open_client: OpenClient, kind: type[Client], source: CountingSource, origin: Origin
) -> Callable[..., tuple[int, ...]]:
    """Post a request whose headers are changed after the auth, and return every status.

    In httpx an event hook for requests does so; in requests a caller who prepares the request.
    """

    def post(header_name: str, change: Callable[[Any], None]) -> tuple[int, ...]:
        async def async_hook(request: Any) -> None:
            change(request.headers)

        def hook(request: Any) -> None:
            change(request.headers)

        is_async = issubclass(kind, AsyncHttpxClient)
        hooks = {"event_hooks": {"request": [async_hook if is_async else hook]}}
        in_requests = "requests" in kind.base_error.__module__
        client: Any = open_client(
            source, header_name=header_name, client_options={} if in_requests else hooks
        )
        if not in_requests:
            outcome = client.post(origin.at(), content=b"query")
            return (*outcome.history, outcome.status)
        request = requests.Request("POST", origin.at(), data=b"query")
        prepared = client._session.prepare_request(request)
        hook(prepared)
        response = client._session.send(prepared, timeout=20)
        return tuple(each.status_code for each in (*response.history, response))

    return post


@each_header
@pytest.mark.parametrize("value", [OTHERS, None])
def test_the_401_to_what_was_put_in_place_of_the_token_is_returned(
    post_changed: Callable[..., tuple[int, ...]],
    source: CountingSource,
    origin: Origin,
    header_name: str,
    value: str | None,
) -> None:
    def change(headers: Any) -> None:
        del headers[header_name]
        if value is not None:
            headers[header_name] = value

    origin.handler = unauthorized
    assert post_changed(header_name, change) == (401,)
    assert carried(origin) == [False]
    assert source.discarded == []


@each_header
def test_a_change_of_other_headers_does_not_stop_the_recovery_from_a_401(
    post_changed: Callable[..., tuple[int, ...]], origin: Origin, header_name: str
) -> None:
    def change(headers: Any) -> None:
        headers["X-Trace"] = OTHERS

    origin.handler = rejecting_once(echo)
    assert post_changed(header_name, change) == (401, 200)
    assert carried(origin) == [True, True]
    assert [request.headers["x-trace"] for request in origin.requests] == [OTHERS] * 2
