"""Errors raised inside a request: ours and the client's own at once, with a message that says what to do."""

import pickle
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from bitquery_auth import (
    BitqueryAuthError,
    ClientCredentials,
    ConfigurationError,
    InvalidTokenResponseError,
    RequestsAuth,
    Token,
    TokenEndpointError,
    TokenRequestError,
)
from bitquery_auth.sandbox import Sandbox
from tests.behaviour.conftest import QUERY, Open
from tests.kit.clients import Client
from tests.kit.origin import Origin, answering


@dataclass(frozen=True)
class Failure:
    """A way for a token request to fail.

    Args:
        arrange: Makes the source that fails so.
        error: What is raised.
        says: What its message holds.
        retryable: Whether the same call may succeed later.
    """

    arrange: Callable[[Sandbox, Origin], ClientCredentials]
    error: type[BitqueryAuthError]
    says: tuple[str, ...]
    retryable: bool = False


def outage(what: Any) -> Callable[[Sandbox, Origin], ClientCredentials]:
    def arrange(sandbox: Sandbox, _: Origin) -> ClientCredentials:
        sandbox.outage = what
        return sandbox.credentials()

    return arrange


def answer(status: int, body: str, **headers: str) -> Callable[[Sandbox, Origin], ClientCredentials]:
    def arrange(sandbox: Sandbox, origin: Origin) -> ClientCredentials:
        origin.handler = answering(status, body, **headers)
        return sandbox.credentials(token_endpoint=origin.at("/oauth2/token"))

    return arrange


def settings(**settings: Any) -> Callable[[Sandbox, Origin], ClientCredentials]:
    return lambda sandbox, _: sandbox.credentials(**settings)


def no_secret() -> str:
    raise LookupError


FAILURES = {
    "wrong secret": Failure(
        lambda sandbox, _: ClientCredentials(
            sandbox.client_id, "wrong", token_endpoint=sandbox.token_endpoint, scope="api"
        ),
        TokenEndpointError,
        ("401 invalid_client", "client_id and client_secret", "type Automatic"),
    ),
    "wrong method": Failure(
        settings(token_endpoint_auth_method="client_secret_basic"),
        TokenEndpointError,
        ("invalid_client", "token_endpoint_auth_method='client_secret_post'"),
    ),
    "wrong scope": Failure(settings(scope="api admin"), TokenEndpointError, ("400 invalid_scope", "scope='api'")),
    "server error": Failure(outage(502), TokenEndpointError, ("502", "try again later"), retryable=True),
    "too many": Failure(outage(429), TokenEndpointError, ("429", "try again later"), retryable=True),
    "no answer": Failure(outage("drop"), TokenRequestError, ("No answer from 127.0.0.1",), retryable=True),
    "redirect": Failure(
        answer(307, "", Location="https://user:pw@login.example.com/token?x=1"),
        TokenEndpointError,
        ("307", "login.example.com", "final URL"),
    ),
    "no such page": Failure(answer(404, "<html>"), TokenEndpointError, ("404", "check token_endpoint")),
    "a page": Failure(
        answer(200, "<html>"), InvalidTokenResponseError, ("200", "not a JSON object", "check token_endpoint")
    ),
    "no token": Failure(answer(200, "{}"), InvalidTokenResponseError, ("no access_token",)),
    "an error in spite of 200": Failure(
        answer(200, '{"error": "server_error"}'), TokenEndpointError, ("200 server_error",)
    ),
    "no secret to be had": Failure(
        lambda sandbox, _: ClientCredentials("id", no_secret, token_endpoint=sandbox.token_endpoint),
        ConfigurationError,
        ("client_secret", "LookupError"),
    ),
}


@pytest.fixture(params=FAILURES)
def failure(request: pytest.FixtureRequest) -> Failure:
    """One of the ways to fail."""
    return FAILURES[request.param]


@pytest.fixture
def raised(
    open_client: Open, sandbox: Sandbox, origin: Origin, kind: type[Client], failure: Failure
) -> BitqueryAuthError:
    """What a request raises that fails so; whoever handles the client's errors catches it."""
    client = open_client(failure.arrange(sandbox, origin))
    with pytest.raises(kind.base_error) as caught:
        client.post(sandbox.graphql_endpoint, json=QUERY)
    assert isinstance(caught.value, BitqueryAuthError)
    return caught.value


def test_it_is_of_our_class_too_and_says_what_to_do(raised: BitqueryAuthError, failure: Failure) -> None:
    """Hazards F6, G7, K4."""
    assert isinstance(raised, failure.error)
    assert type(raised).__name__ == failure.error.__name__
    for words in failure.says:
        assert words in str(raised)
    assert raised.retryable is failure.retryable


def test_it_has_the_request_that_was_to_be_sent(raised: Any, sandbox: Sandbox) -> None:
    """Hazard F6: as the client's own errors have it."""
    assert raised.request.method == "POST"
    assert str(raised.request.url) == sandbox.graphql_endpoint
    assert sandbox.api_requests == 0


def test_a_pickle_of_it_is_the_same_error_without_the_request(
    raised: BitqueryAuthError, kind: type[Client], sandbox: Sandbox
) -> None:
    """Hazards S5, P1: errors travel between processes; secrets do not."""
    pickled = pickle.dumps(raised)
    assert sandbox.client_secret.encode() not in pickled
    again = pickle.loads(pickled)
    assert type(again) is type(raised)
    assert isinstance(again, kind.base_error)
    assert str(again) == str(raised)
    assert again.retryable == raised.retryable
    for name in ("error", "error_description", "status_code"):
        assert getattr(again, name, None) == getattr(raised, name, None)


def test_a_pickle_of_an_error_after_a_refusal_does_not_hold_the_token_that_was_refused(
    open_client: Open, sandbox: Sandbox, kind: type[Client]
) -> None:
    """Hazards S5, P1: its request was sent with that token, and stays behind."""
    source = sandbox.credentials()
    client = open_client(source)
    client.post(sandbox.graphql_endpoint, json=QUERY)
    refused = source.token().access_token
    sandbox.revoke_all()
    sandbox.outage = 503
    with pytest.raises(kind.base_error) as raised:
        client.post(sandbox.graphql_endpoint, json=QUERY)
    pickled = pickle.dumps(raised.value)
    assert refused.encode() not in pickled
    assert b"/graphql" not in pickled


def test_nothing_that_is_printed_of_it_holds_the_secret(raised: BitqueryAuthError, sandbox: Sandbox) -> None:
    """Hazard S5."""
    shown = "".join(traceback.format_exception(raised)) + repr(raised) + repr(raised.__dict__)
    assert sandbox.client_secret not in shown
    assert "pw@" not in shown


def test_the_cause_is_chained_where_there_was_no_answer(
    open_client: Open, sandbox: Sandbox, kind: type[Client]
) -> None:
    """Hazard F1."""
    sandbox.outage = "drop"
    with pytest.raises(kind.base_error) as raised:
        open_client(sandbox.credentials()).post(sandbox.graphql_endpoint, json=QUERY)
    assert raised.value.__cause__ is not None


def test_the_cause_of_a_callables_failure_is_its_own_error(
    open_client: Open, sandbox: Sandbox, kind: type[Client]
) -> None:
    """Hazard K8."""
    client = open_client(ClientCredentials("id", no_secret, token_endpoint=sandbox.token_endpoint))
    with pytest.raises(kind.base_error) as raised:
        client.post(sandbox.graphql_endpoint, json=QUERY)
    assert isinstance(raised.value.__cause__, LookupError)


def test_an_error_of_the_callers_own_source_is_the_callers(open_client: Open, sandbox: Sandbox) -> None:
    """Hazard F6: what is none of ours is not dressed up as such."""

    class Broken:
        def token(self) -> Any:
            raise ZeroDivisionError

        def discard(self, token: object) -> None:
            raise AssertionError

    with pytest.raises(ZeroDivisionError):
        open_client(Broken()).post(sandbox.graphql_endpoint, json=QUERY)


def test_it_leaves_the_connection_to_others_where_it_comes_after_a_refusal(sandbox: Sandbox) -> None:
    """Hazard A6: although somebody keeps the error, and with it the response."""
    sandbox.accept_nothing = True
    tokens = [Token("first")]

    class Broken:
        def token(self) -> Token:
            return tokens.pop()

        def discard(self, token: object) -> None:
            raise AssertionError

    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=1, pool_block=True))
        auth = RequestsAuth(Broken(), allowed_hosts=sandbox.allowed_hosts)
        with pytest.raises(IndexError) as kept:
            session.get(sandbox.graphql_endpoint, auth=auth, stream=True, timeout=20)
        answers: list[int] = []
        other = threading.Thread(
            target=lambda: answers.append(session.get(sandbox.graphql_endpoint, timeout=20).status_code), daemon=True
        )
        other.start()
        other.join(20)
    assert (answers, type(kept.value)) == ([401], IndexError)


def test_two_requests_that_fail_alike_raise_two_errors(open_client: Open, sandbox: Sandbox, kind: type[Client]) -> None:
    """Hazard F3: a shared failure is copied, so that neither traceback grows by the other's."""
    sandbox.outage = 503
    client = open_client(sandbox.credentials())
    errors = []
    for _ in range(2):
        with pytest.raises(kind.base_error) as raised:
            client.post(sandbox.graphql_endpoint, json=QUERY)
        errors.append(raised.value)
    assert errors[0] is not errors[1]
    assert len(traceback.extract_tb(errors[1].__traceback__)) <= len(traceback.extract_tb(errors[0].__traceback__)) + 2
