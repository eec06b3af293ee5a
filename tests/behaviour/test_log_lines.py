"""What is logged of a token's life: each line names the source's host, and each discard its reason."""

import logging
from collections.abc import Callable

import pytest

from bitquery_auth import ClientCredentials, ShortTermToken, StaticToken
from bitquery_auth.sandbox import Sandbox

SOURCES: dict[str, Callable[[Sandbox], ClientCredentials | ShortTermToken]] = {
    "client credentials": lambda sandbox: sandbox.credentials(),
    "short-term token": lambda sandbox: ShortTermToken(sandbox.credentials(), endpoint=sandbox.graphql_endpoint),
    "short-term token of a copied one": lambda sandbox: ShortTermToken(
        StaticToken(sandbox.credentials().token().access_token), endpoint=sandbox.graphql_endpoint
    ),
}


@pytest.fixture(params=SOURCES)
def source(
    request: pytest.FixtureRequest, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> ClientCredentials | ShortTermToken:
    made = SOURCES[request.param](sandbox)
    caplog.clear()
    caplog.set_level(logging.DEBUG, "bitquery_auth")
    return made


def test_every_line_names_the_host(
    source: ClientCredentials | ShortTermToken, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    source.discard(source.token())
    source.renew()
    lines = [line for line in caplog.messages if line.startswith(type(source).__name__)]
    assert len(lines) == 5
    assert all(f"{sandbox.host}:{sandbox.port}" in line for line in lines)


def test_a_discard_has_a_reason(source: ClientCredentials | ShortTermToken, caplog: pytest.LogCaptureFixture) -> None:
    token = source.token()
    caplog.clear()
    source.discard(token)
    source.discard(token)
    source.discard("another")
    assert [line.rpartition(": ")[2] for line in caplog.messages] == ["token discarded, as it was refused or revoked"]
    assert caplog.records[0].levelno == logging.DEBUG
