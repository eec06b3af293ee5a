"""Event hooks of httpx run before an auth sees the answer: what that means is pinned here, and told in the README."""

from typing import Any

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.behaviour.conftest import ASYNC, HTTPX, QUERY, Open, only
from tests.kit.clients import CLIENTS, Client


@pytest.fixture
def hooks(kind: type[Client]) -> Any:
    """Makes an event hook of the function, as the client wants it."""
    is_async = kind in {CLIENTS[name] for name in ASYNC}

    def made(function: Any) -> dict[str, Any]:
        async def asynchronous(response: Any) -> None:
            function(response)

        return {"event_hooks": {"response": [asynchronous if is_async else function]}}

    return made


@only(HTTPX)
def test_a_hook_that_raises_for_a_401_keeps_it_from_being_answered(
    open_client: Open, sandbox: Sandbox, kind: type[Client], hooks: Any
) -> None:
    """Hazard R7: the flow is closed without ever seeing the answer."""
    options = hooks(lambda response: response.raise_for_status())
    client = open_client(sandbox.credentials(), client_options=options)
    client.post(sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    for _ in range(2):
        with pytest.raises(kind.base_error, match="401"):
            client.post(sandbox.graphql_endpoint, json=QUERY)
    assert (sandbox.api_requests, sandbox.token_requests) == (3, 1)


@only(HTTPX)
def test_a_hook_that_raises_leaves_nothing_locked_behind(
    open_client: Open, sandbox: Sandbox, kind: type[Client], hooks: Any
) -> None:
    """Hazard A1: a flow that is abandoned holds nothing."""
    options = hooks(lambda response: response.raise_for_status())
    source = sandbox.credentials()
    client = open_client(source, client_options=options)
    client.post(sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    with pytest.raises(kind.base_error):
        client.post(sandbox.graphql_endpoint, json=QUERY)
    source.renew()
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200


@only(HTTPX)
def test_a_hook_that_only_looks_sees_the_refusal_and_the_good_answer(
    open_client: Open, sandbox: Sandbox, hooks: Any
) -> None:
    seen: list[int] = []
    client = open_client(
        sandbox.credentials(), client_options=hooks(lambda response: seen.append(response.status_code))
    )
    client.post(sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    assert client.post(sandbox.graphql_endpoint, json=QUERY).history == (401,)
    assert seen == [200, 401, 200]
