"""The token request to the byte: what servers rely on must not change without notice."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import httpx
import httpx2
import pytest
import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from requests.adapters import HTTPAdapter

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
from tests.kit.clock import Clock
from tests.kit.faults import TOKEN
from tests.kit.origin import Origin, answering

OWN_HEADERS = {
    "host",
    "user-agent",
    "accept",
    "accept-encoding",
    "cache-control",
    "content-type",
    "content-length",
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


def header_names(endpoint: Origin) -> set[str]:
    """Return the names of the headers of all requests."""
    assert endpoint.requests
    return {name.lower() for request in endpoint.requests for name in request.headers}


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


def as_json(
    auth: Any, _: str, uri: str, headers: dict[str, str], body: str
) -> tuple[str, Any, str]:
    """Send the whole request as JSON."""
    credentials = {"client_id": auth.client_id, "client_secret": auth.client_secret}
    headers["Content-Type"] = "application/json"
    return uri, headers, json.dumps(dict(parse_qsl(body)) | credentials)


def in_other_headers(
    auth: Any, _: str, uri: str, headers: dict[str, str], body: str
) -> tuple[str, Any, str]:
    """Send the credentials in headers of the server's own."""
    return uri, headers | {"X-Client": auth.client_id, "X-Secret": auth.client_secret}, body


def in_the_url(
    auth: Any, _: str, uri: str, headers: dict[str, str], body: str
) -> tuple[str, Any, str]:
    """Add a parameter to the URL."""
    return f"{uri}?tenant={auth.client_id}", headers, body


def two_requests(endpoint: Origin, method: Any) -> tuple[Request, Request]:
    """Return two token requests in a row of a source with this method."""
    source = ClientCredentials(
        "id", "the-secret", token_endpoint=endpoint.at(), token_endpoint_auth_method=method
    )
    source.token()
    source.renew()
    first, second = endpoint.requests
    return first, second


def test_a_callable_can_send_json(issuing: Origin) -> None:
    """Hazards K7, K5: each time."""
    for request in two_requests(issuing, as_json):
        assert request.headers["Content-Type"] == "application/json"
        assert json.loads(request.body) == {
            "grant_type": "client_credentials",
            "client_id": "id",
            "client_secret": "the-secret",
        }


def test_a_callable_can_send_the_credentials_in_other_headers_alone(issuing: Origin) -> None:
    """Hazards K7, K3."""
    for request in two_requests(issuing, in_other_headers):
        assert (request.headers["X-Client"], request.headers["X-Secret"]) == ("id", "the-secret")
        assert "authorization" not in request.headers
        assert request.body == b"grant_type=client_credentials"


def test_a_callable_can_change_the_url(issuing: Origin) -> None:
    """Hazard K7."""
    assert [each.target for each in two_requests(issuing, in_the_url)] == ["/?tenant=id"] * 2


def test_a_callable_can_fetch_another_token_first(issuing: Origin) -> None:
    """Hazard K7."""
    first_step = StaticToken("first-step")

    def with_first_step(
        _: Any, __: str, uri: str, headers: dict[str, str], body: str
    ) -> tuple[str, Any, str]:
        headers["Authorization"] = f"Bearer {first_step.token().access_token}"
        return uri, headers, body

    for request in two_requests(issuing, with_first_step):
        assert request.headers["Authorization"] == "Bearer first-step"


def test_a_callable_gets_a_dict_of_headers_that_has_the_token_headers(issuing: Origin) -> None:
    """A signature covers what is sent."""
    seen: list[dict[str, str]] = []

    def signing(_: Any, __: str, uri: str, headers: Any, body: str) -> tuple[str, Any, str]:
        seen.append(headers)
        return uri, headers, body

    sent_to(issuing, token_endpoint_auth_method=signing, token_headers={"x-api-key": "k"})
    assert type(seen[0]) is dict
    assert seen[0]["x-api-key"] == "k"


# -- further fields --------------------------------------------------------------------------------


def test_a_sequence_repeats_its_field_in_its_order(issuing: Origin) -> None:
    """Hazard K6: Authlib alone would keep the last one only."""
    params = {"resource": ["https://b", "https://a"], "audience": "x"}
    request = sent_to(issuing, token_params=params)
    repeated = b"&resource=https%3A%2F%2Fb&resource=https%3A%2F%2Fa&audience=x"
    assert repeated in request.body


@pytest.mark.parametrize("scope", ["api", "a b", None])
def test_the_scope_is_sent_unless_it_is_none(issuing: Origin, scope: str | None) -> None:
    request = sent_to(issuing, scope=scope)
    assert parse_qs(request.body.decode()).get("scope") == (scope and [scope])


@pytest.mark.parametrize("given", ["the id", ["the id"], ["the id", "the id"]])
def test_a_client_id_in_token_params_is_sent_once(issuing: Origin, given: Any) -> None:
    """Hazard K6: the form has it already."""
    request = sent_to(issuing, token_params={"client_id": given, "audience": "x"})
    assert request.body.count(b"client_id=") == 1
    assert b"&audience=x&client_id=the+id&" in request.body


@pytest.mark.parametrize("given", ["another", ["the id", "another"], "", "The id"])
def test_another_client_id_in_token_params_is_a_wrong_setting(issuing: Origin, given: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"token_params .*another 'client_id'"):
        sent_to(issuing, token_params={"client_id": given})
    assert issuing.requests == []


@pytest.mark.parametrize("given", ["the id", "another"])
def test_with_basic_a_client_id_in_token_params_is_sent(issuing: Origin, given: str) -> None:
    """Some servers want it beside the header."""
    request = sent_to(
        issuing,
        token_params={"client_id": given},
        token_endpoint_auth_method="client_secret_basic",
    )
    assert parse_qs(request.body.decode())["client_id"] == [given]


def test_a_rotated_secret_is_used_from_the_next_fetch_on(
    sandbox: Sandbox, endpoint: Origin, clock: Clock
) -> None:
    """Hazard K8: without a restart."""
    vault = [sandbox.client_secret]
    source = ClientCredentials(
        sandbox.client_id, lambda: vault[-1], token_endpoint=endpoint.at("/oauth2/token")
    )
    source.token()
    sandbox.client_secret = "rotated"
    with pytest.raises(TokenEndpointError, match="invalid_client"):
        source.renew()
    vault.append("rotated")
    clock.advance(3600)
    assert source.token().access_token.startswith("ory_at_")


# -- nothing of the user's session, of a netrc or of a cookie --------------------------------------


@pytest.fixture
def _netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry for every host."""
    path = tmp_path / "netrc"
    path.write_text("machine 127.0.0.1 login n password p\ndefault login n password p\n")
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))


uses_netrc = pytest.mark.usefixtures("_netrc")


def test_nothing_of_a_session_of_requests_is_in_it(
    source: ClientCredentials, endpoint: Origin, origin: Origin
) -> None:
    """Hazards G2, S10."""
    with requests.Session() as session:
        session.auth = RequestsAuth(source, allowed_hosts=[origin.allowed_host])
        session.headers["X-Api-Key"] = "k"
        session.params = {"key": "k"}
        session.cookies.set("c", "v")
        session.proxies = {"http": origin.at("")}
        session.get(origin.at("/api"))
    assert endpoint.visits == ["POST /oauth2/token"]
    assert header_names(endpoint) == OWN_HEADERS


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_nothing_of_a_client_of_httpx_is_in_it(
    module: Any, source: ClientCredentials, endpoint: Origin, origin: Origin
) -> None:
    """Hazard G2."""
    auth = HTTPXAuth(source, allowed_hosts=[origin.allowed_host])
    options = {"headers": {"X-Api-Key": "k"}, "params": {"key": "k"}, "cookies": {"c": "v"}}
    with module.Client(auth=auth, verify=False, **options) as client:
        client.get(origin.at("/api"))
    assert endpoint.visits == ["POST /oauth2/token"]
    assert header_names(endpoint) == OWN_HEADERS


def test_a_session_that_verifies_nothing_leaves_the_token_request_verified(
    source: ClientCredentials, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard S10 (CVE-2024-35195)."""
    seen = []
    send = HTTPAdapter.send

    def spy(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append((request.path_url, kwargs["verify"]))
        return send(self, request, *args, **kwargs)

    monkeypatch.setattr(HTTPAdapter, "send", spy)
    with requests.Session() as session:
        session.auth = RequestsAuth(source, allowed_hosts=[origin.allowed_host])
        session.get(origin.at("/api"), verify=False)
    assert seen == [("/oauth2/token", True), ("/api", False)]


@uses_netrc
def test_a_netrc_is_neither_in_a_token_request_nor_in_a_revocation(
    source_with: Any, endpoint: Origin
) -> None:
    """Hazard S7."""
    source = source_with(revocation_endpoint=endpoint.at("/oauth2/revoke"))
    source.token()
    source.revoke()
    assert endpoint.visits == ["POST /oauth2/token", "POST /oauth2/revoke"]
    assert header_names(endpoint) == OWN_HEADERS


@uses_netrc
def test_a_netrc_does_not_replace_basic_credentials(
    sandbox: Sandbox, source_with: Any, endpoint: Origin
) -> None:
    """Hazard S7: the sandbox rejects any others."""
    sandbox.token_endpoint_auth_method = "client_secret_basic"
    source_with(token_endpoint_auth_method="client_secret_basic").token()
    assert header_names(endpoint) == OWN_HEADERS | {"authorization"}


@uses_netrc
def test_a_netrc_does_not_replace_the_token_that_a_short_term_token_is_requested_with(
    source: ClientCredentials, endpoint: Origin
) -> None:
    """Hazard S7."""
    ShortTermToken(source, endpoint=endpoint.at("/graphql")).token()
    assert endpoint.tokens[-1] == source.token().access_token


@pytest.mark.parametrize("status", [200, 302, 401])
def test_a_netrc_is_not_even_read(
    status: int, source: ClientCredentials, endpoint: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard S7."""
    read: list[str] = []
    monkeypatch.setattr(requests.sessions, "get_netrc_auth", lambda url, *_: read.append(url))
    body = json.dumps(TOKEN) if status == 200 else ""
    endpoint.handler = answering(status, body, Location=endpoint.at("/elsewhere"))
    if status == 200:
        source.token()
    else:
        with pytest.raises(TokenEndpointError):
            source.token()
    assert len(endpoint.requests) == 1
    assert read == []


def test_a_cookie_of_the_token_endpoint_is_not_kept(
    source: ClientCredentials, endpoint: Origin
) -> None:
    endpoint.handler = answering(200, json.dumps(TOKEN), Set_Cookie="sticky=1; Path=/")
    source.token()
    source.renew()
    assert len(endpoint.requests) == 2
    assert header_names(endpoint) == OWN_HEADERS


def test_every_fetch_has_a_connection_of_its_own(
    source: ClientCredentials, endpoint: Origin
) -> None:
    """Hazard A6: nothing stays open between two fetches that may be an hour apart."""
    for _ in range(3):
        source.renew()
    assert endpoint.connections == 3
