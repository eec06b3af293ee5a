"""Whatever reads, records or serialises a request finds the token in it, as with any header."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import requests
import vcr
import yaml
from requests.structures import CaseInsensitiveDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from bitquery_auth import HTTPXAuth, RequestsAuth, StaticToken
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clients import Client, OpenClient
from tests.kit.origin import Origin

each_header = pytest.mark.parametrize("header_name", ["Authorization", "X-API-Key"])


@pytest.fixture
def sent(kind: type[Client], open_client: OpenClient, origin: Origin, header_name: str) -> Any:
    """The headers of a request that was sent with the token "t"."""
    settings = {"header_name": header_name, "allowed_hosts": [origin.allowed_host]}
    client = open_client(StaticToken("t"), scheme="", **settings)
    return client.get(origin.at(), headers={"X-Other": "1"}).raw.request.headers


VIEWS: dict[str, Callable[[Any, str], Any]] = {
    "items": lambda headers, name: dict(headers.items())[name],
    "dict": lambda headers, name: dict(headers)[name],
    "iteration": lambda headers, name: {each: headers[each] for each in headers}[name],
    "keys": lambda headers, name: {each: headers[each] for each in headers.keys()}[name],  # noqa: SIM118 - a view of its own
    "values": lambda headers, name: dict(zip(headers, headers.values(), strict=True))[name],
    "index": lambda headers, name: headers[name],
    "get": lambda headers, name: headers.get(name),
    "copy": lambda headers, name: {**headers}[name],
}


@each_header
def test_every_mapping_view_shows_a_plain_string(sent: Any, header_name: str) -> None:
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
    assert module.Headers(headers.multi_items())[name] == "t"


@each_header
def test_the_headers_are_written_as_yaml_and_json(sent: Any, header_name: str) -> None:
    plain = {name.lower(): value for name, value in sent.items()}
    assert yaml.safe_load(yaml.safe_dump(dict(sent)))
    assert json.loads(json.dumps(plain))[header_name.lower()] == "t"


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
    cassette = vcr.use_cassette(str(tmp_path / "cassette.yaml"), **filters)
    with cassette:
        client = open_client(sandbox.credentials())
        assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    recorded = (tmp_path / "cassette.yaml").read_text(encoding="utf-8")
    assert ("ory_at_" in recorded) is (not filters)
    assert (sandbox.client_secret in recorded) is (not filters)
    with cassette:
        client = open_client(sandbox.credentials())
        assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    assert (sandbox.api_requests, sandbox.token_requests) == (1, 1)


@pytest.fixture
def app() -> Starlette:
    """An app that responds with the headers it received."""

    async def headers(request: Request) -> PlainTextResponse:
        return PlainTextResponse(json.dumps(dict(request.headers)))

    return Starlette(routes=[Route("/", headers)])


@pytest.fixture(params=["http://testserver", "http://localhost"])
def app_client(app: Starlette, request: pytest.FixtureRequest) -> Iterator[TestClient]:
    """Starlette's client, which calls the app without a socket."""
    with TestClient(app, base_url=request.param) as client:
        yield client


@each_header
def test_an_app_under_starlettes_test_client_receives_the_token(
    app_client: TestClient, header_name: str
) -> None:
    auth = HTTPXAuth(
        StaticToken("t"),
        allowed_hosts=["testserver", "localhost"],
        insecure_http=True,  # testserver is not known to be this machine
        header_name=header_name,
    )
    assert app_client.get("/", auth=auth).json()[header_name.lower()] == "Bearer t"


def test_a_prepared_request_of_requests_is_equal_to_its_copy(origin: Origin) -> None:
    auth = RequestsAuth(StaticToken("t"), allowed_hosts=[origin.allowed_host])
    prepared = requests.Request("GET", origin.at(), auth=auth).prepare()
    assert prepared.copy().headers == prepared.headers
    assert type(prepared.headers["Authorization"]) is str
