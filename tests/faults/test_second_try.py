"""A connection that is closed without an answer is tried once more, at once; nothing else is."""

import time

import pytest

from bitquery_auth import ClientCredentials, TokenRequestError
from bitquery_auth.sandbox import Sandbox
from tests.faults.checks import MARGIN
from tests.faults.conftest import TIMEOUT, impatient
from tests.faults.faults import answering, closed, reset, silent
from tests.faults.proxy import Connection, FaultProxy


@pytest.mark.parametrize("fault", [reset, closed])
def test_a_connection_closed_without_an_answer_is_tried_once_more_at_once(
    fault: object, source: ClientCredentials, token_proxy: FaultProxy
) -> None:
    token_proxy.plan.append(fault)  # type: ignore[arg-type]  # the two have the type in common
    source.token()
    assert len(token_proxy.requests) == 2
    assert token_proxy.requests[0].body == token_proxy.requests[1].body


@pytest.mark.parametrize("fault", [reset, closed])
def test_a_server_that_hangs_up_on_whoever_connects_gets_two_connections(
    fault: object, source: ClientCredentials, token_proxy: FaultProxy
) -> None:
    token_proxy.greeting = fault  # type: ignore[assignment]
    with pytest.raises(TokenRequestError):
        source.token()
    assert token_proxy.connections == 2


def test_the_second_try_ends_with_the_time_of_the_first(source: ClientCredentials, token_proxy: FaultProxy) -> None:
    def late(connection: Connection) -> None:
        connection.server.stopping.wait(TIMEOUT * 2 / 3)
        connection.close()

    token_proxy.plan.append(late)
    token_proxy.mode = silent
    began = time.monotonic()
    with impatient(source), pytest.raises(TokenRequestError, match="timeout"):
        source.token()
    assert time.monotonic() - began < TIMEOUT + MARGIN
    assert len(token_proxy.requests) == 2


def test_what_the_second_try_answers_is_what_counts(source: ClientCredentials, token_proxy: FaultProxy) -> None:
    token_proxy.plan.extend([closed, answering(503)])
    with pytest.raises(Exception, match="answered 503"):
        source.token()
    assert len(token_proxy.requests) == 2


def test_a_secret_callable_is_asked_once_for_both_tries(sandbox: Sandbox, token_proxy: FaultProxy) -> None:
    asked = []

    def secret() -> str:
        asked.append(1)
        return sandbox.client_secret

    source = sandbox.credentials(token_endpoint=f"{token_proxy.url}/oauth2/token")
    source = type(source)(sandbox.client_id, secret, token_endpoint=source.token_endpoint, scope="api")
    token_proxy.plan.append(closed)
    source.token()
    assert len(asked) == 1


def test_a_revocation_closed_without_an_answer_is_tried_once_more(sandbox: Sandbox, token_proxy: FaultProxy) -> None:
    source = sandbox.credentials(revocation_endpoint=f"{token_proxy.url}/oauth2/revoke")
    source.token()
    token_proxy.plan.append(closed)
    source.revoke()
    assert len(token_proxy.requests) == 2
    assert sandbox.revocation_requests == 1
