"""What the logger ``bitquery_auth`` says: the event first, and the source after it."""

import logging
from collections.abc import Callable

import pytest

from bitquery_auth import ClientCredentials, ShortTermToken, StaticToken
from bitquery_auth.sandbox import Sandbox
from tests.kit.clients import OpenClient
from tests.kit.clock import Clock
from tests.kit.origin import Origin, answering
from tests.kit.waiting import join_background_fetches

Log = Callable[[int], list[str]]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Log:
    """The messages of our logger at a level."""
    caplog.set_level(logging.DEBUG, "bitquery_auth")

    def messages(level: int) -> list[str]:
        return [
            record.getMessage()
            for record in caplog.records
            if record.levelno == level and record.name == "bitquery_auth"
        ]

    return messages


@pytest.mark.parametrize("short_term", [False, True])
def test_every_fetch_and_every_discard_is_a_debug_line_that_names_the_source(
    short_term: bool,  # noqa: FBT001 - a parameter of pytest's
    sandbox: Sandbox,
    log: Log,
) -> None:
    """A token that is not the one in use is not discarded, so nothing is said of it."""
    source: ClientCredentials | ShortTermToken = sandbox.credentials()
    if short_term:
        source = ShortTermToken(source, endpoint=sandbox.graphql_endpoint)
    token = source.token()
    for discarded in ("another", token, token):
        source.discard(discarded)
    source.renew()
    ours = [line for line in log(logging.DEBUG) if line.endswith(f": {source!r}")]
    events = ["fetching", "received", "discarded", "fetching", "received"]
    for line, event in zip(ours, events, strict=True):
        assert event in line.removesuffix(repr(source))
    assert all("api" in line and "3599" in line for line in ours if "received" in line)


def test_a_revocation_is_one_info_line_however_many_requests_meet_it(
    open_client: OpenClient, sandbox: Sandbox, log: Log
) -> None:
    source = sandbox.credentials()
    clients = [open_client(source) for _ in range(3)]
    for client in clients:
        client.get(sandbox.graphql_endpoint)
    sandbox.revoke_all()
    for client in clients:
        client.get(sandbox.graphql_endpoint)
    (line,) = [each for each in log(logging.INFO) if "rejects" in each]
    assert sandbox.url in line
    assert line.endswith(repr(source))


def test_an_api_that_rejects_new_tokens_as_well_is_three_info_lines(
    open_client: OpenClient, sandbox: Sandbox, log: Log
) -> None:
    """At INFO, so that a log tells a token problem from one of the API."""
    source = sandbox.credentials()
    client = open_client(source)
    sandbox.accept_nothing = True
    for _ in range(3):
        assert client.get(sandbox.graphql_endpoint).status == 401
    sandbox.accept_nothing = False
    for _ in range(3):
        assert client.get(sandbox.graphql_endpoint).status == 200
    events = [
        "rejects the token",
        "rejects a new token, too: its rejections are returned as they are for 1 s",
        "accepts tokens again",
    ]
    assert log(logging.INFO) == [f"{sandbox.url} {event}: {source!r}" for event in events]


def test_a_refresh_that_fails_is_one_warning_and_its_recovery_one_info_line(
    open_client: OpenClient, sandbox: Sandbox, clock: Clock, log: Log
) -> None:
    """The warning says until when the token is valid; requests go on with it."""
    source = sandbox.credentials()
    client = open_client(source)
    client.get(sandbox.graphql_endpoint)
    sandbox.outage = 500
    clock.advance(sandbox.lifetime - 200)
    for _ in range(2):
        assert client.get(sandbox.graphql_endpoint).status == 200
        join_background_fetches()
        clock.advance(60)
    assert sandbox.token_requests == 3
    (warning,) = log(logging.WARNING)
    assert "UTC" in warning
    assert repr(source) in warning
    sandbox.outage = None
    client.get(sandbox.graphql_endpoint)
    join_background_fetches()
    (line,) = log(logging.INFO)
    assert line.endswith(repr(source))


def test_a_rejected_static_token_is_one_warning_and_no_second_try(
    open_client: OpenClient, origin: Origin, log: Log
) -> None:
    origin.handler = answering(401)
    client = open_client(StaticToken("token"), allowed_hosts=[origin.allowed_host])
    for _ in range(3):
        outcome = client.get(origin.at())
        assert (outcome.status, outcome.history) == (401, ())
    assert len(origin.requests) == 3
    (warning,) = log(logging.WARNING)
    assert "rejects the token" in warning
    assert "StaticToken" in warning


@pytest.mark.parametrize(("requested", "granted"), [("api write", "api"), ("api", "")])
def test_a_scope_that_was_not_granted_is_one_warning_however_often_a_token_is_fetched(
    requested: str, granted: str, origin: Origin, log: Log
) -> None:
    origin.handler = answering(200, f'{{"access_token": "t", "scope": "{granted}"}}')
    source = ClientCredentials("id", "secret", token_endpoint=origin.at(), scope=requested)
    source.token()
    source.renew()
    (warning,) = log(logging.WARNING)
    assert "401 or 403" in warning
    assert warning.endswith(repr(source))
