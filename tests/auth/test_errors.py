"""Errors raised inside a request are ours and the client's own, and say what to do."""

import pickle
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from bitquery_auth import (
    BitqueryAuthError,
    ClientCredentials,
    ConfigurationError,
    InvalidTokenResponseError,
    TokenEndpointError,
    TokenRequestError,
)
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clients import CLIENTS, Client, OpenClient, client_params
from tests.kit.origin import Origin, answering

Arrange = Callable[[Sandbox, Origin], ClientCredentials]


@dataclass(frozen=True)
class Failure:
    """A way for a token request to fail.

    Args:
        arrange: Makes a source that fails so.
        error: What is raised.
        says: What the message holds.
        retryable: Whether the same call may succeed later.
    """

    arrange: Arrange
    error: type[BitqueryAuthError]
    says: tuple[str, ...]
    retryable: bool = False


def outage(kind: Any) -> Arrange:
    def arrange(sandbox: Sandbox, _: Origin) -> ClientCredentials:
        sandbox.outage = kind
        return sandbox.credentials()

    return arrange


def response(status: int, body: str, **headers: str) -> Arrange:
    def arrange(sandbox: Sandbox, origin: Origin) -> ClientCredentials:
        origin.handler = answering(status, body, **headers)
        return sandbox.credentials(token_endpoint=origin.at("/oauth2/token"))

    return arrange


def settings(**settings: Any) -> Arrange:
    return lambda sandbox, _: sandbox.credentials(**settings)


def wrong_secret(sandbox: Sandbox, _: Origin) -> ClientCredentials:
    return ClientCredentials(
        sandbox.client_id, "wrong", token_endpoint=sandbox.token_endpoint, scope="api"
    )


FAILURES = {
    "wrong secret": Failure(
        wrong_secret,
        TokenEndpointError,
        ("401 invalid_client", "client_id and client_secret", "type Automatic"),
    ),
    "wrong method": Failure(
        settings(token_endpoint_auth_method="client_secret_basic"),
        TokenEndpointError,
        ("invalid_client", "token_endpoint_auth_method='client_secret_post'"),
    ),
    "wrong scope": Failure(
        settings(scope="api admin"), TokenEndpointError, ("400 invalid_scope", "scope='api'")
    ),
    "server error": Failure(
        outage(502), TokenEndpointError, ("502", "try again later"), retryable=True
    ),
    "too many requests": Failure(
        outage(429), TokenEndpointError, ("429", "try again later"), retryable=True
    ),
    "no response": Failure(
        outage("drop"), TokenRequestError, ("No response from 127.0.0.1",), retryable=True
    ),
    "redirect": Failure(
        response(307, "", Location="https://user:pw@login.example.com/token?x=1"),
        TokenEndpointError,
        ("307", "final URL"),
    ),
    "wrong path": Failure(
        response(404, "<html>"), TokenEndpointError, ("404", "check token_endpoint")
    ),
    "a page": Failure(
        response(200, "<html>"),
        InvalidTokenResponseError,
        ("200", "not a JSON object", "check token_endpoint"),
    ),
    "no token": Failure(response(200, "{}"), InvalidTokenResponseError, ("no access_token",)),
    "an error with status 200": Failure(
        response(200, '{"error": "server_error"}'), TokenEndpointError, ("200 server_error",)
    ),
    "an empty secret": Failure(
        lambda sandbox, _: ClientCredentials("id", str, token_endpoint=sandbox.token_endpoint),
        ConfigurationError,
        ("client_secret",),
    ),
}

EACH_CASE = [
    ("requests", *FAILURES),  # what differs on the other clients is the class alone
    *((name, next(iter(FAILURES))) for name in CLIENTS if name != "requests"),
]


@pytest.fixture(
    params=[
        pytest.param((client, failure), id=f"{client}-{failure}", marks=param.marks)
        for param, (client, *failures) in zip(client_params(), EACH_CASE, strict=True)
        for failure in failures
    ]
)
def case(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A client, and a failure."""
    return request.param


@pytest.fixture
def kind(case: tuple[str, str]) -> type[Client]:
    """The client of the case."""
    return CLIENTS[case[0]]


@pytest.fixture
def failure(case: tuple[str, str]) -> Failure:
    """The failure of the case."""
    return FAILURES[case[1]]


@pytest.fixture
def raised(
    open_client: OpenClient, sandbox: Sandbox, origin: Origin, kind: type[Client], failure: Failure
) -> BitqueryAuthError:
    """The error of a request; a handler for the client's errors catches it."""
    client = open_client(failure.arrange(sandbox, origin))
    with pytest.raises(kind.base_error) as caught:
        client.post(sandbox.graphql_endpoint, json=QUERY)
    assert isinstance(caught.value, BitqueryAuthError)
    return caught.value


def test_an_error_has_our_class_and_says_what_to_do(
    raised: BitqueryAuthError, failure: Failure
) -> None:
    assert isinstance(raised, failure.error)
    assert type(raised).__name__ == failure.error.__name__
    for words in failure.says:
        assert words in str(raised)
    assert raised.retryable is failure.retryable


def test_an_error_has_the_request_that_was_to_be_sent(raised: Any, sandbox: Sandbox) -> None:
    assert raised.request.method == "POST"
    assert str(raised.request.url) == sandbox.graphql_endpoint
    assert sandbox.api_requests == 0


def test_a_pickle_of_an_error_is_the_same_error_without_the_request(
    raised: BitqueryAuthError, kind: type[Client], sandbox: Sandbox
) -> None:
    pickled = pickle.dumps(raised)
    assert sandbox.client_secret.encode() not in pickled
    assert b"/graphql" not in pickled
    again = pickle.loads(pickled)
    assert type(again) is type(raised)
    assert isinstance(again, kind.base_error)
    assert str(again) == str(raised)
    for name in ("retryable", "retry_after", "error", "error_description", "status_code"):
        assert getattr(again, name, None) == getattr(raised, name, None)


def test_nothing_that_is_printed_of_an_error_holds_the_secret(
    raised: BitqueryAuthError, sandbox: Sandbox
) -> None:
    shown = "".join(traceback.format_exception(raised)) + repr(raised) + repr(raised.__dict__)
    assert sandbox.client_secret not in shown
    assert "pw@" not in shown
