"""A 401 from the API: the token is replaced, and the request is sent again once.

Hazards C2, C6, E10, G1, R1, R2, R5 and R6.
"""

import logging
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from bitquery_auth import ClientCredentials, Token, TokenEndpointError
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clients import HTTPX, AsyncHttpxClient, Client, OpenClient, only
from tests.kit.clock import Clock
from tests.kit.crowd import NEVER, HeldSecret, source_with
from tests.kit.origin import Origin, Request, Response, answering, refusing_the_first_token
from tests.kit.recorded import api_calls
from tests.kit.waiting import until

SAFE, UNSAFE = ["GET", "HEAD", "OPTIONS", "TRACE"], ["POST", "PUT", "PATCH", "DELETE"]


@pytest.fixture
def used(open_client: OpenClient, source: ClientCredentials, sandbox: Sandbox) -> Client:
    """A client of the sandbox that has its first token."""
    client = open_client(source)
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    return client


def test_requests_use_one_token_until_it_has_expired(
    open_client: OpenClient, sandbox: Sandbox, clock: Clock
) -> None:
    """Also those of two auths over one source; no request is sent with an expired token."""
    source = sandbox.credentials(renew_ahead=0)
    clients = [open_client(source) for _ in range(2)]
    for token_requests in (1, 2):
        for client in clients * 2:
            assert client.post(sandbox.graphql_endpoint, json=QUERY).history == ()
        assert sandbox.token_requests == token_requests
        clock.advance(3600)
    assert (sandbox.api_requests, sandbox.api_refusals) == (8, 0)


def test_a_revoked_token_is_replaced_within_the_request(used: Client, sandbox: Sandbox) -> None:
    sandbox.revoke_all()
    outcome = used.post(sandbox.graphql_endpoint, json=QUERY)
    assert (outcome.status, outcome.history) == (200, (401,))
    assert outcome.raw.history[0].text == "Unauthorized"
    assert sandbox.token_requests == 2
    _, rejected, again = api_calls(sandbox)
    assert rejected.body == again.body
    assert rejected.headers["authorization"] != again.headers["authorization"]


@pytest.mark.parametrize("method", [*SAFE, *UNSAFE])
@pytest.mark.parametrize("replay", ["all", "safe", "never"])
def test_replay_decides_which_rejected_requests_are_sent_again(
    open_client: OpenClient,
    source: ClientCredentials,
    api: Origin,
    sandbox: Sandbox,
    replay: str,
    method: str,
) -> None:
    """Where none is, the token is replaced for the next request."""
    client = open_client(source, allowed_hosts=[api.allowed_host], replay=replay)
    outcome = client.send(method, api.at())
    is_sent_again = replay == "all" or (replay == "safe" and method in SAFE)
    assert (outcome.status, outcome.history) == ((200, (401,)) if is_sent_again else (401, ()))
    assert client.send(method, api.at()).status == 200
    assert [request.method for request in api.requests] == [method] * (2 + is_sent_again)
    assert sandbox.token_requests == 2


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


# -- tokens that are replaced meanwhile ------------------------------------------------------------


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


@pytest.mark.parametrize("outage", [503, "drop"])
def test_a_rejected_second_try_is_returned_even_if_no_further_token_can_be_had(
    client: Client,
    api: Origin,
    source: ClientCredentials,
    sandbox: Sandbox,
    clock: Clock,
    outage: Any,
) -> None:
    def reject(_: Request) -> Response:
        if len(api.requests) == 1:
            source.renew()
            sandbox.outage = outage
        return Response.text(401, f"rejected {len(api.requests)}")

    api.handler = reject
    outcome = client.post(api.at(), content=b"query")
    assert (outcome.status, outcome.text, outcome.history) == (401, "rejected 2", (401,))
    assert [request.body for request in api.requests] == [b"query"] * 2
    assert len(set(api.tokens)) == 2
    assert sandbox.token_requests > 2  # a further token was requested, in vain
    sandbox.outage = None
    clock.advance(61)
    rejected = set(api.tokens)
    api.handler = lambda _: Response.text(401 if api.tokens[-1] in rejected else 200, "")
    outcome = client.post(api.at(), content=b"query")
    assert (outcome.status, outcome.history) == (200, ())


def test_a_token_whose_fetch_began_before_the_401_is_not_taken_for_a_fresh_one(
    open_client: OpenClient,
    sandbox: Sandbox,
    origin: Origin,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A revocation takes the token of the renewal under way as well; recovery does not back off."""
    caplog.set_level(logging.DEBUG, "bitquery_auth")
    secret = HeldSecret(sandbox, released=True)
    client = open_client(source_with(sandbox, secret), allowed_hosts=[origin.allowed_host])
    client.get(origin.at())
    clock.advance(3240)  # a token of an hour is then renewed in the background
    secret.hold()
    client.get(origin.at())
    assert secret.reached.wait(NEVER)
    origin.handler = lambda _: Response.text(401 if len(set(origin.tokens)) < 3 else 200, "")
    with ThreadPoolExecutor(1) as pool:
        rejected = pool.submit(client.get, origin.at())
        until(lambda: "token discarded" in caplog.text)
        secret.release()
        rejected.result(NEVER)
    assert client.get(origin.at()).status == 200
    assert sandbox.token_requests == 3


# -- what an auth failure is -----------------------------------------------------------------------


@pytest.mark.parametrize("status", [402, 403, 429, 500, 200])
def test_only_401_is_an_auth_failure_by_default(
    client: Client, api: Origin, sandbox: Sandbox, status: int
) -> None:
    """At Bitquery 402, 403 and 429 are about the plan: a new token would not change them."""
    api.handler = answering(status, "access restricted")
    assert client.post(api.at(), content=b"query").status == status
    assert (len(api.requests), sandbox.token_requests) == (1, 1)


@pytest.mark.parametrize("status", [403, 200])
def test_a_predicate_decides_what_an_auth_failure_is_and_is_asked_once_for_each_response(
    open_client: OpenClient, source: ClientCredentials, origin: Origin, status: int
) -> None:
    """Some servers respond 200 to an invalid token; the second body is left to the caller."""
    rejecting = refusing_the_first_token(status=status)
    asked: list[int] = []

    def marked(request: Request) -> Response:
        response: Any = rejecting(request)
        state = "invalid" if response.body == b"Unauthorized" else "valid"
        return replace(response, headers=(("X-Token", state),))

    def is_auth_failure(response: Any) -> bool:
        asked.append(response.status_code)
        return response.headers.get("X-Token") == "invalid"

    origin.handler = marked
    client = open_client(
        source, allowed_hosts=[origin.allowed_host], is_auth_failure=is_auth_failure
    )
    outcome = client.post(origin.at(), content=b"query")
    assert (outcome.status, outcome.text, outcome.history) == (200, "query", (status,))
    assert client.get(origin.at()).history == ()
    assert asked == [status, 200, 200]


@only(HTTPX)
def test_an_event_hook_of_httpx_that_raises_for_a_401_prevents_recovery_and_locks_nothing(
    open_client: OpenClient, source: ClientCredentials, sandbox: Sandbox, kind: type[Client]
) -> None:
    """httpx closes the auth flow without showing it the response (hazards A1 and R7)."""

    def hook(response: Any) -> None:
        response.raise_for_status()

    async def async_hook(response: Any) -> None:
        response.raise_for_status()

    hooks = {"response": [async_hook if issubclass(kind, AsyncHttpxClient) else hook]}
    client = open_client(source, client_options={"event_hooks": hooks})
    client.post(sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    for _ in range(2):
        with pytest.raises(kind.base_error, match="401"):
            client.post(sandbox.graphql_endpoint, json=QUERY)
    assert (sandbox.api_requests, sandbox.token_requests) == (3, 1)
    source.renew()
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200


# -- without a new token ---------------------------------------------------------------------------


def test_the_error_is_raised_if_no_new_token_can_be_had(
    used: Client, sandbox: Sandbox, kind: type[Client]
) -> None:
    sandbox.revoke_all()
    sandbox.outage = 503
    with pytest.raises(kind.base_error, match="503") as raised:
        used.post(sandbox.graphql_endpoint, json=QUERY)
    assert isinstance(raised.value, TokenEndpointError)
    assert raised.value.retryable
    rejected = api_calls(sandbox)[0].headers["authorization"].removeprefix("Bearer ")
    assert rejected.encode() not in pickle.dumps(raised.value)


class VaultSealedError(Exception):
    """An exception of a vault's client."""


class Vault:
    """A source of the user's, which raises an exception of its own while it is sealed."""

    def __init__(self) -> None:
        self.sealed = False
        self._discarded = 0

    def token(self) -> Token:
        if self.sealed:
            raise VaultSealedError
        return Token(f"token-{self._discarded}")

    def discard(self, token: Token | str) -> None:
        self._discarded += 1


@pytest.mark.parametrize("api_requests", [0, 1])
def test_an_exception_that_is_not_ours_reaches_the_caller_as_it_is_and_the_next_request_works(
    open_client: OpenClient, api: Origin, api_requests: int
) -> None:
    """For the first token, and for the one after a 401."""
    vault, rejecting = Vault(), api.handler
    vault.sealed = api_requests == 0

    def seal(request: Request) -> Any:
        vault.sealed = True
        return rejecting(request)

    api.plan.append(seal)
    client = open_client(vault, allowed_hosts=[api.allowed_host])
    with pytest.raises(VaultSealedError) as raised:
        client.get(api.at())
    assert type(raised.value) is VaultSealedError
    assert len(api.requests) == api_requests
    vault.sealed = False
    api.plan.clear()
    assert client.get(api.at()).status == 200
