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
from tests.servers.hydra import Hydra
from tests.servers.oidc_provider import OidcProvider

CLIENT_ID = "client-with-a-key"


def status_of_the_api(server: Hydra | OidcProvider, source: ClientCredentials) -> int:
    """Return what the API responds to a token of this source."""
    with requests.Session() as session:
        session.trust_env = False
        token = source.token().access_token
        return session.get(server.api_url, headers={"Authorization": token}, timeout=10).status_code


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


@pytest.fixture(params=["hydra", "oidc-provider"])
def verifying_server(request: pytest.FixtureRequest, server_named: Callable[[str], Any]) -> Any:
    """A server that verifies signatures."""
    return server_named(request.param)


def source_with_key(server: Hydra | OidcProvider, key: str) -> ClientCredentials:
    return ClientCredentials(
        CLIENT_ID,
        key,
        token_endpoint=server.audience,
        token_endpoint_auth_method="private_key_jwt",
        scope="api",
    )


def register_key(server: Hydra | OidcProvider, key: JWK, algorithm: str) -> None:
    public = {**key.export_public(as_dict=True), "use": "sig"}
    server.register_client(
        {
            "client_id": CLIENT_ID,
            "scope": "api",
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": algorithm,
            "jwks": {"keys": [public]},
        }
    )


@pytest.mark.parametrize("kind_of_key", KEYS)
def test_servers_accept_an_assertion_that_is_signed_with_the_registered_key(
    verifying_server: Hydra | OidcProvider, kind_of_key: str
) -> None:
    parameters, algorithm, text_of = KEYS[kind_of_key]
    key = JWK.generate(kid="the-key", **parameters)
    register_key(verifying_server, key, algorithm)
    source = source_with_key(verifying_server, text_of(key))
    assert status_of_the_api(verifying_server, source) == 200


def test_servers_reject_an_assertion_that_is_signed_with_another_key(
    verifying_server: Hydra | OidcProvider,
) -> None:
    registered, other = (JWK.generate(kty="EC", crv="P-256", kid="the-key") for _ in range(2))
    register_key(verifying_server, registered, "ES256")
    with pytest.raises(TokenEndpointError) as raised:
        source_with_key(verifying_server, pem(other)).token()
    assert (raised.value.status_code, raised.value.error) == (401, "invalid_client")


# -- assertions signed with the client secret ------------------------------------------------------

SECRET = "a secret of at least 32 bytes, which HS256 requires"


@pytest.fixture
def oidc_provider(server_named: Callable[[str], Any]) -> OidcProvider:
    """The one server that supports all of these methods."""
    server: OidcProvider = server_named("oidc-provider")
    return server


@pytest.fixture
def source_with_secret(oidc_provider: OidcProvider) -> Callable[[str], ClientCredentials]:
    """Make a source of a client that is registered with `SECRET`."""
    oidc_provider.register_client(
        {
            "client_id": CLIENT_ID,
            "client_secret": SECRET,
            "scope": "api",
            "token_endpoint_auth_method": "client_secret_jwt",
            "token_endpoint_auth_signing_alg": "HS256",
        }
    )
    return lambda secret: ClientCredentials(
        CLIENT_ID,
        secret,
        token_endpoint=oidc_provider.token_endpoint,
        token_endpoint_auth_method="client_secret_jwt",
        scope="api",
    )


def test_a_server_accepts_an_assertion_that_is_signed_with_the_secret(
    oidc_provider: OidcProvider, source_with_secret: Callable[[str], ClientCredentials]
) -> None:
    assert status_of_the_api(oidc_provider, source_with_secret(SECRET)) == 200


def test_a_server_rejects_an_assertion_that_is_signed_with_another_secret(
    source_with_secret: Callable[[str], ClientCredentials],
) -> None:
    with pytest.raises(TokenEndpointError) as raised:
        source_with_secret(SECRET[::-1]).token()
    assert (raised.value.status_code, raised.value.error) == (401, "invalid_client")


# -- a certificate of the client (RFC 8705 §2.1) ---------------------------------------------------

NAME = "client.example"


@pytest.fixture
def tls_front(oidc_provider: OidcProvider, authority: tuple[trustme.CA, Path]) -> Iterator[Origin]:
    """End the TLS in front of the server: require a certificate, and pass it on (RFC 9440 §2)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority[0].issue_cert("localhost").configure_cert(context)
    authority[0].configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED

    def pass_on(connection: Connection) -> None:
        assert isinstance(connection.sock, ssl.SSLSocket)
        certificate = connection.sock.getpeercert(binary_form=True)
        assert certificate is not None
        with requests.Session() as session:
            session.trust_env = False
            response = session.post(
                oidc_provider.token_endpoint,
                data=connection.request.body,
                headers={
                    "Content-Type": connection.request.headers["content-type"],
                    "Client-Cert": f":{b64encode(certificate).decode()}:",
                },
                timeout=10,
            )
        head = f"HTTP/1.1 {response.status_code} -\r\nContent-Length: {len(response.content)}\r\n"
        connection.send(f"{head}Content-Type: application/json\r\n\r\n".encode())
        connection.send(response.content)
        connection.close()

    with Origin(on_the_wire(pass_on), tls=context) as running:
        yield running


@pytest.fixture
def source_with_certificate(
    oidc_provider: OidcProvider,
    tls_front: Origin,
    authority: tuple[trustme.CA, Path],
    tmp_path: Path,
) -> Callable[[str | None], ClientCredentials]:
    """Make a source with a certificate for a name, or without one; `NAME` is registered."""
    oidc_provider.register_client(
        {
            "client_id": CLIENT_ID,
            "scope": "api",
            "token_endpoint_auth_method": "tls_client_auth",
            "tls_client_auth_san_dns": NAME,
        }
    )

    def made(name: str | None) -> ClientCredentials:
        certificate = tmp_path / "client.pem"
        if name is not None:
            issued = authority[0].issue_cert(name)
            issued.private_key_and_cert_chain_pem.write_to_path(str(certificate))
        return ClientCredentials(
            CLIENT_ID,
            "",
            token_endpoint=tls_front.at(scheme="https", host="localhost"),
            token_endpoint_auth_method="tls_client_auth",
            cert=None if name is None else str(certificate),
            verify=str(authority[1]),
            scope="api",
        )

    return made


def test_a_server_accepts_the_certificate_that_is_registered(
    oidc_provider: OidcProvider,
    tls_front: Origin,
    source_with_certificate: Callable[[str | None], ClientCredentials],
) -> None:
    assert status_of_the_api(oidc_provider, source_with_certificate(NAME)) == 200
    (request,) = tls_front.requests
    assert b"client_secret" not in request.body


def test_a_server_rejects_the_certificate_of_another_client(
    source_with_certificate: Callable[[str | None], ClientCredentials],
) -> None:
    with pytest.raises(TokenEndpointError) as raised:
        source_with_certificate("other.example").token()
    assert (raised.value.status_code, raised.value.error) == (401, "invalid_client")


def test_a_connection_without_the_required_certificate_is_a_failed_token_request(
    source_with_certificate: Callable[[str | None], ClientCredentials],
) -> None:
    with pytest.raises(TokenRequestError):
        source_with_certificate(None).token()
