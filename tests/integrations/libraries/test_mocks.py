"""Libraries with which people test their own programs: a static token, and a 401 that is mocked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import requests

from bitquery_auth import HTTPXAuth, RequestsAuth, StaticToken
from bitquery_auth.sandbox import Sandbox

URL = "https://streaming.bitquery.io/graphql"
BODY: dict[str, Any] = {"data": {}}
Send = Callable[[Any], Any]
"""Sends a request with an auth over this source."""


def post_with_httpx(source: Any) -> httpx.Response:
    return httpx.post(URL, json={}, auth=HTTPXAuth(source, allowed_hosts=["*.bitquery.io"]))


@contextmanager
def _responses(request: pytest.FixtureRequest, *statuses: int) -> Iterator[Send]:
    responses = pytest.importorskip("responses")

    def post(source: Any) -> requests.Response:
        auth = RequestsAuth(source, allowed_hosts=["*.bitquery.io"])
        return requests.post(URL, json={}, auth=auth, timeout=20)

    with responses.RequestsMock() as mock:
        mock.add_passthru(request.getfixturevalue("sandbox").url)
        for status in statuses:
            mock.post(URL, status=status, json=BODY)
        yield post


@contextmanager
def _respx(_: pytest.FixtureRequest, *statuses: int) -> Iterator[Send]:
    respx = pytest.importorskip("respx")
    with respx.mock as mock:
        mock.post(URL).mock(side_effect=[httpx.Response(each, json=BODY) for each in statuses])
        yield post_with_httpx


@contextmanager
def _pytest_httpx(request: pytest.FixtureRequest, *statuses: int) -> Iterator[Send]:
    pytest.importorskip("pytest_httpx")
    for status in statuses:
        request.getfixturevalue("httpx_mock").add_response(status_code=status, json=BODY)
    yield post_with_httpx


each_mock = pytest.mark.parametrize("mocked", [_responses, _respx, _pytest_httpx])


@each_mock
def test_a_static_token_needs_no_server(mocked: Any, request: pytest.FixtureRequest) -> None:
    with mocked(request, 200) as post:
        response = post(StaticToken("test"))
    assert response.json() == BODY
    assert response.request.headers["Authorization"] == "Bearer test"


@each_mock
def test_a_mocked_401_is_recovered_from(
    mocked: Any, request: pytest.FixtureRequest, sandbox: Sandbox
) -> None:
    with mocked(request, 401, 200) as post:
        response = post(sandbox.credentials())
    assert response.status_code == 200
    both = (*response.history, response)
    assert len({each.request.headers["Authorization"] for each in both}) == 2
    assert sandbox.token_requests == 2
