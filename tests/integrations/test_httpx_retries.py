"""httpx-retries, whose transport is below the auth: it sends the same token again, for a 503 and not for a 401."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bitquery_auth import HTTPXAuth
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request, Response
from tests.integrations.needs import needs
from tests.integrations.snippets import run
from tests.integrations.story import QUERY, Call, Story, counts
from tests.kit.origin import Handler, Origin

needs("httpx_retries", "httpx-retries")


@pytest.fixture
def client(httpx_auth: HTTPXAuth) -> Iterator[Any]:
    with run("httpx_retries", auth=httpx_auth)["client"] as client:
        yield client


class TestHttpxRetries(Story):
    @pytest.fixture
    def call(self, client: Any, sandbox: Sandbox) -> Call:
        def call() -> None:
            response = client.post(sandbox.graphql_endpoint, json={"query": QUERY})
            assert len(response.json()["data"]["EVM"]["DEXTrades"]) == 3

        return call


def test_a_refusal_in_the_middle_of_retries_is_answered(
    client: Any, sandbox: Sandbox, api: Callable[[Handler], Origin]
) -> None:
    """Hazard E10."""

    def failing_once(_: Request) -> Response:
        if sandbox.api_requests == 2:
            sandbox.revoke_all()
            return Response(503, (("Retry-After", "0"),), b"later")
        return Response.text(200, "done")

    url = api(failing_once).at()
    assert client.get(url).text == "done"
    assert client.get(url).text == "done"  # 503, 401, and then 200
    assert counts(sandbox) == (2, 4, 1)
