"""A redirect of the token endpoint is not followed: the form holds a secret (hazard S3)."""

import pytest

from bitquery_auth import ClientCredentials, TokenEndpointError
from bitquery_auth.sandbox import Sandbox
from tests.kit.clients import OpenClient
from tests.kit.clock import Clock
from tests.kit.origin import Connection, Gate, Origin, on_the_wire, redirecting
from tests.redirects.conftest import each_redirect


@pytest.fixture
def allowed_hosts(sandbox: Sandbox) -> tuple[str, ...]:
    return sandbox.allowed_hosts


@pytest.fixture
def redirected(sandbox: Sandbox, origin: Origin, elsewhere: Origin) -> ClientCredentials:
    """A source whose token endpoint redirects to `elsewhere`."""
    origin.handler = redirecting(307, elsewhere.at("/oauth2/token"))
    return sandbox.credentials(token_endpoint=origin.at("/token"))


@each_redirect
def test_a_token_request_is_not_redirected(
    redirected: ClientCredentials, origin: Origin, elsewhere: Origin, status: int
) -> None:
    origin.handler = redirecting(status, elsewhere.at("/oauth2/token"))
    with pytest.raises(TokenEndpointError, match=r"redirect.*final URL") as caught:
        redirected.token()
    assert (caught.value.status_code, caught.value.retryable) == (status, False)
    assert (len(origin.requests), elsewhere.requests) == (1, [])


def test_a_redirect_within_the_origin_is_not_followed_either(
    redirected: ClientCredentials, origin: Origin
) -> None:
    origin.handler = redirecting(308, "/token/")
    with pytest.raises(TokenEndpointError, match="redirect"):
        redirected.token()
    assert len(origin.requests) == 1


def test_a_secret_in_a_basic_header_is_not_redirected(
    sandbox: Sandbox, origin: Origin, elsewhere: Origin
) -> None:
    origin.handler = redirecting(307, elsewhere.at("/oauth2/token"))
    source = sandbox.credentials(
        token_endpoint=origin.at("/token"), token_endpoint_auth_method="client_secret_basic"
    )
    with pytest.raises(TokenEndpointError, match="redirect"):
        source.token()
    assert elsewhere.requests == []


def test_a_revocation_is_not_redirected(
    sandbox: Sandbox, origin: Origin, elsewhere: Origin
) -> None:
    origin.handler = redirecting(307, elsewhere.at("/oauth2/revoke"))
    source = sandbox.credentials(revocation_endpoint=origin.at("/revoke"))
    token = source.token()
    with pytest.raises(TokenEndpointError, match="redirect"):
        source.revoke()
    assert elsewhere.requests == []
    assert source.token() == token


def test_inside_a_request_it_is_an_error_of_the_client(
    open_client: OpenClient, sandbox: Sandbox, redirected: ClientCredentials, elsewhere: Origin
) -> None:
    client = open_client(redirected)
    with pytest.raises(client.base_error, match="redirect") as caught:
        client.get(sandbox.graphql_endpoint)
    assert isinstance(caught.value, TokenEndpointError)
    assert (sandbox.api_requests, elsewhere.requests) == (0, [])


def test_while_the_token_is_valid_requests_go_on(
    open_client: OpenClient,
    sandbox: Sandbox,
    origin: Origin,
    elsewhere: Origin,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    origin.handler = Gate(sandbox)
    source = sandbox.credentials(token_endpoint=origin.at("/oauth2/token"), renew_ahead=0)
    client = open_client(source)
    client.get(sandbox.graphql_endpoint)
    origin.handler = redirecting(307, elsewhere.at("/oauth2/token"))
    clock.advance(sandbox.lifetime - 30)
    assert client.get(sandbox.graphql_endpoint).status == 200
    assert "redirect" in caplog.text
    assert elsewhere.requests == []


@pytest.mark.parametrize("location", ["http://[", "//", "", "http://\xff\xfe/"])
def test_a_location_that_is_not_a_url_is_the_same_error(
    redirected: ClientCredentials, origin: Origin, location: str
) -> None:
    origin.handler = redirecting(302, location)
    with pytest.raises(TokenEndpointError, match="redirect"):
        redirected.token()


def test_the_body_of_a_redirect_is_not_read_to_its_end(
    redirected: ClientCredentials, origin: Origin
) -> None:
    """requests reads it whole to find out where the redirect leads, even if it is not followed."""

    @on_the_wire
    def endless(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 307 Moved\r\nLocation: /elsewhere\r\n\r\n")
        connection.flood(b" " * 65536)

    origin.handler = endless
    with pytest.raises(TokenEndpointError, match="redirect"):
        redirected.token()
