"""A request object sent once more, to another host: the token for the API does not go along.

Hazards S1 and S2.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import requests

from bitquery_auth import RequestsAuth, StaticToken
from bitquery_auth.sandbox import Sandbox
from tests.kit.clients import AsyncHttpxClient, Client, OpenClient
from tests.kit.origin import Origin, Request, answering

TOKEN = "ory_at_token"

SendTo = Callable[..., int]

each_header = pytest.mark.parametrize("header_name", ["Authorization", "X-Token"])


@pytest.fixture
def reusing(open_client: OpenClient, kind: type[Client], origin: Origin) -> Callable[..., SendTo]:
    """Make a function that sends one request object to one URL after another."""

    def made(source: Any, **settings: Any) -> SendTo:
        settings["allowed_hosts"] = [origin.allowed_host]
        client: Any = open_client(source, **settings)
        if kind.auth_class is RequestsAuth:
            return _reuse_in_requests(client, RequestsAuth(source, **settings))
        return _reuse_in_httpx(client)

    return made


def _reuse_in_requests(client: Any, auth: RequestsAuth) -> SendTo:
    request = requests.Request("POST", "http://127.0.0.1/", data=b"query").prepare()

    def send_to(url: str, **headers: str) -> int:
        request.prepare_url(url, None)
        request.headers.update(headers)
        request.prepare_auth(auth)
        return client._session.send(request, timeout=20).status_code

    return send_to


def _reuse_in_httpx(client: Any) -> SendTo:
    request = client._client.build_request("POST", "http://127.0.0.1/", content=b"query")

    def send_to(url: str, **headers: str) -> int:
        request.url = type(request.url)(url)
        request.headers.update(headers)
        send = partial(client._client.send, request)
        response = client.call(send) if isinstance(client, AsyncHttpxClient) else send()
        return response.status_code

    return send_to


def carries_token(request: Request) -> bool:
    return any(TOKEN in value for _, value in request.headers.pairs) or TOKEN in request.target


@each_header
def test_another_host_does_not_see_the_token(
    reusing: Callable[..., SendTo], origin: Origin, elsewhere: Origin, header_name: str
) -> None:
    send_to = reusing(StaticToken(TOKEN), header_name=header_name)
    for place in (origin, elsewhere, origin, elsewhere):
        assert send_to(place.at("/next")) == 200
    assert [carries_token(request) for request in origin.requests] == [True, True]
    assert [carries_token(request) for request in elsewhere.requests] == [False, False]
    assert [request.body for request in elsewhere.requests] == [b"query"] * 2


@each_header
def test_the_401_of_another_host_is_returned(
    reusing: Callable[..., SendTo],
    sandbox: Sandbox,
    origin: Origin,
    elsewhere: Origin,
    header_name: str,
) -> None:
    """Also in requests, where the hook for the API's responses is still on the request."""
    elsewhere.handler = answering(401)
    send_to = reusing(sandbox.credentials(), header_name=header_name)
    send_to(origin.at())
    assert send_to(elsewhere.at()) == 401
    assert (len(elsewhere.requests), sandbox.token_requests) == (1, 1)


def test_an_authorization_of_the_user_for_another_host_stays(
    reusing: Callable[..., SendTo], origin: Origin, elsewhere: Origin
) -> None:
    send_to = reusing(StaticToken(TOKEN))
    send_to(origin.at())
    send_to(elsewhere.at(), Authorization="Basic theirs")
    (request,) = elsewhere.requests
    sent = [value for name, value in request.headers.pairs if name.lower() == "authorization"]
    assert sent == ["Basic theirs"]
