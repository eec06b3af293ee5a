"""A second try that was refused, too: its answer is handed over, whatever becomes of the fetch for the next call."""

from collections.abc import Callable
from typing import Any

import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request, Response
from tests.behaviour.conftest import SYNC, Open, only
from tests.kit.origin import Handler, Origin

OUTAGES = [503, 400, "drop"]


@pytest.fixture
def source(sandbox: Sandbox) -> ClientCredentials:
    return sandbox.credentials()


@pytest.fixture
def replaced_meanwhile(source: ClientCredentials, sandbox: Sandbox, origin: Origin) -> Callable[[Any], Handler]:
    """Makes an API that refuses everybody; by its first answer somebody has renewed the token, and could not again."""

    def made(outage: Any) -> Handler:
        def refuse(_: Request) -> Response:
            if len(origin.requests) == 1:
                source.renew()
                sandbox.outage = outage
            return Response.text(401, f"refused {len(origin.requests)}")

        return refuse

    return made


@pytest.mark.parametrize("outage", OUTAGES)
def test_the_refusal_is_handed_over_and_no_error_of_the_token_endpoint(
    open_client: Open,
    source: ClientCredentials,
    sandbox: Sandbox,
    origin: Origin,
    replaced_meanwhile: Callable[[Any], Handler],
    outage: Any,
) -> None:
    """Hazard R1: an answer came, and is open to be read."""
    origin.handler = replaced_meanwhile(outage)
    client = open_client(source, allowed_hosts=[origin.allowed_host])
    outcome = client.post(origin.at(), content=b"query")
    assert (outcome.status, outcome.text, outcome.history) == (401, "refused 2", (401,))
    assert [request.body for request in origin.requests] == [b"query"] * 2
    assert len(set(origin.tokens)) == 2
    assert sandbox.token_requests > 2  # another one was asked for, in vain


@only(SYNC)
def test_a_streamed_one_is_left_to_be_read(
    open_client: Open,
    source: ClientCredentials,
    origin: Origin,
    replaced_meanwhile: Callable[[Any], Handler],
) -> None:
    """What is handed over has not been closed."""
    origin.handler = replaced_meanwhile(503)
    client: Any = open_client(source, allowed_hosts=[origin.allowed_host])
    if hasattr(client, "_session"):
        with client._session.post(origin.at(), data=b"query", stream=True, timeout=20) as response:
            assert b"".join(response.iter_content(3)) == b"refused 2"
        return
    with client._client.stream("POST", origin.at(), content=b"query") as response:
        assert b"".join(response.iter_bytes()) == b"refused 2"


def test_once_the_token_endpoint_is_back_the_next_call_works(
    open_client: Open,
    source: ClientCredentials,
    sandbox: Sandbox,
    origin: Origin,
    replaced_meanwhile: Callable[[Any], Handler],
    clock: Any,
) -> None:
    """Hazard C6: neither of the refused tokens is used again."""
    origin.handler = replaced_meanwhile(503)
    client = open_client(source, allowed_hosts=[origin.allowed_host])
    client.post(origin.at(), content=b"query")
    sandbox.outage = None
    clock.advance(61)
    refused = set(origin.tokens)
    origin.handler = lambda _: Response.text(401 if origin.tokens[-1] in refused else 200, "")
    outcome = client.post(origin.at(), content=b"query")
    assert (outcome.status, outcome.history) == (200, ())
