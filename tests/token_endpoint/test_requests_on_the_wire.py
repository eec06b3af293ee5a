"""The token request to the byte: what servers rely on must not change without notice."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import httpx
import pytest
import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from bitquery_auth import (
    ClientCredentials,
    ConfigurationError,
    HTTPXAuth,
    RequestsAuth,
    ShortTermToken,
    StaticToken,
    TokenEndpointError,
    __version__,
)
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request
from tests.kit.faults import TOKEN
from tests.kit.origin import Origin, answering
from tests.token_endpoint.conftest import SourceOf

OWN_HEADERS = {
    *("host", "user-agent", "accept", "accept-encoding", "cache-control"),
    *("content-type", "content-length"),
}


@pytest.fixture
def issuing(origin: Origin) -> Origin:
    """A token endpoint that issues a token to everybody."""
    origin.handler = answering(200, json.dumps(TOKEN), Content_Type="application/json")
    return origin


def sent_to(endpoint: Origin, secret: Any = "s+/=%é€", **settings: Any) -> Request:
    """Return the token request that these settings lead to."""
    ClientCredentials("the id", secret, token_endpoint=endpoint.at("/token"), **settings).token()
    (request,) = endpoint.requests
    return request


def further_headers(endpoint: Origin) -> set[str]:
    """Return the names of the headers of all requests, except those that each must have."""
    assert endpoint.requests
    names = [{name.lower() for name in request.headers} for request in endpoint.requests]
    assert all(each >= OWN_HEADERS for each in names)
    return set().union(*names) - OWN_HEADERS


# -- methods of client authentication --------------------------------------------------------------


def test_the_default_request_is_this_to_the_byte(issuing: Origin) -> None:
    """Hazards B4, K1, K3."""
    request = sent_to(issuing, scope="api")
    body = (
        b"grant_type=client_credentials&scope=api&client_id=the+id"
        b"&client_secret=s%2B%2F%3D%25%C3%A9%E2%82%AC"
    )
    assert (request.method, request.target, request.body) == ("POST", "/token", body)
    assert dict(request.headers.items()) == {
        "host": issuing.allowed_host,
        "user-agent": f"bitquery-auth/{__version__}",
        "accept-encoding": "identity",
        "accept": "application/json",
        "cache-control": "no-store",
        "content-type": "application/x-www-form-urlencoded;charset=UTF-8",
        "content-length": str(len(body)),
    }


def test_basic_credentials_are_percent_encoded_utf_8_in_the_header_alone(issuing: Origin) -> None:
    """Hazards B4, K1, K2, K3: RFC 6749 §2.3.1, with ``%20`` for a space."""
    request = sent_to(issuing, token_endpoint_auth_method="client_secret_basic")
    assert request.body == b"grant_type=client_credentials"
    encoded = "dGhlJTIwaWQ6cyUyQiUyRiUzRCUyNSVDMyVBOSVFMiU4MiVBQw=="
    assert request.headers["Authorization"] == f"Basic {encoded}"


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def assertion_of(request: Request) -> tuple[dict[str, Any], bytes, bytes]:
    """Return the header of a client assertion, what was signed, and the signature (RFC 7523)."""
    fields = dict(parse_qsl(request.body.decode()))
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert fields["client_assertion_type"] == kind
    assert "client_secret" not in fields
    assert "authorization" not in request.headers
    header, payload, signature = fields["client_assertion"].split(".")
    claims = json.loads(_decoded(payload))
    assert (claims["iss"], claims["sub"]) == ("the id", "the id")
    assert claims["aud"].endswith("/token")
    assert claims["exp"] > claims["iat"]
    assert claims["jti"]
    return json.loads(_decoded(header)), f"{header}.{payload}".encode(), _decoded(signature)


def test_with_client_secret_jwt_the_secret_signs_and_is_not_sent(issuing: Origin) -> None:
    """Hazard K3."""
    secret = "a secret that is long enough to sign with"
    request = sent_to(issuing, secret, token_endpoint_auth_method="client_secret_jwt")
    header, signed, signature = assertion_of(request)
    assert header["alg"] == "HS256"
    assert signature == hmac.digest(secret.encode(), signed, hashlib.sha256)
    assert secret.encode() not in request.body


def test_with_private_key_jwt_the_key_signs_and_is_not_sent(issuing: Origin) -> None:
    """Hazard K3."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    request = sent_to(issuing, pem, token_endpoint_auth_method="private_key_jwt")
    header, signed, signature = assertion_of(request)
    assert header["alg"] == "RS256"
    key.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize(
    "key",
    [
        "not a key",
        "{",
        "{}",
        '{"kty": "oct", "k": "AAAA"}',
        '{"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "d": "AAAA"}',
        '{"kty": "RSA", "n": "AQAB", "e": "AQAB"}',
        '{"kty": "RSA", "d": "AQAB"}',
        '{"kty": "EC", "crv": "P-1", "d": "AQAB"}',
        '{"kty": "another", "d": "AQAB"}',
    ],
)
def test_what_is_not_a_private_key_that_can_sign_is_a_configuration_error(
    issuing: Origin, key: str
) -> None:
    source = ClientCredentials(
        "id", key, token_endpoint=issuing.at(), token_endpoint_auth_method="private_key_jwt"
    )
    with pytest.raises(ConfigurationError, match="client_secret must be the private key"):
        source.token()
    assert issuing.visits == []


def test_with_tls_client_auth_the_form_has_the_id_and_no_secret(issuing: Origin) -> None:
    """RFC 8705 §2.1: the certificate of the connection proves who the client is."""
    request = sent_to(issuing, "", token_endpoint_auth_method="tls_client_auth", scope="api")
    assert dict(parse_qsl(request.body.decode())) == {
        "grant_type": "client_credentials",
        "scope": "api",
        "client_id": "the id",
    }
    assert "authorization" not in request.headers


# -- a method of the user's own --------------------------------------------------------------------


def test_a_callable_can_change_the_url_the_headers_and_the_body_each_time(issuing: Origin) -> None:
    """Hazards K5, K7, K3: also with a token that it fetches first."""
    first_step = StaticToken("first-step")
    seen: list[Any] = []

    def own_method(auth: Any, method: str, uri: str, headers: Any, body: str) -> Any:
        seen.append((method, type(headers), headers["x-api-key"]))
        credentials = {"client_id": auth.client_id, "client_secret": auth.client_secret}
        further = {
            "Authorization": f"Bearer {first_step.token().access_token}",
            "Content-Type": "application/json",
            "X-Client": auth.client_id,
        }
        form = dict(parse_qsl(body))
        return f"{uri}?tenant=a", headers | further, json.dumps(form | credentials)

    source = ClientCredentials(
        "id",
        "the-secret",
        token_endpoint=issuing.at(),
        token_endpoint_auth_method=own_method,
        token_headers={"x-api-key": "k"},
    )
    source.token()
    source.renew()
    assert seen == [("POST", dict, "k")] * 2, "a signature covers what is sent"
    assert issuing.visits == ["POST /?tenant=a"] * 2
    for request in issuing.requests:
        assert request.headers["Authorization"] == "Bearer first-step"
        assert request.headers["Content-Type"] == "application/json"
        assert (request.headers["X-Client"], request.headers["x-api-key"]) == ("id", "k")
        assert json.loads(request.body) == {
            "grant_type": "client_credentials",
            "client_id": "id",
            "client_secret": "the-secret",
        }


# -- further headers and fields --------------------------------------------------------------------


def test_token_headers_are_sent_with_every_token_request_and_with_a_revocation(
    source_with: SourceOf, endpoint: Origin
) -> None:
    """A gateway before the endpoint may want an API key or a User-Agent of its own."""
    source = source_with(
        token_headers={"x-api-key": "k", "User-Agent": "mine"},
        revocation_endpoint=endpoint.at("/oauth2/revoke"),
    )
    source.renew()
    source.renew()
    source.revoke()
    assert endpoint.visits == ["POST /oauth2/token"] * 2 + ["POST /oauth2/revoke"]
    for request in endpoint.requests:
        assert (request.headers["x-api-key"], request.headers["user-agent"]) == ("k", "mine")
        assert request.headers["accept"] == "application/json"


def test_a_sequence_repeats_its_field_in_its_order(issuing: Origin) -> None:
    """Hazard K6: Authlib alone would keep the last one only."""
    params = {"resource": ["https://b", "https://a"], "audience": "x"}
    request = sent_to(issuing, token_params=params)
    repeated = b"&resource=https%3A%2F%2Fb&resource=https%3A%2F%2Fa&audience=x"
    assert repeated in request.body
    assert b"scope" not in request.body


@pytest.mark.parametrize("given", ["the id", ["the id", "the id"]])
def test_a_client_id_in_token_params_is_sent_once(issuing: Origin, given: Any) -> None:
    """Hazard K6: the form has it already."""
    request = sent_to(issuing, token_params={"client_id": given, "audience": "x"})
    assert request.body.count(b"client_id=") == 1
    assert b"&audience=x&client_id=the+id&" in request.body


@pytest.mark.parametrize("given", ["another", ["the id", "another"], "", "The id"])
def test_another_client_id_in_token_params_is_for_basic_alone(issuing: Origin, given: Any) -> None:
    """Some servers want one beside the header."""
    params = {"client_id": given}
    with pytest.raises(ConfigurationError, match=r"token_params .*another 'client_id'"):
        sent_to(issuing, token_params=params)
    assert issuing.requests == []
    request = sent_to(
        issuing, token_params=params, token_endpoint_auth_method="client_secret_basic"
    )
    values = given if isinstance(given, list) else [given]
    assert parse_qs(request.body.decode(), keep_blank_values=True)["client_id"] == values


# -- nothing of the user's session, of a netrc or of a cookie --------------------------------------


def get_with_requests(auth: RequestsAuth, url: str, **options: Any) -> None:
    with requests.Session() as session:
        session.auth = auth
        session.proxies = {"http": url.removesuffix("/api")}
        for name, value in options.items():
            getattr(session, name).update(value)
        session.get(url)


def get_with_httpx(auth: HTTPXAuth, url: str, **options: Any) -> None:
    with httpx.Client(auth=auth, verify=False, **options) as client:
        client.get(url)


@pytest.mark.parametrize(
    ("auth_class", "get"), [(RequestsAuth, get_with_requests), (HTTPXAuth, get_with_httpx)]
)
def test_nothing_of_the_users_client_is_in_it(
    auth_class: Any, get: Any, source: ClientCredentials, endpoint: Origin, origin: Origin
) -> None:
    """Hazard G2."""
    auth = auth_class(source, allowed_hosts=[origin.allowed_host])
    get(auth, origin.at("/api"), headers={"X-Api-Key": "k"}, cookies={"c": "v"}, params={"p": "v"})
    assert origin.requests[0].headers["X-Api-Key"] == "k"
    assert endpoint.visits == ["POST /oauth2/token"]
    assert further_headers(endpoint) == set()


@pytest.fixture
def read_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs for which requests looks into a netrc, where every host has a password."""
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (tmp_path / "netrc").write_text("default login n password p\n")
    read: list[str] = []

    def password(url: str, *_: object) -> tuple[str, str]:
        read.append(url)
        return "n", "p"

    monkeypatch.setattr("requests.sessions.get_netrc_auth", password)
    return read


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
def test_a_netrc_is_not_read(
    method: Any, sandbox: Sandbox, source_with: SourceOf, endpoint: Origin, read_netrc: list[str]
) -> None:
    """Hazard S7: for a token, a revocation, a short-term token, or an error response."""
    sandbox.token_endpoint_auth_method = method
    source = source_with(
        token_endpoint_auth_method=method, revocation_endpoint=endpoint.at("/oauth2/revoke")
    )
    token = source.token()
    assert further_headers(endpoint) <= {"authorization"}
    assert ("authorization" in endpoint.requests[0].headers) is method.endswith("basic")
    ShortTermToken(source, endpoint=endpoint.at("/graphql")).token()
    assert endpoint.tokens[-1] == token.access_token
    assert source.revoke()
    for status in (302, 401):
        endpoint.plan.append(answering(status, "", Location=endpoint.at("/elsewhere")))
        with pytest.raises(TokenEndpointError):
            source.renew()
    assert len(endpoint.requests) == 5
    assert read_netrc == []


def test_a_fetch_keeps_neither_a_cookie_nor_a_connection(
    source: ClientCredentials, endpoint: Origin
) -> None:
    """Hazard A6: nothing stays open between two fetches that may be an hour apart."""
    endpoint.handler = answering(200, json.dumps(TOKEN), Set_Cookie="sticky=1; Path=/")
    for _ in range(3):
        source.renew()
    assert endpoint.connections == len(endpoint.requests) == 3
    assert further_headers(endpoint) == set()
