"""TLS to the token endpoint: whose certificate is trusted, and what is shown to the server."""

import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
import trustme

from bitquery_auth import ClientCredentials, TokenRequestError
from bitquery_auth.sandbox import Sandbox
from tests.kit import faults
from tests.kit.clients import OpenClient
from tests.kit.clock import Clock
from tests.kit.origin import Connection, Gate, Handler, Origin, on_the_wire

Authority = tuple[trustme.CA, Path]


class AtTls(Protocol):
    """Makes a source of the https endpoint with these settings."""

    def __call__(self, **settings: Any) -> ClientCredentials: ...


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return the context of a server with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture
def endpoint(sandbox: Sandbox, authority: Authority) -> Iterator[Origin]:
    """A token endpoint with a certificate of the test's own authority."""
    with Origin(Gate(sandbox), tls=serving(authority[0].issue_cert("127.0.0.1"))) as running:
        yield running


@pytest.fixture
def at_tls(endpoint: Origin, sandbox: Sandbox) -> AtTls:
    """Make sources of that endpoint."""

    def source(**settings: Any) -> ClientCredentials:
        url = endpoint.at("/oauth2/token", scheme="https")
        return sandbox.credentials(token_endpoint=url, **settings)

    return source


# -- a certificate that is not right ---------------------------------------------------------------


def wrong_host(endpoint: Origin, authority: trustme.CA) -> None:
    endpoint.tls = serving(authority.issue_cert("api.example.com"))


def untrusted(endpoint: Origin, _: trustme.CA) -> None:
    endpoint.tls = serving(trustme.CA().issue_cert("127.0.0.1"))


each_certificate = pytest.mark.parametrize("spoil", [wrong_host, untrusted])
Spoil = Callable[[Origin, trustme.CA], None]


@each_certificate
def test_without_a_token_a_wrong_certificate_is_an_error_and_the_secret_is_not_sent(
    spoil: Spoil,
    open_client: OpenClient,
    at_tls: AtTls,
    endpoint: Origin,
    authority: Authority,
    sandbox: Sandbox,
    clock: Clock,
) -> None:
    """Hazard F6: not retryable, and it names the settings and variables."""
    client = open_client(at_tls(verify=str(authority[1])))
    good = endpoint.tls
    spoil(endpoint, authority[0])
    with pytest.raises(TokenRequestError, match="certificate verify failed") as caught:
        client.get(sandbox.graphql_endpoint)
    assert isinstance(caught.value, client.base_error)
    assert not caught.value.retryable
    for hint in ("clock", "verify=", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        assert hint in str(caught.value)
    assert (endpoint.requests, endpoint.connections) == ([], 1)
    endpoint.tls = good
    clock.advance(2)
    assert client.get(sandbox.graphql_endpoint).status == 200


@each_certificate
def test_while_a_token_is_valid_a_wrong_certificate_is_not_noticed(
    spoil: Spoil, at_tls: AtTls, endpoint: Origin, authority: Authority, clock: Clock
) -> None:
    """Hazard F2."""
    source = at_tls(verify=str(authority[1]))
    token, good = source.token(), endpoint.tls
    clock.advance(3550)
    spoil(endpoint, authority[0])
    assert source.token() == token
    assert endpoint.connections == 2
    endpoint.tls = good
    clock.advance(2)
    assert source.token() != token


# -- a handshake that fails otherwise --------------------------------------------------------------


@on_the_wire
def plain_http(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    connection.wait_until_left()


@on_the_wire
def closed_after_the_client_hello(connection: Connection) -> None:
    assert connection.sock.recv(65536)
    connection.close()


# Not before the hello: the ssl module leaks a socket that is reset while it is being wrapped.
@on_the_wire
def reset_after_the_client_hello(connection: Connection) -> None:
    assert connection.sock.recv(65536)
    connection.reset()


@pytest.mark.parametrize(
    "greeting",
    [plain_http, faults.closed, closed_after_the_client_hello, reset_after_the_client_hello],
)
def test_a_failed_handshake_is_a_retryable_error_that_blames_no_certificate(
    greeting: Handler, at_tls: AtTls, endpoint: Origin, authority: Authority
) -> None:
    """Hazard F6."""
    endpoint.greeting = greeting
    with pytest.raises(TokenRequestError, match="No response from") as caught:
        at_tls(verify=str(authority[1])).token()
    assert caught.value.retryable
    assert "clock" not in str(caught.value)
    assert "verify=" not in str(caught.value)
    assert (endpoint.requests, endpoint.connections) == ([], 1)


def test_a_handshake_that_the_server_aborts_is_a_retryable_error(
    at_tls: AtTls, endpoint: Origin, authority: Authority
) -> None:
    assert endpoint.tls is not None
    endpoint.tls.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
    with pytest.raises(TokenRequestError) as caught:
        at_tls(verify=str(authority[1])).token()
    assert caught.value.retryable
    assert endpoint.connections == 1


@pytest.mark.parametrize("handler", [faults.silent, faults.dripping_body])
def test_the_timeout_ends_a_response_that_drips_over_tls(
    handler: Handler, at_tls: AtTls, endpoint: Origin, authority: Authority
) -> None:
    """Hazard F5."""
    endpoint.handler = handler
    with pytest.raises(TokenRequestError, match=r"\(timeout\)"):
        at_tls(verify=str(authority[1]), timeout=0.5).token()


def test_the_timeout_ends_a_handshake_without_a_response(
    at_tls: AtTls, endpoint: Origin, authority: Authority
) -> None:
    """Hazard F5."""
    endpoint.greeting = faults.silent
    with pytest.raises(TokenRequestError, match=r"\(timeout\)"):
        at_tls(verify=str(authority[1]), timeout=0.5).token()
    assert endpoint.connections == 1


def name_in_folder(certificate: Path, folder: Path) -> None:
    """Put a certificate into a folder under the name that OpenSSL looks for."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which names the files of such a folder, is not installed")
    command = [openssl, "x509", "-noout", "-hash", "-in", str(certificate)]
    subject = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    shutil.copy(certificate, folder / f"{subject}.0")


# -- settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_the_authorities_of_the_environment_are_trusted_unless_that_is_switched_off(
    name: str,
    at_tls: AtTls,
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Hazard G2."""
    place = tmp_path if name == "SSL_CERT_DIR" else authority[1]
    if name == "SSL_CERT_DIR":
        name_in_folder(authority[1], tmp_path)
    monkeypatch.setenv(name, str(place))
    assert at_tls().token().access_token
    with pytest.raises(TokenRequestError):
        at_tls(trust_env=False).token()


def test_an_ssl_context_is_used_as_it_is(at_tls: AtTls, authority: Authority) -> None:
    """Hazard G2: neither the environment's authorities nor those of requests are added to it."""
    context = ssl.create_default_context(cafile=authority[1])
    assert at_tls(verify=context).token().access_token
    assert len(context.get_ca_certs()) == 1
    with pytest.raises(TokenRequestError, match="certificate verify failed"):
        at_tls(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)).token()


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_verification_can_be_switched_off(at_tls: AtTls) -> None:
    assert at_tls(verify=False).token().access_token


@pytest.fixture
def client_certificate(authority: Authority, tmp_path: Path) -> tuple[str, str]:
    """The files of a client's certificate and key."""
    issued = authority[0].issue_cert("client@example.com")
    paths = str(tmp_path / "client.pem"), str(tmp_path / "client.key")
    issued.cert_chain_pems[0].write_to_path(paths[0])
    issued.private_key_pem.write_to_path(paths[1])
    return paths


def require_certificates(endpoint: Origin, authority: trustme.CA) -> None:
    """Let the server require a certificate of the client."""
    assert endpoint.tls is not None
    authority.configure_trust(endpoint.tls)
    endpoint.tls.verify_mode = ssl.CERT_REQUIRED


@pytest.mark.parametrize("as_context", [False, True])
def test_a_client_certificate_is_shown(
    as_context: bool,  # noqa: FBT001 - a case
    at_tls: AtTls,
    endpoint: Origin,
    authority: Authority,
    client_certificate: tuple[str, str],
) -> None:
    """Hazard G2: also with a context for `verify`."""
    require_certificates(endpoint, authority[0])
    path = str(authority[1])
    verify = ssl.create_default_context(cafile=path) if as_context else path
    assert at_tls(verify=verify, cert=client_certificate).token().access_token


def test_without_the_certificate_that_the_server_requires_there_is_no_response(
    at_tls: AtTls, endpoint: Origin, authority: Authority
) -> None:
    require_certificates(endpoint, authority[0])
    with pytest.raises(TokenRequestError):
        at_tls(verify=str(authority[1])).token()
    assert endpoint.requests == []
