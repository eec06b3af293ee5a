"""A 401 from the API: the token is replaced, and the request is sent again once.

Hazards C6, R1, R2 and R6.
"""

import logging
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from bitquery_auth import ClientCredentials, StaticToken, Token, TokenEndpointError
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clients import Client, OpenClient
from tests.kit.clock import Clock
from tests.kit.origin import Gate, Origin, Request, Response, answering, refusing_the_first_token
from tests.kit.recorded import api_calls
from tests.kit.waiting import until


@pytest.fixture
def used(open_client: OpenClient, source: ClientCredentials, sandbox: Sandbox) -> Client:
    """A client of the sandbox that has its first token."""
    client = open_client(source)
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    return client


def test_a_revoked_token_is_replaced_within_the_request(used: Client, sandbox: Sandbox) -> None:
    sandbox.revoke_all()
    outcome = used.post(sandbox.graphql_endpoint, json=QUERY)
    assert (outcome.status, outcome.history) == (200, (401,))
    assert sandbox.token_requests == 2
    _, rejected, again = api_calls(sandbox)
    assert rejected.body == again.body
    assert rejected.headers["authorization"] != again.headers["authorization"]


def test_a_rejected_request_is_sent_again_only_once(
    open_client: OpenClient, source: ClientCredentials, sandbox: Sandbox
) -> None:
    sandbox.accept_nothing = True
    outcome = open_client(source).post(sandbox.graphql_endpoint, json=QUERY)
    assert (outcome.status, outcome.history) == (401, (401,))
    assert (sandbox.api_requests, sandbox.token_requests) == (2, 2)


def test_a_cookie_set_by_the_401_is_sent_with_the_second_try(client: Client, api: Origin) -> None:
    """Load balancers use one to reach the same server; httpx's own digest auth sends it too."""
    plain = api.handler

    def with_cookie(request: Request) -> Response:
        response: Any = plain(request)
        if response.status != 401:
            return response
        return replace(response, headers=(*response.headers, ("Set-Cookie", "server=7")))

    api.handler = with_cookie
    assert client.get(api.at()).status == 200
    assert [request.headers.get("Cookie") for request in api.requests] == [None, "server=7"]
    assert pickle.loads(pickle.dumps(client.get(api.at()).raw)).status_code == 200


def test_a_source_without_another_token_gets_no_second_try(
    open_client: OpenClient, sandbox: Sandbox
) -> None:
    discarded: list[Token | str] = []

    class OneToken:
        def token(self) -> Token:
            return Token("the-same-again")

        def discard(self, token: Token | str) -> None:
            discarded.append(token)

    outcome = open_client(OneToken()).post(sandbox.graphql_endpoint, json=QUERY)
    assert (outcome.status, outcome.history) == (401, ())
    assert sandbox.api_requests == 1
    assert discarded == [Token("the-same-again")]


def test_the_401_of_a_static_token_is_returned(open_client: OpenClient, sandbox: Sandbox) -> None:
    client = open_client(StaticToken("ory_at_invalid"))
    for _ in range(3):
        outcome = client.post(sandbox.graphql_endpoint, json=QUERY)
        assert (outcome.status, outcome.text, outcome.history) == (401, "Unauthorized", ())
    assert (sandbox.api_requests, sandbox.token_requests) == (3, 0)


def test_a_late_401_does_not_discard_the_successor_of_its_token(
    client: Client, api: Origin, source: ClientCredentials, sandbox: Sandbox
) -> None:
    rejecting = api.handler

    def renewed_meanwhile(request: Request) -> Any:
        if len(api.requests) == 1:
            source.renew()
        return rejecting(request)

    api.handler = renewed_meanwhile
    outcome = client.post(api.at(), content=b"query")
    assert (outcome.status, outcome.history) == (200, (401,))
    assert api.tokens[1] == source.token().access_token
    assert sandbox.token_requests == 2


def test_a_rejected_second_token_that_came_from_elsewhere_is_not_used_again(
    client: Client, api: Origin, source: ClientCredentials, sandbox: Sandbox
) -> None:
    revoked: set[str | None] = set()

    def revoking(_: Request) -> Response:
        if len(api.requests) == 1:
            revoked.update({api.tokens[0], source.renew().access_token})
        return Response.text(401 if api.tokens[-1] in revoked else 200, "")

    api.handler = revoking
    assert client.post(api.at(), content=b"query").status == 401
    assert client.post(api.at(), content=b"query").status == 200
    assert (len(api.requests), sandbox.token_requests) == (3, 3)


class HeldResponses:
    """The sandbox's responses, made at once and sent when the test says so."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._respond = Gate(sandbox)
        self.made = threading.Event()
        self.released = threading.Event()
        self.released.set()

    def __call__(self, request: Request) -> Response | None:
        response = self._respond(request)
        self.made.set()
        assert self.released.wait(20)
        return response


def test_a_token_whose_fetch_began_before_the_401_is_not_taken_for_a_fresh_one(
    open_client: OpenClient,
    sandbox: Sandbox,
    origin: Origin,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A revocation takes the token of the renewal under way as well; recovery does not back off."""
    caplog.set_level(logging.DEBUG, "bitquery_auth")
    held = origin.handler = HeldResponses(sandbox)
    client = open_client(sandbox.credentials(token_endpoint=origin.at("/oauth2/token")))
    client.post(sandbox.graphql_endpoint, json=QUERY)
    clock.advance(3240)  # a token of an hour is then renewed in the background
    held.made.clear()
    held.released.clear()
    client.post(sandbox.graphql_endpoint, json=QUERY)
    assert held.made.wait(20)
    sandbox.revoke_all()
    with ThreadPoolExecutor(1) as pool:
        rejected = pool.submit(client.post, sandbox.graphql_endpoint, json=QUERY)
        until(lambda: "token discarded" in caplog.text)
        held.released.set()
        rejected.result(20)
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200


@pytest.mark.parametrize("status", [402, 403, 429, 500, 200])
def test_only_401_is_an_auth_failure_by_default(
    client: Client, api: Origin, sandbox: Sandbox, status: int
) -> None:
    """At Bitquery 402, 403 and 429 are about the plan: a new token would not change them."""
    api.handler = answering(status, "access restricted")
    assert client.post(api.at(), content=b"query").status == status
    assert (len(api.requests), sandbox.token_requests) == (1, 1)


def test_another_status_can_be_an_auth_failure(
    open_client: OpenClient, source: ClientCredentials, origin: Origin
) -> None:
    origin.handler = refusing_the_first_token(status=403)
    client = open_client(
        source,
        allowed_hosts=[origin.allowed_host],
        is_auth_failure=lambda response: response.status_code in {401, 403},
    )
    outcome = client.post(origin.at(), content=b"query")
    assert (outcome.status, outcome.history) == (200, (403,))


def test_a_header_can_mark_an_auth_failure(
    open_client: OpenClient, source: ClientCredentials, origin: Origin
) -> None:
    """Some servers respond 200 to an invalid token; the second body is left to the caller."""
    rejecting = refusing_the_first_token(status=200)

    def marked(request: Request) -> Response:
        response: Any = rejecting(request)
        state = "invalid" if response.body == b"Unauthorized" else "valid"
        return Response(200, (("X-Token", state),), response.body)

    origin.handler = marked
    client = open_client(
        source,
        allowed_hosts=[origin.allowed_host],
        is_auth_failure=lambda response: response.headers.get("X-Token") == "invalid",
    )
    outcome = client.post(origin.at(), content=b"query")
    assert (outcome.status, outcome.text, outcome.history) == (200, "query", (200,))


def test_the_predicate_is_asked_once_for_each_response(
    open_client: OpenClient, source: ClientCredentials, api: Origin
) -> None:
    asked: list[int] = []

    def is_auth_failure(response: Any) -> bool:
        asked.append(response.status_code)
        return response.status_code == 401

    client = open_client(source, allowed_hosts=[api.allowed_host], is_auth_failure=is_auth_failure)
    for _ in range(2):
        assert client.get(api.at()).status == 200
    assert asked == [401, 200, 200]


def test_the_error_is_raised_if_no_new_token_can_be_had(
    used: Client, sandbox: Sandbox, kind: type[Client]
) -> None:
    sandbox.revoke_all()
    sandbox.outage = 503
    with pytest.raises(kind.base_error, match="503") as raised:
        used.post(sandbox.graphql_endpoint, json=QUERY)
    assert isinstance(raised.value, TokenEndpointError)
    assert raised.value.retryable
    sandbox.outage = None


@pytest.mark.parametrize("replay", ["safe", "never"])
def test_a_401_that_is_not_followed_by_a_second_try_is_returned_also_without_a_new_token(
    open_client: OpenClient, source: ClientCredentials, sandbox: Sandbox, replay: str
) -> None:
    client = open_client(source, replay=replay)
    client.post(sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    sandbox.outage = 503
    outcome = client.post(sandbox.graphql_endpoint, json=QUERY)
    assert (outcome.status, outcome.text) == (401, "Unauthorized")
