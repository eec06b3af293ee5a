"""A request object sent once more, to another host: the token does not go along (hazard S2)."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import requests

from bitquery_auth import RequestsAuth
from tests.kit.clients import AsyncHttpxClient, Client, OpenClient
from tests.kit.origin import Origin, answering
from tests.kit.tokens import CountingSource, carries_token

each_header = pytest.mark.parametrize("header_name", ["Authorization", "X-Token"])

SendTo = Callable[..., int]


@pytest.fixture
def source() -> CountingSource:
    return CountingSource()


@pytest.fixture
def header_name() -> str:
    return "Authorization"


@pytest.fixture
def send_to(
    open_client: OpenClient,
    kind: type[Client],
    origin: Origin,
    source: CountingSource,
    header_name: str,
) -> SendTo:
    """Send one request object to one URL after another."""
    settings: dict[str, Any] = {"allowed_hosts": [origin.allowed_host], "header_name": header_name}
    client: Any = open_client(source, **settings)
    auth = RequestsAuth(source, **settings)
    if kind.auth_class is RequestsAuth:
        request: Any = requests.Request("POST", origin.at(), data=b"query").prepare()
    else:
        request = client._client.build_request("POST", origin.at(), content=b"query")

    def send_to(url: str, **headers: str) -> int:
        request.headers.update(headers)
        if kind.auth_class is RequestsAuth:
            request.prepare_url(url, None)
            request.prepare_auth(auth)
            return client._session.send(request, timeout=20).status_code
        request.url = type(request.url)(url)
        send = partial(client._client.send, request)
        response = client.call(send) if isinstance(client, AsyncHttpxClient) else send()
        return response.status_code

    return send_to


@each_header
def test_another_host_does_not_see_the_token_and_its_401_is_returned(
    send_to: SendTo, source: CountingSource, origin: Origin, elsewhere: Origin
) -> None:
    """Also in requests, where the hook for the API's responses is still on the request."""
    elsewhere.handler = answering(401)
    for _ in range(2):
        assert send_to(origin.at("/next")) == 200
        assert send_to(elsewhere.at("/next")) == 401
    assert [carries_token(request) for request in origin.requests] == [True, True]
    assert [carries_token(request) for request in elsewhere.requests] == [False, False]
    assert [request.body for request in elsewhere.requests] == [b"query"] * 2
    assert source.discarded == []


def test_an_authorization_of_the_user_for_another_host_stays(
    send_to: SendTo, origin: Origin, elsewhere: Origin
) -> None:
    send_to(origin.at())
    send_to(elsewhere.at(), Authorization="Basic theirs")
    (request,) = elsewhere.requests
    sent = [value for name, value in request.headers.pairs if name.lower() == "authorization"]
    assert sent == ["Basic theirs"]
