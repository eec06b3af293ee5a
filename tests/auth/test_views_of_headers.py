"""Whatever reads, records or serialises a request finds the token in it, as with any header."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import vcr
from requests.structures import CaseInsensitiveDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from bitquery_auth import HTTPXAuth, StaticToken
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clients import OpenClient
from tests.kit.origin import Origin

each_header = pytest.mark.parametrize("header_name", ["Authorization", "X-API-Key"])

VIEWS: dict[str, Callable[[Any, str], Any]] = {
    "items": lambda headers, name: dict(headers.items())[name],
    "dict": lambda headers, name: dict(headers)[name],
    "iteration": lambda headers, name: {each: headers[each] for each in headers}[name],
    "keys": lambda headers, name: {each: headers[each] for each in headers.keys()}[name],  # noqa: SIM118 - a view of its own
    "values": lambda headers, name: dict(zip(headers, headers.values(), strict=True))[name],
    "index": lambda headers, name: headers[name],
    "get": lambda headers, name: headers.get(name),
}


@each_header
def test_every_mapping_view_shows_a_plain_string(
    open_client: OpenClient, origin: Origin, header_name: str
) -> None:
    hosts = [origin.allowed_host]
    client = open_client(StaticToken("t"), scheme="", header_name=header_name, allowed_hosts=hosts)
    sent = client.get(origin.at(), headers={"X-Other": "1"}).raw.request.headers
    in_requests = isinstance(sent, CaseInsensitiveDict)
    name = header_name if in_requests else header_name.lower()
    values = {label: view(sent, name) for label, view in VIEWS.items()}
    assert values == dict.fromkeys(VIEWS, "t")
    assert {type(value) for value in values.values()} == {str}


@each_header
@pytest.mark.parametrize("module", [httpx, httpx2])
def test_every_view_of_httpx_shows_the_header_once(module: Any, header_name: str) -> None:
    auth = HTTPXAuth(StaticToken("t"), header_name=header_name, scheme="")
    request = module.Request("GET", "https://streaming.bitquery.io/", headers={"X-Other": "1"})
    without = len(request.headers)
    headers = next(auth.sync_auth_flow(request)).headers
    name = header_name.lower()
    assert headers.get_list(header_name) == ["t"]
    assert [value for each, value in headers.multi_items() if each == name] == ["t"]
    assert [value for each, value in headers.raw if each.lower() == name.encode()] == [b"t"]
    assert len(headers) == len(headers.keys()) == len(headers.raw) == without + 1
    assert name in headers
    assert header_name in headers
    assert "X-Missing" not in headers
    assert headers == module.Headers(headers.raw)


def _without_token(response: dict[str, Any]) -> dict[str, Any]:
    body = response["body"]["string"]
    if b"access_token" in body:
        response["body"]["string"] = json.dumps(json.loads(body) | {"access_token": "x"}).encode()
    return response


FILTERS: dict[str, Any] = {
    "filter_headers": ["authorization"],
    "filter_post_data_parameters": ["client_secret"],
    "before_record_response": _without_token,
}
"""What keeps tokens and the secret out of a cassette of vcrpy."""


@pytest.mark.parametrize("filters", [{}, FILTERS], ids=["everything", "no secrets"])
def test_vcrpy_records_a_request_and_plays_it_back(
    open_client: OpenClient, sandbox: Sandbox, tmp_path: Path, filters: dict[str, Any]
) -> None:
    for _ in range(2):
        with vcr.use_cassette(str(tmp_path / "cassette.yaml"), **filters):
            client = open_client(sandbox.credentials())
            assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    assert (sandbox.api_requests, sandbox.token_requests) == (1, 1)
    recorded = (tmp_path / "cassette.yaml").read_text(encoding="utf-8")
    assert ("ory_at_" in recorded) is (not filters)
    assert (sandbox.client_secret in recorded) is (not filters)


@each_header
@pytest.mark.parametrize("base_url", ["http://testserver", "http://localhost"])
def test_an_app_under_starlettes_test_client_receives_the_token(
    base_url: str, header_name: str
) -> None:
    """It calls the app without a socket."""

    async def received(request: Request) -> JSONResponse:
        return JSONResponse(dict(request.headers))

    auth = HTTPXAuth(
        StaticToken("t"),
        allowed_hosts=["testserver", "localhost"],
        insecure_http=True,  # testserver is not known to be this machine
        header_name=header_name,
    )
    with TestClient(Starlette(routes=[Route("/", received)]), base_url=base_url) as client:
        assert client.get("/", auth=auth).json()[header_name.lower()] == "Bearer t"
