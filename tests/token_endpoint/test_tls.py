"""TLS to the token endpoint: whose certificate is trusted, and what is shown to the server."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
import requests
import trustme

from bitquery_auth import RequestsAuth, TokenRequestError
from bitquery_auth.sandbox import Sandbox
from tests.kit import faults
from tests.kit.clock import Clock
from tests.kit.origin import Connection, Handler, Origin, on_the_wire
from tests.settings.conftest import message_of
from tests.token_endpoint.conftest import SourceOf, plain_http

Authority = tuple[trustme.CA, Path]


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return the context of a server with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


# -- a certificate that is not right ---------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["host", "authority"])
def test_a_wrong_certificate_is_an_error_without_a_token_and_not_noticed_with_one(
    wrong: str,
    trusting_source: SourceOf,
    secure_origin: Origin,
    authority: Authority,
    clock: Clock,
) -> None:
    """Hazards F2, F6: not retryable, it names the settings, and the secret is not sent."""
    good = secure_origin.tls
    issuer, name = (authority[0], "x.com") if wrong == "host" else (trustme.CA(), "127.0.0.1")
    secure_origin.tls = serving(issuer.issue_cert(name))
    source = trusting_source()
    with pytest.raises(TokenRequestError, match="certificate verify failed") as caught:
        source.token()
    assert not caught.value.retryable
    for hint in ("clock", "verify=", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        assert hint in str(caught.value)
    assert (secure_origin.requests, secure_origin.connections) == ([], 1)
    bad, secure_origin.tls = secure_origin.tls, good
    clock.advance(2)
    token = source.token()
    secure_origin.tls = bad
    clock.advance(3550)
    assert source.token() == token
    assert secure_origin.connections == 3


# -- a handshake that fails otherwise --------------------------------------------------------------


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
    greeting: Handler, trusting_source: SourceOf, secure_origin: Origin
) -> None:
    """Hazard F6."""
    secure_origin.greeting = greeting
    with pytest.raises(TokenRequestError, match="No response from") as caught:
        trusting_source().token()
    assert caught.value.retryable
    assert "clock" not in str(caught.value)
    assert "verify=" not in str(caught.value)
    assert (secure_origin.requests, secure_origin.connections) == ([], 1)


@pytest.mark.parametrize("handler", [faults.silent, faults.dripping_body, None])
def test_the_timeout_ends_a_response_that_drips_over_tls_and_a_silent_handshake(
    handler: Handler | None, trusting_source: SourceOf, secure_origin: Origin
) -> None:
    """Hazard F5."""
    if handler is None:
        secure_origin.greeting = faults.silent
    else:
        secure_origin.handler = handler
    with pytest.raises(TokenRequestError, match=r"\(timeout\)"):
        trusting_source(timeout=0.3).token()
    assert secure_origin.connections == 1


# -- settings --------------------------------------------------------------------------------------


def name_in_folder(certificate: Path, folder: Path) -> None:
    """Put a certificate into a folder under the name that OpenSSL looks for."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which names the files of such a folder, is not installed")
    command = [openssl, "x509", "-noout", "-hash", "-in", str(certificate)]
    subject = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    shutil.copy(certificate, folder / f"{subject}.0")


VARIABLES = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"]


@pytest.mark.parametrize("name", VARIABLES)
def test_the_authorities_of_the_environment_are_trusted_unless_that_is_switched_off(
    name: str,
    at_tls: SourceOf,
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Hazard G2."""
    place = tmp_path if name == "SSL_CERT_DIR" else tmp_path / "a:b.pem"
    if name == "SSL_CERT_DIR":
        name_in_folder(authority[1], tmp_path)
    else:
        shutil.copy(authority[1], place)
    monkeypatch.setenv(name, str(place))
    assert at_tls().token().access_token
    with pytest.raises(TokenRequestError):
        at_tls(trust_env=False).token()
    monkeypatch.setenv(name, "/no/such/place")
    assert f"{name} names certificates that do not exist" in message_of(at_tls().token)


@pytest.mark.parametrize("field", ["verify", "cert"])
def test_certificates_that_do_not_exist_are_an_error_until_they_do(
    field: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """They may be mounted after the start, so they are looked for at each fetch."""
    path = tmp_path / "later.pem"
    source = sandbox.credentials(**{field: str(path)})
    assert f"{field} names certificates that do not exist" in message_of(source.token)
    assert sandbox.token_requests == 0
    path.touch()
    assert source.token().access_token


def test_an_ssl_context_is_used_as_it_is(at_tls: SourceOf, authority: Authority) -> None:
    """Hazard G2: neither the environment's authorities nor those of requests are added to it."""
    context = ssl.create_default_context(cafile=authority[1])
    assert at_tls(verify=context).token().access_token
    assert len(context.get_ca_certs()) == 1
    with pytest.raises(TokenRequestError, match="certificate verify failed"):
        at_tls(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)).token()


def test_a_session_that_verifies_nothing_leaves_the_token_request_verified(
    at_tls: SourceOf, origin: Origin
) -> None:
    """Hazard S10 (CVE-2024-35195)."""
    auth = RequestsAuth(at_tls(), allowed_hosts=[origin.allowed_host])
    with pytest.raises(TokenRequestError, match="certificate verify failed"):
        requests.get(origin.at(), auth=auth, verify=False, timeout=20)
    assert origin.requests == []


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_verification_can_be_switched_off(at_tls: SourceOf) -> None:
    assert at_tls(verify=False).token().access_token


@pytest.fixture
def client_certificate(authority: Authority, tmp_path: Path) -> tuple[str, str]:
    """The files of a client's certificate and key."""
    issued = authority[0].issue_cert("client@example.com")
    paths = str(tmp_path / "client.pem"), str(tmp_path / "client.key")
    issued.cert_chain_pems[0].write_to_path(paths[0])
    issued.private_key_pem.write_to_path(paths[1])
    return paths


@pytest.mark.parametrize("as_context", [False, True])
def test_a_client_certificate_is_shown(
    as_context: bool,  # noqa: FBT001 - a case
    at_tls: SourceOf,
    secure_origin: Origin,
    authority: Authority,
    client_certificate: tuple[str, str],
) -> None:
    """Hazard G2: also with a context for `verify`."""
    assert secure_origin.tls is not None
    authority[0].configure_trust(secure_origin.tls)
    secure_origin.tls.verify_mode = ssl.CERT_REQUIRED
    path = str(authority[1])
    verify = ssl.create_default_context(cafile=path) if as_context else path
    assert at_tls(verify=verify, cert=client_certificate).token().access_token
    with pytest.raises(TokenRequestError):
        at_tls(verify=path).token()
    assert len(secure_origin.requests) == 1
