"""A redirect of the token endpoint is not followed, whatever its kind: the form body holds the secret."""

from collections.abc import Callable, Iterator

import pytest

from bitquery_auth import ClientCredentials, TokenEndpointError
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.faults.conftest import Open, before
from tests.faults.faults import answering
from tests.faults.proxy import Connection, FaultProxy, forward

KINDS = [301, 302, 303, 307, 308]
each_kind = pytest.mark.parametrize("status", KINDS)


@pytest.fixture
def target(sandbox: Sandbox) -> Iterator[FaultProxy]:
    """Where the redirects lead: it would give a token to whoever asks."""
    with before(sandbox) as proxy:
        yield proxy


Redirect = Callable[..., None]


@pytest.fixture
def redirect(token_proxy: FaultProxy, target: FaultProxy) -> Redirect:
    def set_up(status: int, location: str | None = None) -> None:
        token_proxy.mode = answering(status, Location=location or f"{target.url}/oauth2/token")

    return set_up


@each_kind
def test_without_a_token_it_is_an_error_that_names_the_target_host(
    status: int, redirect: Redirect, open_client: Open, source: ClientCredentials, target: FaultProxy, api: str
) -> None:
    """Hazard S3."""
    redirect(status)
    client = open_client(source)
    with pytest.raises(TokenEndpointError, match=f"redirect to {target.host} is not followed") as caught:
        client.get(api)
    assert isinstance(caught.value, client.base_error)
    assert (caught.value.status_code, caught.value.retryable) == (status, False)
    assert target.connections == 0


@each_kind
def test_behind_the_back_of_requests_it_fails_none_of_them(
    status: int,
    redirect: Redirect,
    open_client: Open,
    source: ClientCredentials,
    token_proxy: FaultProxy,
    target: FaultProxy,
    api: str,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = open_client(source)
    client.get(api)
    redirect(status)
    with pytest.raises(TokenEndpointError):
        source.renew()
    clock.advance(3300)
    assert client.get(api).status == 200
    assert "is not followed" in caplog.text
    assert target.connections == 0


@each_kind
def test_in_answer_to_a_refusal_it_is_an_error_and_the_next_call_after_the_recovery_works(
    status: int,
    redirect: Redirect,
    open_client: Open,
    source: ClientCredentials,
    token_proxy: FaultProxy,
    target: FaultProxy,
    api: str,
    sandbox: Sandbox,
    clock: Clock,
) -> None:
    client = open_client(source)
    client.get(api)
    sandbox.revoke_all()
    redirect(status)
    with pytest.raises(TokenEndpointError, match="is not followed"):
        client.get(api)
    assert target.connections == 0
    token_proxy.mode = forward
    clock.advance(2)
    assert client.get(api).status == 200


@each_kind
def test_with_basic_credentials_neither(
    status: int, redirect: Redirect, sandbox: Sandbox, token_proxy: FaultProxy, target: FaultProxy
) -> None:
    """Hazard S3: the secret would go along in the header."""
    source = sandbox.credentials(
        token_endpoint=f"{token_proxy.url}/oauth2/token", token_endpoint_auth_method="client_secret_basic"
    )
    redirect(status)
    with pytest.raises(TokenEndpointError, match="is not followed"):
        source.token()
    assert target.connections == 0


@each_kind
def test_to_the_same_origin_neither(
    status: int, redirect: Redirect, source: ClientCredentials, token_proxy: FaultProxy
) -> None:
    redirect(status, "/oauth2/token/")
    with pytest.raises(TokenEndpointError, match=r"A redirect is not followed.*final URL"):
        source.token()
    assert len(token_proxy.requests) == 1


@each_kind
def test_a_revocation_is_not_redirected(
    status: int, redirect: Redirect, sandbox: Sandbox, token_proxy: FaultProxy, target: FaultProxy
) -> None:
    source = sandbox.credentials(revocation_endpoint=f"{token_proxy.url}/oauth2/revoke")
    token = source.token()
    redirect(status)
    with pytest.raises(TokenEndpointError, match="is not followed"):
        source.revoke()
    assert target.connections == 0
    assert source.token() is token


@pytest.mark.parametrize("location", ["http://[", "http://[::1", "https://a]b/", "//", "", "\t", "http://\xff\xfe/"])
def test_a_target_that_is_no_url_is_the_same_error(
    location: str, redirect: Redirect, source: ClientCredentials, token_proxy: FaultProxy
) -> None:
    token_proxy.mode = answering(302, Location=location)
    with pytest.raises(TokenEndpointError, match="is not followed"):
        source.token()


@each_kind
def test_its_body_is_read_no_further_than_any_answers(
    status: int, source: ClientCredentials, token_proxy: FaultProxy
) -> None:
    """Left to itself, the client reads and unzips the whole body of a redirect, although it follows none."""

    def endless(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 %d Found\r\nLocation: /elsewhere\r\n\r\n" % status)
        while not connection.server.stopping.is_set():
            connection.send(b" " * 65536)

    token_proxy.mode = endless
    with pytest.raises(TokenEndpointError, match="is not followed"):
        source.token()
