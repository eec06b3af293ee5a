"""The token request as it goes over the wire, to the byte: what servers have come to rely on must not change unseen."""

import json
from typing import Any
from urllib.parse import parse_qs

import pytest

from bitquery_auth import ClientCredentials, ConfigurationError, TokenEndpointError, __version__
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request, Response
from tests.kit.clock import Clock
from tests.kit.origin import Origin

JSON = (("Content-Type", "application/json"),)


def granting(**members: Any) -> Response:
    grant = {"access_token": "granted", "token_type": "bearer", "expires_in": 3600} | members
    return Response(200, JSON, json.dumps(grant).encode())


@pytest.fixture
def endpoint(origin: Origin) -> Origin:
    origin.handler = lambda _: granting()
    return origin


def ask(endpoint: Origin, **settings: Any) -> Request:
    ClientCredentials("the id", "s+/=%é€", token_endpoint=endpoint.at("/token"), **settings).token()
    (request,) = endpoint.requests
    return request


def headers_of(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def test_by_default_it_is_this(endpoint: Origin) -> None:
    """Hazards B4, K1, K3."""
    request = ask(endpoint, scope="api")
    body = b"grant_type=client_credentials&scope=api&client_id=the+id&client_secret=s%2B%2F%3D%25%C3%A9%E2%82%AC"
    assert (request.method, request.target, request.body) == ("POST", "/token", body)
    assert headers_of(request) == {
        "host": endpoint.allowed_host,
        "user-agent": f"bitquery-auth/{__version__}",
        "accept-encoding": "identity",
        "accept": "application/json",
        "connection": "keep-alive",
        "cache-control": "no-store",
        "content-type": "application/x-www-form-urlencoded;charset=UTF-8",
        "content-length": str(len(body)),
    }


def test_with_basic_it_is_this(endpoint: Origin) -> None:
    """Hazards B4, K1, K2, K3: UTF-8, percent-encoded, then base64 (RFC 6749 §2.3.1)."""
    request = ask(endpoint, token_endpoint_auth_method="client_secret_basic")
    assert request.body == b"grant_type=client_credentials"
    assert request.headers["Authorization"] == "Basic dGhlJTIwaWQ6cyUyQiUyRiUzRCUyNSVDMyVBOSVFMiU4MiVBQw=="


def test_a_sequence_is_a_repeated_field_in_its_order(endpoint: Origin) -> None:
    """Hazard K6: also where Authlib would keep the last one only."""
    request = ask(endpoint, token_params={"resource": ["https://b", "https://a"], "audience": "x"})
    assert b"&resource=https%3A%2F%2Fb&resource=https%3A%2F%2Fa&audience=x" in request.body


@pytest.mark.parametrize("given", ["the id", ["the id"], ["the id", "the id"]])
def test_a_client_id_among_the_fields_is_sent_once_where_the_form_has_it_already(endpoint: Origin, given: Any) -> None:
    """Hazard K6."""
    request = ask(endpoint, token_params={"client_id": given, "audience": "x"})
    assert request.body.count(b"client_id=") == 1
    assert b"&audience=x&client_id=the+id&" in request.body


@pytest.mark.parametrize("given", ["another", ["the id", "another"], "", "The id"])
def test_another_client_id_among_the_fields_is_a_wrong_setting(endpoint: Origin, given: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"token_params .*another 'client_id'"):
        ask(endpoint, token_params={"client_id": given})
    assert endpoint.requests == []


@pytest.mark.parametrize("given", ["the id", "another"])
def test_with_basic_a_client_id_among_the_fields_is_sent(endpoint: Origin, given: str) -> None:
    """Some servers want it beside the header."""
    request = ask(endpoint, token_params={"client_id": given}, token_endpoint_auth_method="client_secret_basic")
    assert parse_qs(request.body.decode())["client_id"] == [given]


def test_a_secret_that_was_rotated_is_used_from_the_next_fetch_on(sandbox: Sandbox, clock: Clock) -> None:
    """Hazard K8: without a restart; what the old one ended in is over with the backoff."""
    vault = [sandbox.client_secret]
    source = ClientCredentials(sandbox.client_id, lambda: vault[-1], token_endpoint=sandbox.token_endpoint)
    source.token()
    sandbox.client_secret = "rotated"
    with pytest.raises(TokenEndpointError, match="invalid_client"):
        source.renew()
    vault.append("rotated")
    clock.advance(3600)
    assert source.token().access_token.startswith("ory_at_")


def test_the_time_that_the_answer_took_is_taken_off_the_tokens_life(endpoint: Origin, clock: Clock) -> None:
    """Hazard E7: counted from before the request, so that a slow answer is no longer life."""

    def after_two_seconds(_: Request) -> Response:
        clock.advance(2)
        return granting(expires_in=3)

    endpoint.handler = after_two_seconds
    source = ClientCredentials("id", "secret", token_endpoint=endpoint.at())
    assert source.token().expires_in == 1
    clock.advance(1)
    source.token()
    assert len(endpoint.requests) == 2
