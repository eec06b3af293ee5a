"""What follows a 401 from the API: one new token, one second try, and no storm where that does not help."""

import pickle
from dataclasses import replace

import pytest

from bitquery_auth import ClientCredentials, StaticToken, Token, TokenEndpointError
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request, Response
from tests.behaviour.conftest import QUERY, Open, api_calls
from tests.kit.clients import Client
from tests.kit.origin import Origin, answering, refusing_the_first_token


def used(open_client: Open, sandbox: Sandbox, **settings: object) -> tuple[ClientCredentials, Client]:
    """A client that has its first token."""
    source = sandbox.credentials(renew_ahead=0)
    client = open_client(source, **settings)
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    return source, client


# -- one second try ---------------------------------------------------------------------------------


def test_a_refused_request_is_sent_again_once_and_no_more(open_client: Open, sandbox: Sandbox) -> None:
    """Hazards R1, R3."""
    sandbox.accept_nothing = True
    outcome = open_client(sandbox.credentials()).post(sandbox.graphql_endpoint, json=QUERY)
    assert (outcome.status, outcome.history) == (401, (401,))
    first, second = api_calls(sandbox)
    assert first.headers["authorization"] != second.headers["authorization"]
    assert first.body == second.body
    assert sandbox.token_requests == 2


def test_a_cookie_that_comes_with_the_refusal_goes_along(open_client: Open, sandbox: Sandbox, origin: Origin) -> None:
    """A balancer's, by which the second try comes to the same server; so it is with the clients' own digest auths."""
    refusing = refusing_the_first_token()

    def answer(request: Request) -> Response | None:
        response = refusing(request)
        cookies = (("Set-Cookie", "server=7"),) if response is not None and response.status == 401 else ()
        return response and replace(response, headers=(*response.headers, *cookies))

    origin.handler = answer
    client = open_client(sandbox.credentials(), allowed_hosts=[origin.allowed_host])
    assert client.get(origin.at()).status == 200
    assert [request.headers.get("Cookie") for request in origin.requests] == [None, "server=7"]
    assert pickle.loads(pickle.dumps(client.get(origin.at()).raw)).status_code == 200


def test_no_request_is_sent_again_with_the_token_that_was_refused(open_client: Open, sandbox: Sandbox) -> None:
    """Hazard R2: the source gives the same token again, whatever was discarded."""

    discarded = []

    class Stubborn:
        def token(self) -> Token:
            return Token("the-same-again")

        def discard(self, token: Token | str) -> None:
            discarded.append(token)

    outcome = open_client(Stubborn()).post(sandbox.graphql_endpoint, json=QUERY)
    assert (outcome.status, outcome.history) == (401, ())
    assert sandbox.api_requests == 1
    assert discarded == [Token("the-same-again")]


def test_the_401_of_a_static_token_is_handed_over(open_client: Open, sandbox: Sandbox) -> None:
    client = open_client(StaticToken("ory_at_invalid"))
    for _ in range(3):
        outcome = client.post(sandbox.graphql_endpoint, json=QUERY)
        assert (outcome.status, outcome.text, outcome.history) == (401, "Unauthorized", ())
    assert (sandbox.api_requests, sandbox.token_requests) == (3, 0)


def test_a_late_refusal_leaves_the_successor_alone(open_client: Open, sandbox: Sandbox, origin: Origin) -> None:
    """Hazard C6: the token that was refused has been replaced before its 401 arrives."""
    source = sandbox.credentials()
    refusing = refusing_the_first_token()

    def replaced_meanwhile(request: Request) -> Response | None:
        if len(origin.requests) == 1:
            source.renew()
        return refusing(request)

    origin.handler = replaced_meanwhile
    outcome = open_client(source, allowed_hosts=[origin.allowed_host]).post(origin.at(), content=b"query")
    assert (outcome.status, outcome.history) == (200, (401,))
    assert origin.tokens[1] == source.token().access_token
    assert sandbox.token_requests == 2


def test_a_successor_that_is_dead_too_is_handed_over_and_gone_by_the_next_request(
    open_client: Open, sandbox: Sandbox, origin: Origin
) -> None:
    """Hazard C6, the other way round: one second try, and no token stays that an API has refused unanswered."""
    source = sandbox.credentials()
    dead: set[str | None] = set()

    def revoking(_: Request) -> Response:
        if len(origin.requests) == 1:
            dead.update({origin.tokens[0], source.renew().access_token})
        return Response.text(401 if origin.tokens[-1] in dead else 200, "")

    origin.handler = revoking
    client = open_client(source, allowed_hosts=[origin.allowed_host])
    assert client.post(origin.at(), content=b"query").status == 401
    assert client.post(origin.at(), content=b"query").status == 200
    assert (len(origin.requests), sandbox.token_requests) == (3, 3)


# -- what counts as a refusal -----------------------------------------------------------------------


@pytest.mark.parametrize("status", [402, 403, 429, 500, 200])
def test_nothing_but_401_is_a_refusal_by_default(
    open_client: Open, sandbox: Sandbox, origin: Origin, status: int
) -> None:
    """Hazard R6: at Bitquery 402, 403 and 429 are about the plan, and a new token would not change it."""
    origin.handler = answering(status, "access restricted")
    client = open_client(sandbox.credentials(), allowed_hosts=[origin.allowed_host])
    assert client.post(origin.at(), content=b"query").status == status
    assert (len(origin.requests), sandbox.token_requests) == (1, 1)


def test_what_counts_as_a_refusal_can_be_said(open_client: Open, sandbox: Sandbox, origin: Origin) -> None:
    """Hazard R6."""
    origin.handler = refusing_the_first_token(status=403)
    client = open_client(
        sandbox.credentials(),
        allowed_hosts=[origin.allowed_host],
        is_auth_failure=lambda response: response.status_code in {401, 403},
    )
    outcome = client.post(origin.at(), content=b"query")
    assert (outcome.status, outcome.history) == (200, (403,))


def test_a_refusal_can_be_known_by_a_header(open_client: Open, sandbox: Sandbox, origin: Origin) -> None:
    """Hazard R6: servers that answer 200 to a dead token; the body stays unread until the caller reads it."""
    refused = refusing_the_first_token(status=200)

    def answer(request: Request) -> Response:
        response = refused(request)
        assert response is not None
        return Response(200, (("X-Token", "dead" if response.body == b"Unauthorized" else "good"),), response.body)

    origin.handler = answer
    client = open_client(
        sandbox.credentials(),
        allowed_hosts=[origin.allowed_host],
        is_auth_failure=lambda response: response.headers.get("X-Token") == "dead",
    )
    outcome = client.post(origin.at(), content=b"query")
    assert (outcome.status, outcome.text, outcome.history) == (200, "query", (200,))


# -- which requests are sent again ------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
def test_replay_safe_sends_again_what_changes_nothing(open_client: Open, sandbox: Sandbox, method: str) -> None:
    """Hazard R5."""
    _, client = used(open_client, sandbox, replay="safe")
    sandbox.revoke_all()
    outcome = client.send(method, sandbox.graphql_endpoint)
    assert (outcome.status, outcome.history) == (200, (401,))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_replay_safe_hands_over_the_refusal_of_a_change_and_the_next_one_works(
    open_client: Open, sandbox: Sandbox, origin: Origin, method: str
) -> None:
    """Hazard R5."""
    origin.handler = refusing_the_first_token()
    client = open_client(sandbox.credentials(), allowed_hosts=[origin.allowed_host], replay="safe")
    outcome = client.send(method, origin.at(), content=b"change")
    assert (outcome.status, outcome.text, outcome.history) == (401, "Unauthorized", ())
    assert sandbox.token_requests == 2  # renewed for the next call
    assert client.send(method, origin.at(), content=b"change").status == 200
    assert (len(origin.requests), sandbox.token_requests) == (2, 2)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_replay_never_hands_every_refusal_over_and_the_next_request_works(
    open_client: Open, sandbox: Sandbox, method: str
) -> None:
    """Hazard R5."""
    _, client = used(open_client, sandbox, replay="never")
    sandbox.revoke_all()
    json = QUERY if method == "POST" else None
    assert client.send(method, sandbox.graphql_endpoint, json=json).status == 401
    assert client.send(method, sandbox.graphql_endpoint, json=json).status == 200
    assert (sandbox.api_requests, sandbox.token_requests) == (3, 2)


# -- where no new token can be had ------------------------------------------------------------------


def test_the_error_is_raised_where_no_new_token_can_be_had(
    open_client: Open, sandbox: Sandbox, kind: type[Client]
) -> None:
    """Hazard F6: the handlers that people have for their client catch it."""
    _, client = used(open_client, sandbox)
    sandbox.revoke_all()
    sandbox.outage = 503
    with pytest.raises(kind.base_error, match="503") as raised:
        client.post(sandbox.graphql_endpoint, json=QUERY)
    assert isinstance(raised.value, TokenEndpointError)
    assert raised.value.retryable
    sandbox.outage = None


@pytest.mark.parametrize("replay", ["safe", "never"])
def test_the_refusal_is_handed_over_where_nothing_would_be_sent_again_anyway(
    open_client: Open, sandbox: Sandbox, replay: str
) -> None:
    """Hazard R4: the caller is told of the 401, not of the token that could not be fetched for the next call."""
    _, client = used(open_client, sandbox, replay=replay)
    sandbox.revoke_all()
    sandbox.outage = 503
    outcome = client.post(sandbox.graphql_endpoint, json=QUERY)
    assert (outcome.status, outcome.text) == (401, "Unauthorized")
