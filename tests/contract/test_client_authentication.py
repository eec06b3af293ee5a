"""Client authentication with keys and certificates, checked by servers that verify them."""

import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from jwcrypto.jwk import JWK

from bitquery_auth import ClientCredentials, TokenEndpointError, TokenRequestError
from tests.kit.origin import Connection, Origin, on_the_wire
from tests.servers import AuthorizationServer

CLIENT_ID = "client-with-a-key"


def source_at(token_endpoint: str, method: Any, key: str, **settings: Any) -> ClientCredentials:
    return ClientCredentials(
        CLIENT_ID,
        key,
        token_endpoint=token_endpoint,
        token_endpoint_auth_method=method,
        scope="api",
        **settings,
    )


def register(server: AuthorizationServer, method: str, **metadata: Any) -> None:
    metadata |= {"client_id": CLIENT_ID, "scope": "api", "token_endpoint_auth_method": method}
    server.register_client(metadata)


def assert_accepted(server: AuthorizationServer, source: ClientCredentials) -> None:
    headers = {"Authorization": source.token().access_token}
    assert requests.get(server.api_url, headers=headers, timeout=10).status_code == 200


def assert_rejected(source: ClientCredentials) -> None:
    with pytest.raises(TokenEndpointError) as raised:
        source.token()
    assert (raised.value.status_code, raised.value.error) == (401, "invalid_client")


# -- assertions signed with a private key (RFC 7523 §2.2) ------------------------------------------


def pem(key: JWK) -> str:
    return key.export_to_pem(private_key=True, password=None).decode()


def jwk(key: JWK) -> str:
    return str(key.export(private_key=True))


KEYS: dict[str, tuple[dict[str, Any], str, Callable[[JWK], str]]] = {
    "RSA PEM": ({"kty": "RSA", "size": 2048}, "RS256", pem),
    "RSA JWK": ({"kty": "RSA", "size": 2048}, "RS256", jwk),
    "EC PEM": ({"kty": "EC", "crv": "P-256"}, "ES256", pem),
    "EC JWK": ({"kty": "EC", "crv": "P-256"}, "ES256", jwk),
    "EC PEM of 384 bits": ({"kty": "EC", "crv": "P-384"}, "ES384", pem),
    "EC PEM of 521 bits": ({"kty": "EC", "crv": "P-521"}, "ES512", pem),
}


@pytest.mark.parametrize("kind_of_key", KEYS)
@pytest.mark.parametrize("name", ["hydra", "oidc-provider"])
def test_servers_accept_an_assertion_only_if_it_is_signed_with_the_registered_key(
    server_named: Callable[[str], AuthorizationServer], name: str, kind_of_key: str
) -> None:
    server = server_named(name)
    parameters, algorithm, text_of = KEYS[kind_of_key]
    registered, other = (JWK.generate(kid="the-key", **parameters) for _ in range(2))
    register(
        server,
        "private_key_jwt",
        token_endpoint_auth_signing_alg=algorithm,
        jwks={"keys": [registered.export_public(as_dict=True) | {"use": "sig"}]},
    )
    endpoint = server.audience
    assert_accepted(server, source_at(endpoint, "private_key_jwt", text_of(registered)))
    assert_rejected(source_at(endpoint, "private_key_jwt", text_of(other)))


# -- assertions signed with the client secret ------------------------------------------------------


@pytest.fixture
def oidc_provider(server_named: Callable[[str], AuthorizationServer]) -> AuthorizationServer:
    """The one server that supports the other methods."""
    return server_named("oidc-provider")


def test_a_server_accepts_an_assertion_only_if_it_is_signed_with_the_secret(
    oidc_provider: AuthorizationServer,
) -> None:
    method, secret = "client_secret_jwt", "a secret of at least 32 bytes, which HS256 requires"
    register(oidc_provider, method, client_secret=secret, token_endpoint_auth_signing_alg="HS256")
    assert_accepted(oidc_provider, source_at(oidc_provider.audience, method, secret))
    assert_rejected(source_at(oidc_provider.audience, method, secret[::-1]))


# -- a certificate of the client (RFC 8705 §2.1) ---------------------------------------------------


@pytest.fixture
def tls_front(
    oidc_provider: AuthorizationServer, authority: tuple[trustme.CA, Path]
) -> Iterator[Origin]:
    """End the TLS in front of the server: require a certificate, and pass it on (RFC 9440 §2)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority[0].issue_cert("localhost").configure_cert(context)
    authority[0].configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED

    def pass_on(connection: Connection) -> None:
        assert isinstance(connection.sock, ssl.SSLSocket)
        certificate = connection.sock.getpeercert(binary_form=True)
        assert certificate is not None
        headers = {
            "Content-Type": connection.request.headers["content-type"],
            "Client-Cert": f":{b64encode(certificate).decode()}:",
        }
        endpoint, body = oidc_provider.token_endpoint, connection.request.body
        response = requests.post(endpoint, body, headers=headers, timeout=10)
        head = f"HTTP/1.1 {response.status_code} -\r\nContent-Length: {len(response.content)}\r\n"
        connection.send(f"{head}Content-Type: application/json\r\n\r\n".encode())
        connection.send(response.content)
        connection.close()

    with Origin(on_the_wire(pass_on), tls=context) as running:
        yield running


def test_a_server_accepts_only_the_certificate_that_is_registered(
    oidc_provider: AuthorizationServer,
    tls_front: Origin,
    authority: tuple[trustme.CA, Path],
    tmp_path: Path,
) -> None:
    method, name = "tls_client_auth", "client.example"
    register(oidc_provider, method, tls_client_auth_san_dns=name)
    endpoint = tls_front.at(scheme="https", host="localhost")

    def source_with_certificate(name: str) -> ClientCredentials:
        path = tmp_path / f"{name}.pem"
        authority[0].issue_cert(name).private_key_and_cert_chain_pem.write_to_path(str(path))
        return source_at(endpoint, method, "", cert=str(path), verify=str(authority[1]))

    assert_accepted(oidc_provider, source_with_certificate(name))
    (request,) = tls_front.requests
    assert b"client_secret" not in request.body
    assert_rejected(source_with_certificate("other.example"))
    with pytest.raises(TokenRequestError):
        source_at(endpoint, method, "", verify=str(authority[1])).token()
