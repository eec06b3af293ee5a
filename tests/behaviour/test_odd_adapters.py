"""Adapters of requests that send a copy of what they are given, change it, or answer out of thin air."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from bitquery_auth import ClientCredentials, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request, Response
from tests.kit.origin import Handler, Origin, answering, by_path, echo, redirecting, refusing_the_first_token

each_header = pytest.mark.parametrize("header_name", ["Authorization", "X-Token"])


class Copying(HTTPAdapter):
    """Leaves the request of the caller as it is."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        return super().send(request.copy(), **options)


class Plain(HTTPAdapter):
    """Makes plain text of every header."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        for name, value in list(request.headers.items()):
            request.headers[name] = "".join(map(str, value))
        return super().send(request, **options)


class OutOfThinAir(BaseAdapter):
    """Answers 401 without a socket, as one that stands for a server, or for a file."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[requests.Response] = []

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = 401, request.url or "", request
        vars(answer).update(connection=self, _content=b"no")
        self.answers.append(answer)
        return answer

    def close(self) -> None:
        """There is nothing open."""


@pytest.fixture
def source(sandbox: Sandbox) -> ClientCredentials:
    return sandbox.credentials()


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


def shows_a_token(request: Request) -> bool:
    return any(value.startswith("Bearer ") for _, value in request.headers.pairs)


def guarded(otherwise: Handler = echo) -> Handler:
    """Refuse whoever shows no token."""
    return lambda request: otherwise(request) if shows_a_token(request) else Response.text(401, "Unauthorized")


# -- one that copies --------------------------------------------------------------------------------


@pytest.fixture
def copying(session: requests.Session, source: ClientCredentials, origin: Origin, header_name: str) -> requests.Session:
    session.mount("http://", Copying())
    session.auth = RequestsAuth(source, allowed_hosts=["127.0.0.1"], header_name=header_name)
    return session


@each_header
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_what_a_copying_adapter_was_given_does_not_travel(
    copying: requests.Session, sandbox: Sandbox, origin: Origin, elsewhere: Origin, status: int
) -> None:
    """Hazard S8: requests goes on with what it gave, and not with what was sent."""
    origin.handler = redirecting(status, elsewhere.at("/end"))
    elsewhere.handler = answering(401)
    for calls in (1, 2):
        assert copying.post(origin.at(), data=b"query", timeout=20).status_code == 401
        assert [shows_a_token(request) for request in origin.requests] == [True] * calls
        assert [shows_a_token(request) for request in elsewhere.requests] == [False] * calls
    assert sandbox.token_requests == 1


@each_header
@pytest.mark.parametrize("on", [echo, guarded()], ids=["open", "guarded"])
def test_nor_does_it_after_a_redirect_that_stayed(
    copying: requests.Session, origin: Origin, elsewhere: Origin, on: Handler
) -> None:
    """Hazard S8: whether the hop in between was let pass or was refused first."""
    away = redirecting(307, elsewhere.at("/end"))

    def lead_away(request: Request) -> Response | None:
        passed = on(request)
        return passed if passed is not None and passed.status == 401 else away(request)

    origin.handler = by_path({"/start": redirecting(307, "/on"), "/on": lead_away})
    assert copying.post(origin.at("/start"), data=b"query", timeout=20).status_code == 200
    assert elsewhere.visits == ["POST /end"]
    assert not shows_a_token(elsewhere.requests[0])


@each_header
def test_nor_does_the_token_of_a_second_try(
    copying: requests.Session, sandbox: Sandbox, origin: Origin, elsewhere: Origin
) -> None:
    """Hazard S8."""
    origin.handler = refusing_the_first_of(redirecting(307, elsewhere.at("/end")))
    assert copying.post(origin.at(), data=b"query", timeout=20).status_code == 200
    assert [shows_a_token(request) for request in origin.requests] == [True, True]
    assert [shows_a_token(request) for request in elsewhere.requests] == [False]
    assert sandbox.token_requests == 2


@each_header
def test_nor_does_that_of_a_prepared_request_that_is_sent_again(
    copying: requests.Session, origin: Origin, elsewhere: Origin
) -> None:
    """Hazard S8: by the same adapter, first within the origin, then out of it."""
    origin.handler = redirecting(307, "/on")
    request = copying.prepare_request(requests.Request("POST", origin.at("/start"), data=b"query"))
    assert copying.send(request, timeout=20, allow_redirects=False).status_code == 307
    origin.handler = redirecting(307, elsewhere.at("/end"))
    copying.send(request, timeout=20)
    assert [shows_a_token(request) for request in elsewhere.requests] == [False]


@each_header
def test_nor_does_that_of_a_copy_of_a_prepared_request(
    copying: requests.Session, origin: Origin, elsewhere: Origin
) -> None:
    """Hazard S8: whoever prepares once and sends a copy each time."""
    origin.handler = redirecting(307, elsewhere.at("/end"))
    request = copying.prepare_request(requests.Request("POST", origin.at("/start"), data=b"query"))
    for _ in range(2):
        copying.send(request.copy(), timeout=20)
    assert [shows_a_token(request) for request in elsewhere.requests] == [False, False]


@each_header
def test_where_it_was_kept_from_travelling_the_same_request_is_answered_when_it_is_sent_again(
    copying: requests.Session, sandbox: Sandbox, origin: Origin, elsewhere: Origin
) -> None:
    origin.handler = redirecting(307, elsewhere.at("/end"))
    request = copying.prepare_request(requests.Request("POST", origin.at("/start"), data=b"query"))
    assert copying.send(request, timeout=20).status_code == 200
    origin.handler = guarded()
    assert copying.send(request, timeout=20).status_code == 200
    assert shows_a_token(origin.requests[-1])
    assert sandbox.token_requests == 1


@each_header
def test_with_a_copying_adapter_a_redirect_that_stays_ends_well(
    copying: requests.Session, sandbox: Sandbox, origin: Origin
) -> None:
    origin.handler = by_path({"/start": redirecting(308, "/end"), "/end": guarded()})
    assert copying.post(origin.at("/start"), data=b"query", timeout=20).content == b"query"
    assert sandbox.token_requests == 1


@pytest.mark.parametrize("replay", ["all", "never"])
def test_what_keeps_one_header_from_travelling_leaves_those_of_other_requests_alone(
    replay: Any,
    session: requests.Session,
    source: ClientCredentials,
    sandbox: Sandbox,
    origin: Origin,
    elsewhere: Origin,
) -> None:
    """Hazard R2: a request may wait long for its connection while another is redirected."""
    origin.handler = by_path({"/away": redirecting(307, elsewhere.at("/end")), "/here": guarded()})
    session.auth = RequestsAuth(source, allowed_hosts=[origin.allowed_host], header_name="X-Token", replay=replay)
    waiting = session.prepare_request(requests.Request("POST", origin.at("/here"), data=b"query"))
    assert session.get(origin.at("/away"), timeout=20).status_code == 200
    assert session.send(waiting, timeout=20).status_code == 200
    assert origin.visits == ["GET /away", "POST /here"]
    assert [shows_a_token(request) for request in elsewhere.requests] == [False]
    assert sandbox.token_requests == 1


def refusing_the_first_of(otherwise: Handler) -> Handler:
    """Refuse the first request, whatever it carries."""
    seen: list[Request] = []

    def answer(request: Request) -> Response | None:
        seen.append(request)
        return Response.text(401, "Unauthorized") if len(seen) == 1 else otherwise(request)

    return answer


# -- one that makes plain text of headers -----------------------------------------------------------


def test_a_token_that_an_adapter_made_plain_text_of_is_known_again(
    session: requests.Session, source: ClientCredentials, sandbox: Sandbox, origin: Origin
) -> None:
    """Hazard R1: its refusal is answered."""
    origin.handler = refusing_the_first_token()
    session.mount("http://", Plain())
    session.auth = RequestsAuth(source, allowed_hosts=[origin.allowed_host])
    response = session.post(origin.at(), data=b"query", timeout=20)
    assert [each.status_code for each in (*response.history, response)] == [401, 200]
    assert origin.tokens[1] == source.token().access_token
    assert sandbox.token_requests == 2


def test_and_an_api_that_refuses_it_for_ever_costs_no_more_than_another(
    session: requests.Session, source: ClientCredentials, sandbox: Sandbox
) -> None:
    """Hazard R3."""
    sandbox.accept_nothing = True
    session.mount("http://", Plain())
    session.auth = RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts)
    for _ in range(30):
        assert session.get(sandbox.graphql_endpoint, timeout=20).status_code == 401
    assert sandbox.token_requests == 2


# -- one that answers without a socket --------------------------------------------------------------


def test_a_401_out_of_thin_air_is_handed_back_untouched(
    session: requests.Session, source: ClientCredentials, sandbox: Sandbox
) -> None:
    """It has a connection, and nothing behind it that could be read to its end."""
    adapter = OutOfThinAir()
    session.mount("http://", adapter)
    session.auth = RequestsAuth(source, allowed_hosts=["localhost"])
    response = session.get("http://localhost/graphql", timeout=20)
    assert adapter.answers == [response]
    assert (response.status_code, response.text, response.history) == (401, "no", [])
    assert sandbox.token_requests == 1
