"""A request object that is sent once more, to somewhere else: what was placed on it for the API does not go along."""

from functools import partial
from typing import Any

import pytest
import requests

from bitquery_auth import RequestsAuth, StaticToken
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request
from tests.behaviour.conftest import HTTPX, Open, only
from tests.kit.clients import AsyncHttpxClient
from tests.kit.origin import Origin, answering

TOKEN = "ory_at_token"

each_header = pytest.mark.parametrize("header_name", ["Authorization", "X-Token"])


def sent_by(client: Any, request: Any) -> Any:
    """Have a client of either httpx send a request that the test has made."""
    send = partial(client._client.send, request)
    return client.call(send) if isinstance(client, AsyncHttpxClient) else send()


def carries(request: Request) -> bool:
    return any(TOKEN in value for _, value in request.headers.pairs) or TOKEN in request.target


def authorizations(request: Request) -> list[str]:
    return [value for name, value in request.headers.pairs if name.lower() == "authorization"]


@only(HTTPX)
@each_header
def test_a_foreign_host_sees_nothing_of_it(
    open_client: Open, origin: Origin, elsewhere: Origin, header_name: str
) -> None:
    """Hazard S2: whoever pages through absolute URLs with one request of httpx's."""
    client: Any = open_client(StaticToken(TOKEN), allowed_hosts=[origin.allowed_host], header_name=header_name)
    request = client._client.build_request("POST", origin.at("/1"), content=b"query", headers={"X-Trace": "7"})
    for there, place in ((False, origin), (True, elsewhere), (False, origin), (True, elsewhere)):
        request.url = type(request.url)(place.at("/next"))
        assert sent_by(client, request).status_code == 200
        assert carries(place.requests[-1]) is not there
    assert [each.body for each in elsewhere.requests] == [b"query"] * 2
    for mine, theirs in zip(origin.requests, elsewhere.requests, strict=True):
        kept = [each for each in mine.headers.pairs if TOKEN not in each[1] and each[0].lower() != "host"]
        assert kept == [each for each in theirs.headers.pairs if each[0].lower() != "host"]


@only(HTTPX)
@each_header
def test_the_401_of_the_foreign_host_starts_nothing(
    open_client: Open, sandbox: Sandbox, origin: Origin, elsewhere: Origin, header_name: str
) -> None:
    """Hazard S1."""
    elsewhere.handler = answering(401)
    client: Any = open_client(sandbox.credentials(), allowed_hosts=[origin.allowed_host], header_name=header_name)
    request = client._client.build_request("GET", origin.at())
    sent_by(client, request)
    request.url = type(request.url)(elsewhere.at())
    assert sent_by(client, request).status_code == 401
    assert (len(elsewhere.requests), sandbox.token_requests) == (1, 1)


@only(HTTPX)
@each_header
def test_what_the_user_puts_there_for_the_foreign_host_stays(
    open_client: Open, origin: Origin, elsewhere: Origin, header_name: str
) -> None:
    client: Any = open_client(StaticToken(TOKEN), allowed_hosts=[origin.allowed_host], header_name=header_name)
    request = client._client.build_request("GET", origin.at())
    sent_by(client, request)
    request.url = type(request.url)(elsewhere.at())
    request.headers["Authorization"] = "Basic theirs"
    sent_by(client, request)
    assert authorizations(elsewhere.requests[0]) == ["Basic theirs"]
    assert not carries(elsewhere.requests[0])


# -- requests ---------------------------------------------------------------------------------------


@each_header
def test_a_prepared_request_that_is_prepared_for_a_foreign_host_shows_nothing_there(
    origin: Origin, elsewhere: Origin, header_name: str
) -> None:
    """Hazard S2."""
    auth = RequestsAuth(StaticToken(TOKEN), allowed_hosts=[origin.allowed_host], header_name=header_name)
    request = requests.Request("POST", origin.at(), data=b"query", auth=auth).prepare()
    with requests.Session() as session:
        for there, place in ((False, origin), (True, elsewhere), (False, origin), (True, elsewhere)):
            request.prepare_url(place.at("/next"), None)
            request.prepare_auth(auth)
            assert session.send(request, timeout=20).status_code == 200
            assert carries(place.requests[-1]) is not there
    assert [each.body for each in elsewhere.requests] == [b"query"] * 2


def test_the_foreign_hosts_401_starts_nothing_in_requests_either(
    sandbox: Sandbox, origin: Origin, elsewhere: Origin
) -> None:
    """Hazard S1: although the request still has the hook that looks at answers of the API."""
    elsewhere.handler = answering(401)
    auth = RequestsAuth(sandbox.credentials(), allowed_hosts=[origin.allowed_host])
    request = requests.Request("GET", origin.at(), auth=auth).prepare()
    with requests.Session() as session:
        session.send(request, timeout=20)
        request.prepare_url(elsewhere.at(), None)
        request.prepare_auth(auth)
        assert session.send(request, timeout=20).status_code == 401
    assert (len(elsewhere.requests), elsewhere.tokens, sandbox.token_requests) == (1, [None], 1)


def test_an_authorization_for_the_foreign_host_stays_on_a_prepared_request(origin: Origin, elsewhere: Origin) -> None:
    auth = RequestsAuth(StaticToken(TOKEN), allowed_hosts=[origin.allowed_host])
    request = requests.Request("GET", origin.at(), auth=auth).prepare()
    request.prepare_url(elsewhere.at(), None)
    request.headers["Authorization"] = "Basic theirs"
    request.prepare_auth(auth)
    with requests.Session() as session:
        session.send(request, timeout=20)
    assert authorizations(elsewhere.requests[0]) == ["Basic theirs"]
