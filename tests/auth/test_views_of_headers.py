"""Whatever reads, records or serialises a request finds the token in it, as with any header."""

from collections.abc import Callable
from typing import Any

import httpx
import httpx2
import pytest
from requests.structures import CaseInsensitiveDict

from bitquery_auth import HTTPXAuth, StaticToken
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
