"""Slips of whoever uses this: an error that names what is wrong, and the way out."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest

from bitquery_auth import ClientCredentials, ConfigurationError, HTTPXAuth, RequestsAuth, StaticToken, Token
from bitquery_auth.sandbox import Sandbox
from tests.behaviour.conftest import Open, api_calls
from tests.kit.clients import Client


class Forgetful:
    """A source of one's own whose ``token`` gives what it should not."""

    def __init__(self, given: Any) -> None:
        self._given = given

    def token(self) -> Token:
        return self._given  # type: ignore[no-any-return]  # as somebody would write it

    def discard(self, token: Token | str) -> None:
        pass


@pytest.mark.parametrize("given", [None, "a token", 5], ids=repr)
def test_a_source_whose_token_is_none_is_told_so_and_nothing_is_sent(
    given: Any, open_client: Open, sandbox: Sandbox, kind: type[Client]
) -> None:
    message = f"What the source's token() gives must be a Token, not {type(given).__name__}."
    with pytest.raises(kind.base_error) as caught:
        open_client(Forgetful(given)).get(sandbox.graphql_endpoint)
    assert isinstance(caught.value, ConfigurationError)
    assert str(caught.value) == message
    assert api_calls(sandbox) == []


@pytest.mark.parametrize("given", [None, "a form", ("uri", {})], ids=repr)
def test_a_client_authentication_that_returns_something_else_is_told_what_to_return(
    given: Any, sandbox: Sandbox
) -> None:
    source = sandbox.credentials(token_endpoint_auth_method=lambda *_: given)
    with pytest.raises(ConfigurationError, match=r"token_endpoint_auth_method must return \(uri, headers, body\)\."):
        source.token()
    assert sandbox.token_requests == 0


@pytest.mark.parametrize(
    ("field", "given"),
    [("verify", "{}/missing.pem"), ("cert", "{}/missing.pem"), ("cert", (__file__, "{}/missing.pem"))],
)
def test_certificates_that_are_not_there_are_a_wrong_setting(
    field: str, given: Any, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Construction does no I/O, so it is told at the first fetch."""
    folder = str(tmp_path)
    given = given.format(folder) if isinstance(given, str) else tuple(each.format(folder) for each in given)
    source = sandbox.credentials(**{field: given})
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=f"^{field} names a file or folder that is not there"):
            source.token()
    assert sandbox.token_requests == 0


def test_certificates_that_are_put_there_later_are_used(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "later.pem"
    source = sandbox.credentials(verify=str(path))
    with pytest.raises(ConfigurationError):
        source.token()
    path.touch()
    assert source.token().access_token


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_the_auth_of_requests_given_to_httpx_names_the_other(module: Any, sandbox: Sandbox) -> None:
    auth = RequestsAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)
    with pytest.raises(ConfigurationError, match="RequestsAuth is for requests: give httpx and httpx2 an HTTPXAuth"):
        module.get(sandbox.graphql_endpoint, auth=auth)
    assert api_calls(sandbox) == []


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_an_auth_that_wraps_ours_by_auth_flow_is_told_the_right_flows(module: Any, sandbox: Sandbox) -> None:
    """Hazard G9: without, its requests would go out with no token."""
    inner = HTTPXAuth(StaticToken("token"), allowed_hosts=sandbox.allowed_hosts)

    class Wrapping(module.Auth):  # type: ignore[misc, name-defined]  # of either family
        def auth_flow(self, request: Any) -> Generator[Any, Any, None]:
            yield from inner.auth_flow(request)

    with pytest.raises(ConfigurationError, match="delegates its sync_auth_flow to ours, and its async_auth_flow"):
        module.get(sandbox.graphql_endpoint, auth=Wrapping())
    assert api_calls(sandbox) == []


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_an_auth_that_wraps_ours_by_those_works(module: Any, sandbox: Sandbox) -> None:
    """Hazard G9."""
    source: ClientCredentials = sandbox.credentials()
    inner = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts)

    class Wrapping(module.Auth):  # type: ignore[misc, name-defined]  # as above
        def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
            request.headers["X-Signed"] = "yes"
            yield from inner.sync_auth_flow(request)

    sandbox.revoke_all()
    assert module.get(sandbox.graphql_endpoint, auth=Wrapping()).status_code == 200
