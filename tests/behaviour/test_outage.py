"""The token endpoint fails: a token that lives is used, and the endpoint is left alone for a while."""

import logging

import pytest

from bitquery_auth import TokenEndpointError, TokenRequestError
from bitquery_auth.sandbox import Sandbox
from tests.behaviour.conftest import QUERY, Open, until
from tests.kit.clients import Client
from tests.kit.clock import Clock

AHEAD, LEEWAY, END = 3240, 3540, 3599


def used(open_client: Open, sandbox: Sandbox, **settings: object) -> Client:
    client = open_client(sandbox.credentials(**settings))
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    return client


def logged(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == level]


# -- with a token that lives ------------------------------------------------------------------------


@pytest.mark.parametrize("outage", [500, 503, 429, "drop"])
def test_an_outage_inside_the_leeway_is_not_noticed_by_requests(
    open_client: Open, sandbox: Sandbox, clock: Clock, outage: int | str
) -> None:
    """Hazard F2: the token is used to its very end."""
    client = used(open_client, sandbox)
    sandbox.outage = outage  # type: ignore[assignment]
    clock.advance(LEEWAY)
    for seconds in (0, 1, 10, 20, 20, 7.9):
        clock.advance(seconds)
        assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    assert sandbox.token_requests > 2
    assert sandbox.api_refusals == 0


def test_an_outage_while_renewing_ahead_is_not_noticed_by_requests(
    open_client: Open, sandbox: Sandbox, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Hazard F2."""
    caplog.set_level(logging.DEBUG, logger="bitquery_auth")
    client = used(open_client, sandbox)
    sandbox.outage = 503
    clock.advance(AHEAD)

    def failures() -> int:
        return sum("answered 503" in message for message in caplog.messages)

    for attempts in (1, 2, 3):
        assert client.post(sandbox.graphql_endpoint, json=QUERY).history == ()
        until(lambda wanted=attempts: failures() == wanted)  # type: ignore[misc]
        clock.advance(60)  # no backoff is longer
    assert sandbox.api_refusals == 0


def test_a_failing_renewal_is_warned_of_once_and_its_recovery_told(
    open_client: Open, sandbox: Sandbox, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Hazard S5, too: neither line holds a token or the secret."""
    caplog.set_level(logging.INFO, logger="bitquery_auth")
    client = used(open_client, sandbox, renew_ahead=0)
    sandbox.outage = 503
    clock.advance(LEEWAY)
    for _ in range(5):
        client.post(sandbox.graphql_endpoint, json=QUERY)
        clock.advance(10)
    (warning,) = logged(caplog, logging.WARNING)
    assert "renewal failed, the token is used until its end" in warning
    assert "503" in warning
    assert logged(caplog, logging.INFO) == []
    sandbox.outage = None
    clock.advance(60)
    client.post(sandbox.graphql_endpoint, json=QUERY)
    (recovered,) = logged(caplog, logging.INFO)
    assert recovered.endswith("renewal works again")
    assert sandbox.client_secret not in warning + recovered


def test_after_the_tokens_end_the_error_is_raised_and_afterwards_all_is_well(
    open_client: Open, sandbox: Sandbox, clock: Clock, kind: type[Client]
) -> None:
    client = used(open_client, sandbox)
    sandbox.outage = 503
    clock.advance(END)
    with pytest.raises(kind.base_error, match="503"):
        client.post(sandbox.graphql_endpoint, json=QUERY)
    sandbox.outage = None
    clock.advance(1)
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    assert sandbox.api_refusals == 0


# -- without one ------------------------------------------------------------------------------------


def test_calls_during_the_backoff_fail_at_once_and_ask_nobody(
    open_client: Open, sandbox: Sandbox, kind: type[Client]
) -> None:
    """Hazard F3: a hundred calls, one token request; the later ones say until when."""
    sandbox.outage = 503
    client = open_client(sandbox.credentials())
    messages = []
    for _ in range(100):
        with pytest.raises(kind.base_error) as raised:
            client.post(sandbox.graphql_endpoint, json=QUERY)
        assert isinstance(raised.value, TokenEndpointError)
        assert raised.value.status_code == 503
        messages.append(str(raised.value))
    assert sandbox.token_requests == 1
    assert "It is not asked again before 2027-01-15 08:00:0" in messages[1]
    assert "It is not asked again" not in messages[0]
    assert sandbox.api_requests == 0


def test_the_backoff_doubles_up_to_a_minute(open_client: Open, sandbox: Sandbox, clock: Clock) -> None:
    """Hazard F3: with up to a fifth less, by chance, so that a fleet does not come back in one second."""
    sandbox.outage = 503
    client = open_client(sandbox.credentials())

    def ask() -> int:
        with pytest.raises(TokenEndpointError):
            client.post(sandbox.graphql_endpoint, json=QUERY)
        return sandbox.token_requests

    asked = ask()
    for pause in (1, 2, 4, 8, 16, 32, 60, 60):
        clock.advance(pause * 0.79)
        assert ask() == asked
        clock.advance(pause * 0.21)
        asked += 1
        assert ask() == asked


@pytest.mark.parametrize("outage", [429, 503])
def test_retry_after_is_obeyed(
    open_client: Open, sandbox: Sandbox, clock: Clock, kind: type[Client], outage: int
) -> None:
    """Hazard F3."""
    sandbox.outage, sandbox.retry_after = outage, 120
    client = open_client(sandbox.credentials())
    for seconds, asked in ((0, 1), (119, 1), (1, 2)):
        clock.advance(seconds)
        with pytest.raises(kind.base_error, match=str(outage)):
            client.post(sandbox.graphql_endpoint, json=QUERY)
        assert sandbox.token_requests == asked
    sandbox.outage = None


def test_retry_after_is_not_obeyed_for_ever(open_client: Open, sandbox: Sandbox, clock: Clock) -> None:
    """Hazard F3."""
    sandbox.outage, sandbox.retry_after = 503, 10 * 86400
    client = open_client(sandbox.credentials())
    with pytest.raises(TokenEndpointError):
        client.post(sandbox.graphql_endpoint, json=QUERY)
    sandbox.outage = None
    clock.advance(3600)
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200


def test_an_endpoint_that_hangs_up_is_asked_once_more_and_no_more(
    open_client: Open, sandbox: Sandbox, kind: type[Client]
) -> None:
    """Hazard F3: a connection may have been closed just then; a service that is down is not."""
    sandbox.outage = "drop"
    client = open_client(sandbox.credentials())
    for _ in range(3):
        with pytest.raises(kind.base_error, match="No answer from") as raised:
            client.post(sandbox.graphql_endpoint, json=QUERY)
        assert isinstance(raised.value, TokenRequestError)
        assert raised.value.retryable
    assert sandbox.token_requests == 2


def test_a_service_that_is_down_and_up_again_is_found_again(
    open_client: Open, sandbox: Sandbox, clock: Clock, kind: type[Client]
) -> None:
    client = open_client(sandbox.credentials())
    endpoint = sandbox.graphql_endpoint
    sandbox.stop()
    with pytest.raises(kind.base_error, match="No answer"):
        client.post(endpoint, json=QUERY)
    sandbox.start()
    clock.advance(1)
    assert client.post(endpoint, json=QUERY).status == 200
