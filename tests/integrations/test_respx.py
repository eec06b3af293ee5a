"""respx, with which people test what they build on httpx."""

import httpx

from bitquery_auth import HTTPXAuth, StaticToken
from bitquery_auth.sandbox import Sandbox
from tests.integrations.needs import needs
from tests.integrations.snippets import run

respx = needs("respx", "respx")

URL = "https://streaming.bitquery.io/graphql"


def test_a_static_token_needs_no_server() -> None:
    answer = run("respx", auth=HTTPXAuth(StaticToken("test")))["answer"]
    assert answer.json() == {"data": {}}
    assert answer.request.headers["Authorization"] == "Bearer test"


def test_a_refusal_that_is_mocked_is_answered(sandbox: Sandbox) -> None:
    auth = HTTPXAuth(sandbox.credentials(), allowed_hosts=["streaming.bitquery.io"])
    with respx.mock as mock:
        route = mock.post(URL).mock(
            side_effect=[httpx.Response(401), httpx.Response(200, json={"data": {}})]
        )
        assert httpx.post(URL, auth=auth).json() == {"data": {}}
    assert len({call.request.headers["Authorization"] for call in route.calls}) == 2
    assert sandbox.token_requests == 2
