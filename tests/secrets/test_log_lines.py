"""What the logger ``bitquery_auth`` says: the event first, and the source after it."""

import logging
from collections.abc import Callable

import pytest

from bitquery_auth import ClientCredentials, ShortTermToken, StaticToken
from bitquery_auth.sandbox import Sandbox
from tests.kit.clients import OpenClient
from tests.kit.clock import Clock
from tests.kit.origin import Handler, Origin, answering
from tests.secrets.conftest import join_background_fetches

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


SOURCES: dict[str, Callable[[Sandbox], ClientCredentials | ShortTermToken]] = {
    "client credentials": lambda sandbox: sandbox.credentials(),
    "short-term token": lambda sandbox: ShortTermToken(
        sandbox.credentials(), endpoint=sandbox.graphql_endpoint
    ),
}


@pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES)
def test_every_fetch_and_every_discard_is_a_debug_line_that_names_the_source(
    make: Callable[[Sandbox], ClientCredentials | ShortTermToken], sandbox: Sandbox, log: Log
) -> None:
    source = make(sandbox)
    source.discard(source.token())
    source.renew()
    ours = [line for line in log(logging.DEBUG) if line.endswith(f": {source!r}")]
    for line, event in zip(
        ours, ["fetching", "received", "discarded", "fetching", "received"], strict=True
    ):
        assert event in line.removesuffix(repr(source))


def test_the_debug_line_of_a_fetch_has_lifetime_and_scope(sandbox: Sandbox, log: Log) -> None:
    sandbox.credentials().token()
    (line,) = [each for each in log(logging.DEBUG) if "3599" in each]
    assert "api" in line


def test_a_discard_of_another_token_is_not_logged(sandbox: Sandbox, log: Log) -> None:
    source = sandbox.credentials()
    token = source.token()
    before = len(log(logging.DEBUG))
    for discarded in ("another", token, token):
        source.discard(discarded)
    assert len(log(logging.DEBUG)) == before + 1


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


def test_a_rejected_static_token_is_one_warning(
    open_client: OpenClient, origin: Origin, log: Log
) -> None:
    origin.handler = answering(401)
    client = open_client(StaticToken("token"), allowed_hosts=[origin.allowed_host])
    for _ in range(3):
        assert client.get(origin.at()).status == 401
    (warning,) = log(logging.WARNING)
    assert "rejects the token" in warning
    assert "StaticToken" in warning


GRANTED = {
    "as requested": ("api", "api"),
    "separated by commas, in another case": ("read write", "WRITE,read"),
    "among many": ("api", f"api {' '.join(f'com.example.service{n:02d}' for n in range(40))}"),
    "not in the response": ("api", None),
}
LACKING = {"one of two": ("api write", "api"), "an empty one": ("api", "")}


def granting(scope: str | None) -> Handler:
    member = "" if scope is None else f', "scope": "{scope}"'
    return answering(200, f'{{"access_token": "t", "expires_in": 3600{member}}}')


@pytest.mark.parametrize(("requested", "granted"), GRANTED.values(), ids=GRANTED)
def test_a_scope_that_was_granted_is_kept_whole_and_is_no_warning(
    requested: str, granted: str | None, origin: Origin, log: Log
) -> None:
    """Scopes are compared as sets; a response without one means as requested (RFC 6749 §5.1)."""
    origin.handler = granting(granted)
    source = ClientCredentials("id", "secret", token_endpoint=origin.at(), scope=requested)
    assert source.token().scope == (requested if granted is None else granted)
    assert log(logging.WARNING) == []


@pytest.mark.parametrize(("requested", "granted"), LACKING.values(), ids=LACKING)
def test_a_scope_that_was_not_granted_is_one_warning_however_often_a_token_is_fetched(
    requested: str, granted: str, origin: Origin, log: Log
) -> None:
    origin.handler = granting(granted)
    source = ClientCredentials("id", "secret", token_endpoint=origin.at(), scope=requested)
    source.token()
    source.renew()
    (warning,) = log(logging.WARNING)
    assert "401 or 403" in warning
    assert warning.endswith(repr(source))
