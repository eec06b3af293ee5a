"""The token request is nobody else's: nothing of the user's session, of a netrc or of a cookie is in it."""

from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import requests
from requests.adapters import HTTPAdapter

from bitquery_auth import ClientCredentials, HTTPXAuth, RequestsAuth, ShortTermToken, TokenEndpointError
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.faults.faults import GRANT, answering
from tests.faults.proxy import FaultProxy

OURS = {
    "host",
    "user-agent",
    "accept",
    "accept-encoding",
    "cache-control",
    "connection",
    "content-type",
    "content-length",
}


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry for every host there is."""
    path = tmp_path / "netrc"
    path.write_text(
        "machine 127.0.0.1 login n password p\nmachine localhost login n password p\ndefault login n password p\n"
    )
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))


def _headers(proxy: FaultProxy) -> set[str]:
    assert proxy.requests
    return {name.lower() for request in proxy.requests for name in request.headers}


def test_a_session_of_requests_keeps_its_own(source: ClientCredentials, token_proxy: FaultProxy, api: str) -> None:
    """Hazards G2, S10: Authlib's session would send them along."""
    with requests.Session() as session:
        session.auth = RequestsAuth(source, allowed_hosts=[api.split("/")[2]])
        session.headers["X-Api-Key"] = "k"
        session.params = {"key": "k"}
        session.cookies.set("c", "v")
        session.verify = False
        session.proxies = {"http": token_proxy.url}
        session.get(api)
    ours = [request for request in token_proxy.requests if request.target == "/oauth2/token"]
    assert len(ours) == 1
    assert {name.lower() for name in ours[0].headers} == OURS


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_a_client_of_httpx_keeps_its_own(
    module: Any, source: ClientCredentials, token_proxy: FaultProxy, api: str
) -> None:
    options: dict[str, Any] = {"headers": {"X-Api-Key": "k"}, "params": {"key": "k"}, "cookies": {"c": "v"}}
    auth = HTTPXAuth(source, allowed_hosts=[api.split("/")[2]])
    with module.Client(auth=auth, verify=False, trust_env=False, **options) as client:
        client.get(api)
    assert token_proxy.requests[0].target == "/oauth2/token"
    assert _headers(token_proxy) == OURS


def test_a_session_that_verifies_nothing_does_not_make_the_token_request_do_so(
    source: ClientCredentials, token_proxy: FaultProxy, api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard S10 (CVE-2024-35195)."""
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    seen = []
    send = HTTPAdapter.send

    def spy(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append((request.path_url, kwargs["verify"]))
        return send(self, request, *args, **kwargs)

    monkeypatch.setattr(HTTPAdapter, "send", spy)
    with requests.Session() as session:
        session.auth = RequestsAuth(source, allowed_hosts=[api.split("/")[2]])
        session.get(api, verify=False)
    assert seen == [("/oauth2/token", True), ("/graphql", False)]


def test_a_netrc_is_not_in_it(netrc: None, source: ClientCredentials, token_proxy: FaultProxy) -> None:
    """Hazard S7."""
    source.token()
    assert _headers(token_proxy) == OURS


def test_a_netrc_does_not_replace_basic_credentials(netrc: None, sandbox: Sandbox, token_proxy: FaultProxy) -> None:
    """Hazard S7: the sandbox would refuse any others."""
    sandbox.token_endpoint_auth_method = "client_secret_basic"
    sandbox.credentials(token_endpoint=f"{token_proxy.url}/oauth2/token").token()
    assert _headers(token_proxy) == OURS | {"authorization"}


def test_a_netrc_is_not_in_a_revocation(netrc: None, sandbox: Sandbox, token_proxy: FaultProxy) -> None:
    source = sandbox.credentials(revocation_endpoint=f"{token_proxy.url}/oauth2/revoke")
    source.token()
    source.revoke()
    assert _headers(token_proxy) == OURS


def test_a_netrc_does_not_replace_the_long_token_in_an_exchange(
    netrc: None, source: ClientCredentials, api_proxy: FaultProxy, api: str
) -> None:
    short = ShortTermToken(source, endpoint=api)
    long_token = source.token()
    short.token()
    assert [request.headers["authorization"] for request in api_proxy.requests] == [f"Bearer {long_token.access_token}"]


@pytest.mark.parametrize("status", [200, 302, 401])
def test_a_netrc_is_not_even_looked_up(
    status: int, source: ClientCredentials, token_proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard S7."""
    looked_up: list[str] = []
    monkeypatch.setattr(requests.sessions, "get_netrc_auth", lambda url, *_: looked_up.append(url))
    token_proxy.mode = answering(status, GRANT if status == 200 else b"", Location=f"{token_proxy.url}/elsewhere")
    if status == 200:
        source.token()
    else:
        with pytest.raises(TokenEndpointError):
            source.token()
    assert looked_up == []


def test_a_cookie_of_the_token_endpoint_is_not_kept(
    source: ClientCredentials, token_proxy: FaultProxy, clock: Clock
) -> None:
    token_proxy.mode = answering(200, GRANT, Set_Cookie="sticky=1; Path=/")
    source.token()
    source.renew()
    assert len(token_proxy.requests) == 2
    assert _headers(token_proxy) == OURS


def test_every_fetch_has_a_connection_of_its_own_that_is_closed_after_it(
    source: ClientCredentials, token_proxy: FaultProxy
) -> None:
    """Hazard A6: nothing is left open between two fetches an hour apart."""
    for _ in range(3):
        source.renew()
    assert token_proxy.connections == 3
