"""A header that somebody else put where the token was: its refusal says nothing about the token, and is handed over."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from bitquery_auth import RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.behaviour.conftest import ASYNC, HTTPX, Open, only
from tests.kit.clients import CLIENTS, Client
from tests.kit.origin import Origin, answering, refusing_the_first_token

OWN = "Basic dTpw"

each_header = pytest.mark.parametrize("header_name", ["Authorization", "X-Token"])


def replace(headers: Any, name: str) -> None:
    headers[name] = OWN


def delete(headers: Any, name: str) -> None:
    del headers[name]


each_change = pytest.mark.parametrize("change", [replace, delete])


def values(origin: Origin, name: str) -> list[list[str]]:
    """What each request carried in headers of that name."""
    return [[value for each, value in sent.headers.pairs if each.lower() == name.lower()] for sent in origin.requests]


@pytest.fixture
def hooks(kind: type[Client]) -> Any:
    """Makes an event hook for requests of the function, as the client wants it."""
    is_async = kind in {CLIENTS[name] for name in ASYNC}

    def made(function: Callable[[Any], None]) -> dict[str, Any]:
        async def asynchronous(request: Any) -> None:
            function(request)

        return {"event_hooks": {"request": [asynchronous if is_async else function]}}

    return made


@only(HTTPX)
@each_header
@each_change
def test_the_401_to_what_a_hook_of_httpx_put_there_is_handed_over(
    open_client: Open, sandbox: Sandbox, origin: Origin, hooks: Any, header_name: str, change: Any
) -> None:
    """Hazard S7: hooks run after the auth."""
    origin.handler = answering(401, "whoever you are")
    source = sandbox.credentials()
    token = source.token()
    options = hooks(lambda request: change(request.headers, header_name))
    client = open_client(source, allowed_hosts=[origin.allowed_host], header_name=header_name, client_options=options)
    for calls in (1, 2):
        outcome = client.post(origin.at(), content=b"query")
        assert (outcome.status, outcome.text, outcome.history) == (401, "whoever you are", ())
        assert values(origin, header_name) == [[OWN] if change is replace else []] * calls
    assert source.token() == token
    assert sandbox.token_requests == 1


@only(HTTPX)
@each_header
def test_a_hook_that_takes_another_header_off_takes_off_no_more(
    open_client: Open, origin: Origin, sandbox: Sandbox, hooks: Any, header_name: str
) -> None:
    origin.handler = answering(200)
    options = hooks(lambda request: delete(request.headers, "User-Agent"))
    client = open_client(
        sandbox.credentials(), allowed_hosts=[origin.allowed_host], header_name=header_name, client_options=options
    )
    assert client.get(origin.at()).status == 200
    assert (values(origin, "User-Agent"), len(values(origin, header_name)[0])) == ([[]], 1)


@only(HTTPX)
@each_header
def test_a_hook_that_adds_another_header_changes_nothing(
    open_client: Open, sandbox: Sandbox, origin: Origin, hooks: Any, header_name: str
) -> None:
    """Hazard R1: the refusal is answered."""
    refused: list[str] = []

    def refusing_the_first(request: Any) -> Any:
        refused.append(request.headers[header_name])
        return answering(401 if request.headers[header_name] == refused[0] else 200)(request)

    origin.handler = refusing_the_first
    options = hooks(lambda request: replace(request.headers, "X-Trace"))
    client = open_client(
        sandbox.credentials(), allowed_hosts=[origin.allowed_host], header_name=header_name, client_options=options
    )
    outcome = client.post(origin.at(), content=b"query")
    assert (outcome.status, outcome.history) == (200, (401,))
    assert values(origin, "X-Trace") == [[OWN], [OWN]]


@each_header
@each_change
def test_the_401_to_what_was_put_on_a_prepared_request_is_handed_over(
    sandbox: Sandbox, origin: Origin, header_name: str, change: Any
) -> None:
    """Hazard S7."""
    origin.handler = answering(401, "whoever you are")
    source = sandbox.credentials()
    token = source.token()
    auth = RequestsAuth(source, allowed_hosts=[origin.allowed_host], header_name=header_name)
    with requests.Session() as session:
        request = session.prepare_request(requests.Request("POST", origin.at(), data=b"query", auth=auth))
        change(request.headers, header_name)
        response = session.send(request, timeout=20)
    assert (response.status_code, response.text, response.history) == (401, "whoever you are", [])
    assert values(origin, header_name) == [[OWN] if change is replace else []]
    assert source.token() == token
    assert sandbox.token_requests == 1


def test_what_was_left_on_a_prepared_request_is_answered_for(sandbox: Sandbox, origin: Origin) -> None:
    """Hazard R1: a header of another name may come and go."""
    origin.handler = refusing_the_first_token()
    auth = RequestsAuth(sandbox.credentials(), allowed_hosts=[origin.allowed_host])
    with requests.Session() as session:
        request = session.prepare_request(requests.Request("POST", origin.at(), data=b"query", auth=auth))
        replace(request.headers, "X-Trace")
        response = session.send(request, timeout=20)
    assert [each.status_code for each in (*response.history, response)] == [401, 200]
    assert sandbox.token_requests == 2
