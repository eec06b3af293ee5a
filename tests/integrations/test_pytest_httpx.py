"""pytest-httpx, with which people test what they build on httpx."""

from typing import Any

import httpx

from bitquery_auth import HTTPXAuth, StaticToken
from bitquery_auth.sandbox import Sandbox
from tests.integrations.needs import needs
from tests.integrations.snippets import run

needs("pytest_httpx", "pytest-httpx")

URL = "https://streaming.bitquery.io/graphql"


def test_a_static_token_needs_no_server(httpx_mock: Any) -> None:
    run("pytest_httpx", auth=HTTPXAuth(StaticToken("test")))["test_a_query"](httpx_mock)
    assert httpx_mock.get_request().headers["Authorization"] == "Bearer test"


def test_a_refusal_that_is_mocked_is_answered(httpx_mock: Any, sandbox: Sandbox) -> None:
    auth = HTTPXAuth(sandbox.credentials(), allowed_hosts=["streaming.bitquery.io"])
    httpx_mock.add_response(status_code=401)
    httpx_mock.add_response(json={"data": {}})
    assert httpx.post(URL, auth=auth).json() == {"data": {}}
    assert len({request.headers["Authorization"] for request in httpx_mock.get_requests()}) == 2
    assert sandbox.token_requests == 2
