"""Errors of a source inside a request: whose they are, and what they leave behind."""

import pickle
import traceback
from typing import Any

import pytest

from bitquery_auth import BitqueryAuthError, ClientCredentials
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clients import Client, OpenClient


def test_an_exception_of_the_users_own_source_reaches_the_caller_as_it_is(
    open_client: OpenClient, sandbox: Sandbox
) -> None:
    class Broken:
        def token(self) -> Any:
            raise ZeroDivisionError

        def discard(self, token: object) -> None:
            raise AssertionError

    with pytest.raises(ZeroDivisionError):
        open_client(Broken()).post(sandbox.graphql_endpoint, json=QUERY)


def test_an_exception_of_the_secret_callable_reaches_the_caller_as_it_is(
    open_client: OpenClient, sandbox: Sandbox
) -> None:
    class VaultSealedError(Exception):
        """An exception of a vault's client."""

    def secret() -> str:
        raise VaultSealedError

    source = ClientCredentials("id", secret, token_endpoint=sandbox.token_endpoint)
    with pytest.raises(VaultSealedError) as raised:
        open_client(source).post(sandbox.graphql_endpoint, json=QUERY)
    assert type(raised.value) is VaultSealedError


def test_a_pickled_error_after_a_401_does_not_hold_the_rejected_token(
    open_client: OpenClient, sandbox: Sandbox, source: ClientCredentials, kind: type[Client]
) -> None:
    """Its request was sent with that token, and is not in the pickle."""
    client = open_client(source)
    client.post(sandbox.graphql_endpoint, json=QUERY)
    rejected = source.token().access_token
    sandbox.revoke_all()
    sandbox.outage = 503
    with pytest.raises(kind.base_error) as raised:
        client.post(sandbox.graphql_endpoint, json=QUERY)
    pickled = pickle.dumps(raised.value)
    assert rejected.encode() not in pickled
    assert b"/graphql" not in pickled


def test_requests_that_fail_alike_raise_errors_of_their_own(
    open_client: OpenClient, sandbox: Sandbox
) -> None:
    """A shared failure is copied, so that its traceback does not grow with each caller."""
    sandbox.outage = 503
    client = open_client(sandbox.credentials())
    errors = []
    for _ in range(3):
        with pytest.raises(BitqueryAuthError) as raised:
            client.post(sandbox.graphql_endpoint, json=QUERY)
        errors.append(raised.value)
    assert len(set(map(id, errors))) == 3
    lengths = [len(traceback.extract_tb(error.__traceback__)) for error in errors]
    assert lengths[1] == lengths[2]
    assert sandbox.token_requests == 1
