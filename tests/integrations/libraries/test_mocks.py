"""Libraries with which people test their own programs: a static token, and a 401 that is mocked."""

from typing import Any

import httpx
import pytest
import requests

from bitquery_auth import HTTPXAuth, RequestsAuth, StaticToken
from bitquery_auth.sandbox import Sandbox
from tests.integrations.libraries.snippets import is_installed

URL = "https://streaming.bitquery.io/graphql"
BITQUERY = {"allowed_hosts": ["streaming.bitquery.io"]}


def test_responses_needs_no_server_for_a_static_token() -> None:
    responses = pytest.importorskip("responses")
    with responses.RequestsMock() as mock:
        mock.post(URL, json={"data": {}})
        response = requests.post(URL, json={}, auth=RequestsAuth(StaticToken("test")), timeout=20)
    assert response.json() == {"data": {}}
    assert response.request.headers["Authorization"] == "Bearer test"


def test_a_401_mocked_with_responses_is_recovered_from(sandbox: Sandbox) -> None:
    responses = pytest.importorskip("responses")
    auth = RequestsAuth(sandbox.credentials(), **BITQUERY)
    with responses.RequestsMock() as mock:
        mock.add_passthru(sandbox.url)
        mock.post(URL, status=401)
        mock.post(URL, json={"data": {}})
        response = requests.post(URL, json={}, auth=auth, timeout=20)
        calls = [call.request for call in mock.calls if call.request.url == URL]
    assert response.json() == {"data": {}}
    assert len({request.headers["Authorization"] for request in calls}) == 2
    assert sandbox.token_requests == 2


def test_respx_needs_no_server_for_a_static_token() -> None:
    respx = pytest.importorskip("respx")
    with respx.mock as mock:
        mock.post(URL).respond(json={"data": {}})
        response = httpx.post(URL, json={}, auth=HTTPXAuth(StaticToken("test")))
    assert response.json() == {"data": {}}
    assert response.request.headers["Authorization"] == "Bearer test"


def test_a_401_mocked_with_respx_is_recovered_from(sandbox: Sandbox) -> None:
    respx = pytest.importorskip("respx")
    auth = HTTPXAuth(sandbox.credentials(), **BITQUERY)
    responses = [httpx.Response(401), httpx.Response(200, json={"data": {}})]
    with respx.mock as mock:
        route = mock.post(URL).mock(side_effect=responses)
        assert httpx.post(URL, auth=auth).json() == {"data": {}}
    assert len({call.request.headers["Authorization"] for call in route.calls}) == 2
    assert sandbox.token_requests == 2


if is_installed("pytest_httpx"):

    def test_pytest_httpx_needs_no_server_for_a_static_token(httpx_mock: Any) -> None:
        httpx_mock.add_response(json={"data": {}})
        assert httpx.post(URL, auth=HTTPXAuth(StaticToken("test"))).json() == {"data": {}}
        assert httpx_mock.get_request().headers["Authorization"] == "Bearer test"

    def test_a_401_mocked_with_pytest_httpx_is_recovered_from(
        httpx_mock: Any, sandbox: Sandbox
    ) -> None:
        auth = HTTPXAuth(sandbox.credentials(), **BITQUERY)
        httpx_mock.add_response(status_code=401)
        httpx_mock.add_response(json={"data": {}})
        assert httpx.post(URL, auth=auth).json() == {"data": {}}
        requests_sent = httpx_mock.get_requests()
        assert len({request.headers["Authorization"] for request in requests_sent}) == 2
        assert sandbox.token_requests == 2
