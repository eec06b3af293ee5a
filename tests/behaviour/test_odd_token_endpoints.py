"""Token endpoints that want something else than a form: a callable as ``token_endpoint_auth_method`` makes it so."""

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from bitquery_auth import ClientCredentials, StaticToken
from bitquery_auth.sandbox._messages import Request, Response
from tests.kit.origin import Origin

GRANT = {"access_token": "granted", "token_type": "bearer", "expires_in": 3600}


def as_json(auth: Any, method: str, uri: str, headers: Any, body: str) -> tuple[str, Any, str]:
    """The whole request as JSON."""
    fields = dict(parse_qsl(body)) | {"client_id": auth.client_id, "client_secret": auth.client_secret}
    headers["Content-Type"] = "application/json"
    return uri, headers, json.dumps(fields)


def in_a_header(auth: Any, method: str, uri: str, headers: Any, body: str) -> tuple[str, Any, str]:
    """The credentials in headers that the server has made up."""
    headers.update({"X-Client": auth.client_id, "X-Secret": auth.client_secret})
    return uri, headers, body


def with_a_tenant(auth: Any, method: str, uri: str, headers: Any, body: str) -> tuple[str, Any, str]:
    """Something in the URL."""
    return f"{uri}?tenant={auth.client_id}", headers, body


class PreStep:
    """Another token, fetched first, that the token endpoint wants."""

    def __init__(self) -> None:
        self.source = StaticToken("first-step")

    def __call__(self, auth: Any, method: str, uri: str, headers: Any, body: str) -> tuple[str, Any, str]:
        headers["Authorization"] = f"Bearer {self.source.token().access_token}"
        return uri, headers, body


@pytest.fixture
def endpoint(origin: Origin) -> Origin:
    origin.handler = lambda _: Response(200, (("Content-Type", "application/json"),), json.dumps(GRANT).encode())
    return origin


def ask_twice(endpoint: Origin, method: Any) -> tuple[Request, Request]:
    source = ClientCredentials("the-id", "the-secret", token_endpoint=endpoint.at(), token_endpoint_auth_method=method)
    source.token()
    source.renew()
    first, second = endpoint.requests
    return first, second


def test_credentials_and_form_can_be_sent_as_json(endpoint: Origin) -> None:
    """Hazards K7, K5: each time."""
    for request in ask_twice(endpoint, as_json):
        assert request.headers["Content-Type"] == "application/json"
        assert int(request.headers["Content-Length"]) == len(request.body)
        assert json.loads(request.body) == {
            "grant_type": "client_credentials",
            "client_id": "the-id",
            "client_secret": "the-secret",
        }


def test_credentials_can_be_sent_in_headers_of_the_servers_own(endpoint: Origin) -> None:
    """Hazards K7, K3: and then nowhere else."""
    for request in ask_twice(endpoint, in_a_header):
        assert (request.headers["X-Client"], request.headers["X-Secret"]) == ("the-id", "the-secret")
        assert "authorization" not in request.headers
        assert request.body == b"grant_type=client_credentials"


def test_the_url_can_be_completed(endpoint: Origin) -> None:
    """Hazard K7."""
    assert [each.target for each in ask_twice(endpoint, with_a_tenant)] == ["/?tenant=the-id"] * 2


def test_a_step_before_the_token_request_can_be_taken(endpoint: Origin) -> None:
    """Hazard K7."""
    for request in ask_twice(endpoint, PreStep()):
        assert request.headers["Authorization"] == "Bearer first-step"
