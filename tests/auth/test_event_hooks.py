"""Event hooks of httpx run before the auth sees a response (hazards A1 and R7)."""

from collections.abc import Callable
from typing import Any

import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clients import HTTPX, AsyncHttpxClient, Client, OpenClient, only

pytestmark = only(HTTPX)


@pytest.fixture
def open_with_hook(
    open_client: OpenClient, kind: type[Client], source: ClientCredentials
) -> Callable[[Callable[[Any], None]], Client]:
    """Open a client with this event hook for responses."""

    def opened(hook: Callable[[Any], None]) -> Client:
        async def async_hook(response: Any) -> None:
            hook(response)

        made = async_hook if issubclass(kind, AsyncHttpxClient) else hook
        return open_client(source, client_options={"event_hooks": {"response": [made]}})

    return opened


def test_a_hook_that_raises_for_a_401_prevents_recovery_and_leaves_nothing_locked(
    open_with_hook: Any, source: ClientCredentials, sandbox: Sandbox, kind: type[Client]
) -> None:
    """httpx closes the auth flow without showing it the response."""
    client = open_with_hook(lambda response: response.raise_for_status())
    client.post(sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    for _ in range(2):
        with pytest.raises(kind.base_error, match="401"):
            client.post(sandbox.graphql_endpoint, json=QUERY)
    assert (sandbox.api_requests, sandbox.token_requests) == (3, 1)
    source.renew()
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200


def test_a_hook_sees_the_401_and_the_response_after_recovery(
    open_with_hook: Any, sandbox: Sandbox
) -> None:
    seen: list[int] = []
    client = open_with_hook(lambda response: seen.append(response.status_code))
    client.post(sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    assert client.post(sandbox.graphql_endpoint, json=QUERY).history == (401,)
    assert seen == [200, 401, 200]
