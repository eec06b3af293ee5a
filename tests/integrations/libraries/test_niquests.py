"""niquests, whose sessions and async sessions have an auth each."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bitquery_auth import ClientCredentials, TokenEndpointError, TokenRequestError
from bitquery_auth.sandbox import Sandbox
from tests.integrations.libraries.story import check_story, counts
from tests.kit import QUERY
from tests.kit.origin import Origin, answering, redirecting, refusing_the_first_token

niquests = pytest.importorskip("niquests")

from bitquery_auth.integrations.niquests import (  # noqa: E402 - niquests may not be installed
    AsyncNiquestsAuth,
    NiquestsAuth,
)

Send = Callable[..., tuple[int, str]]
"""Sends a request, and returns the status and the text of the response."""


def _session(auth_settings: Any) -> Send:
    auth = NiquestsAuth(**auth_settings)

    def send(url: str, **options: Any) -> tuple[int, str]:
        with niquests.Session() as session:
            session.auth = auth
            response = session.post(url, timeout=20, **options)
            return response.status_code, response.text

    return send


def _async_session(auth_settings: Any) -> Send:
    auth = AsyncNiquestsAuth(**auth_settings)

    def send(url: str, **options: Any) -> tuple[int, str]:
        async def work() -> tuple[int, str]:
            async with niquests.AsyncSession() as session:
                session.auth = auth
                response = await session.post(url, timeout=20, **options)
                return response.status_code, response.text

        return asyncio.run(work())

    return send


@pytest.fixture(params=[_session, _async_session])
def open_session(request: pytest.FixtureRequest, source: ClientCredentials) -> Callable[..., Send]:
    def opened(**settings: Any) -> Send:
        return request.param({"source": source, "allowed_hosts": ["127.0.0.1"]} | settings)

    return opened


@pytest.fixture
def send(open_session: Callable[..., Send]) -> Send:
    return open_session()


def test_one_token_and_another_after_a_revocation(send: Send, sandbox: Sandbox) -> None:
    def call() -> None:
        assert send(sandbox.graphql_endpoint, json=QUERY)[0] == 200

    check_story(call, sandbox)


def test_an_api_that_rejects_every_token_costs_a_bounded_number_of_tokens(
    send: Send, sandbox: Sandbox
) -> None:
    """Hazard R3."""
    sandbox.accept_nothing = True
    assert {send(sandbox.graphql_endpoint, json=QUERY)[0] for _ in range(10)} == {401}
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("body", [{"json": QUERY}, {"data": b"bytes"}, {"data": {"a": "b c"}}])
def test_a_body_in_memory_is_sent_again(send: Send, origin: Origin, body: dict[str, Any]) -> None:
    """Hazard R4."""
    origin.handler = refusing_the_first_token()
    assert send(origin.at(), **body)[0] == 200
    first, second = origin.requests
    assert first.body == second.body != b""


def test_a_generator_is_not_sent_again_and_the_next_request_works(
    send: Send, origin: Origin
) -> None:
    """Hazard R4."""
    origin.handler = refusing_the_first_token()
    assert send(origin.at(), data=iter([b"piece", b"work"]))[0] == 401
    assert send(origin.at(), data=iter([b"piece", b"work"])) == (200, "piecework")


@pytest.mark.parametrize("header", ["Authorization", "X-Token"])
def test_another_origin_sees_no_token_and_its_401_starts_nothing(
    open_session: Callable[..., Send],
    sandbox: Sandbox,
    origin: Origin,
    elsewhere: Origin,
    header: str,
) -> None:
    """Hazards S1 and S8."""
    origin.handler = redirecting(307, elsewhere.at())
    elsewhere.handler = answering(401, "no")
    assert open_session(header_name=header)(origin.at(), data=b"q") == (401, "no")
    requests = (*origin.requests, *elsewhere.requests)
    assert [header in request.headers for request in requests] == [True, False]
    assert sandbox.token_requests == 1


def test_another_host_gets_its_request_without_the_token(
    open_session: Callable[..., Send], sandbox: Sandbox, origin: Origin
) -> None:
    """Hazard S2."""
    send = open_session(allowed_hosts=sandbox.allowed_hosts)
    assert send(origin.at(), data=b"q")[0] == 200
    assert origin.tokens == [None]


def test_errors_of_the_token_endpoint_are_errors_of_niquests(send: Send, sandbox: Sandbox) -> None:
    """Hazard F6: before the first request, and after a 401."""
    sandbox.outage = "drop"
    with pytest.raises(niquests.ConnectionError) as caught:
        send(sandbox.graphql_endpoint, json=QUERY)
    assert isinstance(caught.value, TokenRequestError)


def test_an_error_after_a_401_is_an_error_of_niquests(send: Send, sandbox: Sandbox) -> None:
    """Hazard F6."""
    send(sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    sandbox.outage = 503
    with pytest.raises(niquests.RequestException) as caught:
        send(sandbox.graphql_endpoint, json=QUERY)
    assert isinstance(caught.value, TokenEndpointError)
    assert counts(sandbox) == (2, 2, 1)


def test_tasks_at_once_cost_one_token(source: ClientCredentials, sandbox: Sandbox) -> None:
    """Hazards C1 and C6."""
    sandbox.delay = 0.1

    async def work() -> list[int]:
        async with niquests.AsyncSession() as session:
            session.auth = AsyncNiquestsAuth(source, allowed_hosts=sandbox.allowed_hosts)
            calls = (session.post(sandbox.graphql_endpoint, json=QUERY) for _ in range(10))
            return [response.status_code for response in await asyncio.gather(*calls)]

    assert asyncio.run(work()) == [200] * 10
    assert sandbox.token_requests == 1
