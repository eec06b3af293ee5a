"""A redirect of the token endpoint is not followed: the form holds a secret (hazard S3)."""

import pytest

from bitquery_auth import TokenEndpointError
from bitquery_auth.sandbox import Sandbox
from tests.kit.origin import Connection, Origin, on_the_wire, redirecting
from tests.redirects.conftest import each_redirect


@each_redirect
@pytest.mark.parametrize("location", ["{elsewhere}/oauth2/token", "/token/", "http://[", ""])
def test_a_token_request_is_not_redirected(
    sandbox: Sandbox, origin: Origin, elsewhere: Origin, status: int, location: str
) -> None:
    origin.handler = redirecting(status, location.format(elsewhere=elsewhere.at("")))
    source = sandbox.credentials(token_endpoint=origin.at("/token"))
    with pytest.raises(TokenEndpointError, match=r"not followed.*final URL") as caught:
        source.token()
    assert (caught.value.status_code, caught.value.retryable) == (status, False)
    assert (len(origin.requests), elsewhere.requests) == (1, [])


def test_a_revocation_is_not_redirected(
    sandbox: Sandbox, origin: Origin, elsewhere: Origin
) -> None:
    origin.handler = redirecting(307, elsewhere.at("/oauth2/revoke"))
    source = sandbox.credentials(revocation_endpoint=origin.at("/revoke"))
    token = source.token()
    with pytest.raises(TokenEndpointError, match="Redirects are not followed"):
        source.revoke()
    assert elsewhere.requests == []
    assert source.token() == token


def test_the_body_of_a_redirect_is_not_read_to_its_end(sandbox: Sandbox, origin: Origin) -> None:
    """requests reads it whole to find out where the redirect leads, even if it is not followed."""

    @on_the_wire
    def endless(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 307 Moved\r\nLocation: /elsewhere\r\n\r\n")
        connection.flood(b" " * 65536)

    origin.handler = endless
    with pytest.raises(TokenEndpointError, match="Redirects are not followed"):
        sandbox.credentials(token_endpoint=origin.at("/token")).token()
