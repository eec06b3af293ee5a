"""The second try is rejected too: its response is returned, whatever becomes of a further fetch."""

from typing import Any

import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox import Sandbox
from tests.kit.clients import SYNC, Client, only
from tests.kit.clock import Clock
from tests.kit.origin import Origin, Request, Response


@pytest.fixture
def outage() -> Any:
    """What becomes of the token endpoint."""
    return 503


@pytest.fixture
def api(source: ClientCredentials, sandbox: Sandbox, origin: Origin, outage: Any) -> Origin:
    """An API that rejects every token.

    During the first request another caller renews the token, and the endpoint goes down.
    """

    def reject(_: Request) -> Response:
        if len(origin.requests) == 1:
            source.renew()
            sandbox.outage = outage
        return Response.text(401, f"rejected {len(origin.requests)}")

    origin.handler = reject
    return origin


@pytest.mark.parametrize("outage", [503, 400, "drop"])
def test_the_second_401_is_returned_and_no_error_of_the_token_endpoint(
    client: Client, api: Origin, sandbox: Sandbox
) -> None:
    outcome = client.post(api.at(), content=b"query")
    assert (outcome.status, outcome.text, outcome.history) == (401, "rejected 2", (401,))
    assert [request.body for request in api.requests] == [b"query"] * 2
    assert len(set(api.tokens)) == 2
    assert sandbox.token_requests > 2  # a further token was requested, in vain


@only(SYNC)
def test_a_streamed_second_401_is_left_to_be_read(client: Any, api: Origin) -> None:
    if hasattr(client, "_session"):
        with client._session.post(api.at(), data=b"query", stream=True, timeout=20) as response:
            assert b"".join(response.iter_content(3)) == b"rejected 2"
        return
    with client._client.stream("POST", api.at(), content=b"query") as response:
        assert b"".join(response.iter_bytes()) == b"rejected 2"


def test_the_next_request_works_once_the_token_endpoint_is_back(
    client: Client, api: Origin, sandbox: Sandbox, clock: Clock
) -> None:
    client.post(api.at(), content=b"query")
    sandbox.outage = None
    clock.advance(61)
    rejected = set(api.tokens)
    api.handler = lambda _: Response.text(401 if api.tokens[-1] in rejected else 200, "")
    outcome = client.post(api.at(), content=b"query")
    assert (outcome.status, outcome.history) == (200, ())
