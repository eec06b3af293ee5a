"""TLS to the token endpoint: what fails is one typed error, a CA and a client certificate of one's own work."""

import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from bitquery_auth import ClientCredentials, TokenRequestError
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.faults.checks import RENEWAL, fails, wait_for_background_fetch
from tests.faults.conftest import TIMEOUT, Open, before
from tests.faults.faults import Case, dripping_body, no_answer, silent
from tests.faults.proxy import Connection, Fault, FaultProxy

CA = trustme.CA()
STRANGER = trustme.CA()


def served_by(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


GOOD = CA.issue_cert("127.0.0.1")
WRONG_HOST = CA.issue_cert("api.example.com")
UNTRUSTED = STRANGER.issue_cert("127.0.0.1")


@pytest.fixture(scope="session")
def ca(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a CA bundle."""
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    CA.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture
def endpoint(sandbox: Sandbox) -> Iterator[FaultProxy]:
    """A token endpoint that speaks TLS."""
    with before(sandbox, tls=served_by(GOOD)) as proxy:
        yield proxy


@pytest.fixture
def at(endpoint: FaultProxy, sandbox: Sandbox) -> Callable[..., ClientCredentials]:
    """Give a source of that endpoint."""

    def source(**settings: Any) -> ClientCredentials:
        settings.setdefault("timeout", 5.0)
        return sandbox.credentials(token_endpoint=f"{endpoint.url}/oauth2/token", **settings)

    return source


def _plain_text(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    connection.wait_until_left()


def wrong_host(endpoint: FaultProxy) -> None:
    endpoint.tls = served_by(WRONG_HOST)


def untrusted(endpoint: FaultProxy) -> None:
    endpoint.tls = served_by(UNTRUSTED)


def plain_text(endpoint: FaultProxy) -> None:
    endpoint.tls, endpoint.greeting = None, _plain_text


def recover(endpoint: FaultProxy) -> None:
    endpoint.tls, endpoint.greeting = served_by(GOOD), None


SPOILT = no_answer(None, requests=0)
each_fault = pytest.mark.parametrize("spoil", [wrong_host, untrusted, plain_text])


@each_fault
def test_without_a_token_the_caller_gets_one_typed_error_and_the_secret_is_not_sent(
    spoil: Callable[[FaultProxy], None],
    open_client: Open,
    at: Callable[..., ClientCredentials],
    endpoint: FaultProxy,
    ca: str,
    api: str,
    clock: Clock,
) -> None:
    client = open_client(at(verify=ca))
    spoil(endpoint)
    error = fails(lambda: client.get(api), SPOILT, client)
    assert ("Check the clock of this machine, and verify=" in str(error)) is (spoil is not plain_text)
    assert endpoint.requests == []
    assert endpoint.connections == 1
    recover(endpoint)
    clock.advance(2)
    assert client.get(api).status == 200


@each_fault
def test_behind_the_back_of_requests_it_fails_none_of_them(
    spoil: Callable[[FaultProxy], None],
    open_client: Open,
    at: Callable[..., ClientCredentials],
    endpoint: FaultProxy,
    ca: str,
    api: str,
    clock: Clock,
    sandbox: Sandbox,
) -> None:
    """Hazard F2."""
    client = open_client(at(verify=ca))
    client.get(api)
    clock.advance(RENEWAL)
    spoil(endpoint)
    assert client.get(api).status == 200
    wait_for_background_fetch()
    assert endpoint.connections == 2
    recover(endpoint)
    clock.advance(2)
    assert client.get(api).status == 200
    wait_for_background_fetch()
    assert sandbox.tokens_issued == 2


@each_fault
def test_in_answer_to_a_refusal_the_caller_gets_the_error_and_the_next_one_a_token(
    spoil: Callable[[FaultProxy], None],
    open_client: Open,
    at: Callable[..., ClientCredentials],
    endpoint: FaultProxy,
    ca: str,
    api: str,
    clock: Clock,
    sandbox: Sandbox,
) -> None:
    client = open_client(at(verify=ca))
    client.get(api)
    sandbox.revoke_all()
    spoil(endpoint)
    fails(lambda: client.get(api), SPOILT, client)
    recover(endpoint)
    clock.advance(2)
    assert client.get(api).status == 200


@pytest.mark.parametrize("fault", [silent, dripping_body])
def test_the_timeout_ends_what_drips_behind_tls(
    fault: Any, open_client: Open, at: Callable[..., ClientCredentials], endpoint: FaultProxy, ca: str, api: str
) -> None:
    """Hazard F5."""
    client = open_client(at(verify=ca, timeout=TIMEOUT))
    endpoint.mode = fault
    fails(lambda: client.get(api), Case(fault, TokenRequestError, retryable=True, timed=True), client)
    assert len(endpoint.requests) == 1


def test_the_timeout_ends_a_handshake_that_is_not_answered(
    open_client: Open, at: Callable[..., ClientCredentials], endpoint: FaultProxy, ca: str, api: str
) -> None:
    client = open_client(at(verify=ca, timeout=TIMEOUT))
    endpoint.tls, endpoint.greeting = None, silent
    fails(lambda: client.get(api), no_answer(silent, timed=True), client)
    assert endpoint.connections == 1


def _closing_at_once(connection: Connection) -> None:
    connection.sock.shutdown(socket.SHUT_WR)
    connection.wait_until_left()


def _closing_after_the_client_hello(connection: Connection) -> None:
    assert connection.sock.recv(65536)
    _closing_at_once(connection)


each_closing = pytest.mark.parametrize("closing", [_closing_at_once, _closing_after_the_client_hello])


@each_closing
def test_a_handshake_that_is_closed_is_tried_once_more_at_once(
    closing: Fault, at: Callable[..., ClientCredentials], endpoint: FaultProxy, ca: str
) -> None:
    """Hazard F6: as a connection closed without an answer is."""

    def once(connection: Connection) -> None:
        recover(endpoint)
        closing(connection)

    source = at(verify=ca)
    endpoint.tls, endpoint.greeting = None, once
    assert source.token().access_token
    assert endpoint.connections == 2
    assert len(endpoint.requests) == 1


@each_closing
def test_a_server_that_closes_every_handshake_gets_two_connections_and_no_hint_about_the_clock(
    closing: Fault, at: Callable[..., ClientCredentials], endpoint: FaultProxy, ca: str
) -> None:
    source = at(verify=ca)
    endpoint.tls, endpoint.greeting = None, closing
    with pytest.raises(TokenRequestError, match="No answer from") as caught:
        source.token()
    assert endpoint.connections == 2
    assert caught.value.__cause__ is not None
    assert "clock" not in str(caught.value)
    assert "verify=" not in str(caught.value)


def test_a_handshake_that_fails_for_another_reason_is_not_tried_again_nor_laid_to_the_clock(
    at: Callable[..., ClientCredentials], endpoint: FaultProxy, ca: str
) -> None:
    source = at(verify=ca)
    context = served_by(GOOD)
    context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
    endpoint.tls = context
    with pytest.raises(TokenRequestError) as caught:
        source.token()
    assert endpoint.connections == 1
    assert "clock" not in str(caught.value)


def test_a_ca_bundle_of_ones_own_is_trusted(at: Callable[..., ClientCredentials], ca: str) -> None:
    """Hazard G2."""
    at(verify=ca).token()


def test_without_it_the_same_endpoint_is_not(at: Callable[..., ClientCredentials], endpoint: FaultProxy) -> None:
    with pytest.raises(TokenRequestError, match="certificate verify failed"):
        at().token()
    assert endpoint.requests == []


def test_the_environments_ca_bundle_is_heeded_and_can_be_turned_off(
    at: Callable[..., ClientCredentials], ca: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ca)
    at().token()
    with pytest.raises(TokenRequestError):
        at(trust_env=False).token()


def test_a_ca_bundle_of_the_environment_that_is_not_there_is_an_error_of_ours(
    at: Callable[..., ClientCredentials], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "no-such-bundle.pem")
    with pytest.raises(TokenRequestError, match="no-such-bundle"):
        at().token()


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_verification_can_be_turned_off(at: Callable[..., ClientCredentials]) -> None:
    at(verify=False).token()


@pytest.fixture
def client_certificate(tmp_path: Path) -> tuple[str, str]:
    """The paths of a client's certificate and key."""
    issued = CA.issue_cert("client@example.com")
    paths = tmp_path / "client.pem", tmp_path / "client.key"
    issued.cert_chain_pems[0].write_to_path(paths[0])
    issued.private_key_pem.write_to_path(paths[1])
    return str(paths[0]), str(paths[1])


def _demand_certificates(endpoint: FaultProxy) -> None:
    context = served_by(GOOD)
    CA.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    endpoint.tls = context


def test_a_client_certificate_is_shown(
    at: Callable[..., ClientCredentials], endpoint: FaultProxy, ca: str, client_certificate: tuple[str, str]
) -> None:
    """Hazard G2."""
    _demand_certificates(endpoint)
    at(verify=ca, cert=client_certificate).token()


def test_without_one_the_endpoint_is_no_answer(
    at: Callable[..., ClientCredentials], endpoint: FaultProxy, ca: str
) -> None:
    _demand_certificates(endpoint)
    with pytest.raises(TokenRequestError):
        at(verify=ca).token()
    assert endpoint.requests == []
