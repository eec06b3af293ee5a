"""Redirects to another origin: no token goes there, and nothing that it answers starts anything."""

from dataclasses import dataclass
from typing import Any

import pytest

from bitquery_auth import Token
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request, Response
from tests.behaviour.conftest import HTTPX, Open, only
from tests.kit.origin import Origin, answering, by_path, echo, redirecting, refusing_the_first_token

EVERYWHERE = ["127.0.0.1", "localhost"]


@dataclass
class Journey:
    """From one origin to another; `arrived` holds what came there."""

    start: str
    end: str
    here: Origin
    there: Origin

    @property
    def arrived(self) -> list[Request]:
        return [request for request in self.there.requests if request.path == "/end"]


@pytest.fixture(params=["host", "port", "to https", "to http"])
def journey(request: pytest.FixtureRequest, secure_origin: Origin, elsewhere: Origin) -> Journey:
    """Two origins that differ in one part only."""
    here, there = secure_origin, elsewhere if request.param == "port" else secure_origin
    start, end = {
        "host": (here.at("/start"), there.at("/end", host="localhost")),
        "port": (here.at("/start"), there.at("/end")),
        "to https": (here.at("/start"), there.at("/end", scheme="https")),
        "to http": (here.at("/start", scheme="https"), there.at("/end")),
    }[request.param]
    return Journey(start, end, here, there)


def lead(journey: Journey, status: int) -> None:
    """The start leads to the end, which refuses whoever comes."""
    journey.there.handler = answering(401, "Unauthorized")
    journey.here.handler = by_path({"/start": redirecting(status, journey.end), "/end": answering(401, "Unauthorized")})


def carried_anywhere(requests: list[Request], token: str) -> bool:
    return any(token in value for request in requests for _, value in request.headers.pairs) or any(
        token in request.target for request in requests
    )


@pytest.mark.parametrize("status", [303, 307])
def test_another_origin_sees_no_token_and_its_401_starts_nothing(
    open_client: Open, sandbox: Sandbox, trusting: dict[str, Any], journey: Journey, status: int
) -> None:
    """Hazard S1: although its host is one that may see tokens."""
    lead(journey, status)
    source = sandbox.credentials()
    outcome = open_client(source, allowed_hosts=EVERYWHERE, client_options=trusting).post(journey.start, content=b"q")
    assert (outcome.status, outcome.text) == (401, "Unauthorized")
    assert len(journey.arrived) == 1
    assert not carried_anywhere(journey.arrived, source.token().access_token)
    assert sandbox.token_requests == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("journey", ["port", "to https"], indirect=True)
def test_another_origin_sees_no_token_in_a_header_of_another_name(
    open_client: Open, sandbox: Sandbox, trusting: dict[str, Any], journey: Journey, status: int
) -> None:
    """Hazard S8: the clients take off Authorization only."""
    lead(journey, status)
    source = sandbox.credentials()
    client = open_client(source, allowed_hosts=EVERYWHERE, header_name="X-Token", scheme="", client_options=trusting)
    assert client.post(journey.start, content=b"q").status == 401
    assert len(journey.arrived) == 1
    assert not carried_anywhere(journey.arrived, source.token().access_token)
    assert sandbox.token_requests == 1
    assert journey.here.requests[0].headers["x-token"] == source.token().access_token


@pytest.mark.parametrize("header_name", ["Authorization", "X-Token"])
def test_the_new_token_of_a_repeated_request_goes_no_further_either(
    open_client: Open, sandbox: Sandbox, origin: Origin, elsewhere: Origin, header_name: str
) -> None:
    """Hazards S1, S8: a 401, and then a redirect in answer to the second try."""
    seen: list[str] = []

    def refusing_once(request: Request) -> Response | None:
        seen.append(request.headers[header_name])
        return answering(401)(request) if len(seen) == 1 else redirecting(307, elsewhere.at("/end"))(request)

    origin.handler = refusing_once
    elsewhere.handler = answering(401)
    client = open_client(sandbox.credentials(), allowed_hosts=EVERYWHERE, header_name=header_name, scheme="")
    assert client.post(origin.at(), content=b"query").status == 401
    assert len(seen) == len(set(seen)) == 2
    assert len(elsewhere.requests) == 1
    assert not any(carried_anywhere(elsewhere.requests, token) for token in seen)
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("header_name", ["Authorization", "X-Token"])
def test_a_second_redirect_elsewhere_carries_no_token(
    open_client: Open, sandbox: Sandbox, origin: Origin, elsewhere: Origin, header_name: str
) -> None:
    """Hazards S1, S8: first within the origin, then out of it."""
    origin.handler = by_path({"/start": redirecting(307, "/on"), "/on": redirecting(307, elsewhere.at("/end"))})
    elsewhere.handler = answering(401)
    source = sandbox.credentials()
    client = open_client(source, allowed_hosts=EVERYWHERE, header_name=header_name, scheme="")
    assert client.post(origin.at("/start"), content=b"query").status == 401
    assert len(elsewhere.requests) == 1
    assert not carried_anywhere(elsewhere.requests, source.token().access_token)
    assert sandbox.token_requests == 1


@pytest.mark.parametrize(
    "location",
    ["//{there}/end", "HTTP://{there}/end", "http://{here}@{there}/end", "http://{here}%2F@{there}/end"],
    ids=["no scheme", "upper case", "user", "user with a slash"],
)
def test_no_spelling_of_a_location_takes_the_token_elsewhere(
    open_client: Open, sandbox: Sandbox, origin: Origin, elsewhere: Origin, location: str
) -> None:
    """Hazards S1, S4, S8: in a header of another name, which only this library keeps from travelling."""
    target = location.format(here=origin.allowed_host, there=elsewhere.allowed_host)
    origin.handler = redirecting(307, target)
    source = sandbox.credentials()
    client = open_client(source, allowed_hosts=EVERYWHERE, header_name="X-Token", scheme="")
    assert client.post(origin.at(), content=b"query").status == 200
    assert elsewhere.visits == ["POST /end"]
    assert not carried_anywhere(elsewhere.requests, source.token().access_token)


def test_a_way_back_from_elsewhere_is_not_given_the_token(
    open_client: Open, sandbox: Sandbox, origin: Origin, elsewhere: Origin
) -> None:
    """Hazard S1: another host must not choose what is asked of the API in the caller's name.

    The request that came back carried no token, so its 401 is none of the token's.
    """
    origin.handler = by_path({"/start": redirecting(307, elsewhere.at()), "/chosen": refusing_the_first_token()})
    elsewhere.handler = redirecting(307, origin.at("/chosen"))
    source = sandbox.credentials()
    outcome = open_client(source, allowed_hosts=[origin.allowed_host]).post(origin.at("/start"), content=b"query")
    assert outcome.status == 401
    assert origin.visits == ["POST /start", "POST /chosen"]
    assert origin.tokens == [source.token().access_token, None]
    assert sandbox.token_requests == 1


def test_an_answer_from_elsewhere_says_nothing_about_the_api(
    open_client: Open, sandbox: Sandbox, origin: Origin, elsewhere: Origin
) -> None:
    """Hazard R3: the API's own redirect is an answer that is no refusal; the foreign 200 after it is not the API's."""
    refusals = refusing_the_first_token()
    origin.handler = by_path({"/start": redirecting(307, elsewhere.at()), "/api": refusals})
    elsewhere.handler = echo
    client = open_client(sandbox.credentials(), allowed_hosts=[origin.allowed_host])
    assert client.get(origin.at("/start")).status == 200
    outcome = client.get(origin.at("/api"))
    assert (outcome.status, outcome.history) == (200, (401,))


@only(HTTPX)
@pytest.mark.parametrize("status", [200, 401])
def test_what_another_origin_answers_to_the_second_try_is_not_our_origins_answer(
    open_client: Open, sandbox: Sandbox, origin: Origin, elsewhere: Origin, status: int
) -> None:
    """Hazard S1: httpx follows redirects before an auth sees the answer."""
    elsewhere.handler = answering(status)
    origin.handler = refusing_the_first_token(by_path({"/file": redirecting(307, elsewhere.at()), "/": echo}))
    source = sandbox.credentials()
    client = open_client(source, allowed_hosts=[origin.allowed_host])
    assert client.get(origin.at("/file")).status == status
    assert elsewhere.tokens == [None]
    second = source.token().access_token
    origin.handler = answering(401)
    assert client.get(origin.at()).status == 401  # that second token, fetched in answer to a refusal, is refused now
    assert (source.token().access_token, sandbox.token_requests) == (second, 2)
    origin.handler = refusing_the_first_token()
    assert client.get(origin.at()).status == 401  # so for a second its refusals are handed over


@only(HTTPX)
def test_nor_does_it_discard_the_token_that_somebody_else_has_got_meanwhile(
    open_client: Open, origin: Origin, elsewhere: Origin
) -> None:
    """Hazards S1, R4."""
    discarded: list[Token | str] = []

    class Renewed:
        def __init__(self) -> None:
            self._tokens = ["old", "new"]

        def token(self) -> Token:
            return Token(self._tokens.pop(0) if len(self._tokens) > 1 else self._tokens[0])

        def discard(self, token: Token | str) -> None:
            discarded.append(token)

    elsewhere.handler = answering(401)
    origin.handler = refusing_the_first_token(redirecting(307, elsewhere.at()))
    assert open_client(Renewed(), allowed_hosts=[origin.allowed_host]).get(origin.at()).status == 401
    assert origin.tokens == ["old", "new"]
    assert discarded == []
