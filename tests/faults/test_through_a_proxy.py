"""The token request goes through a forward proxy where that is set, and only it does."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
import trustme

from bitquery_auth import ClientCredentials, TokenRequestError
from bitquery_auth.sandbox import Sandbox
from tests.faults import relay as relaying
from tests.faults.checks import fails
from tests.faults.conftest import TIMEOUT, Open, before
from tests.faults.faults import Case, answering, closed, dripping_headers, no_answer, silent
from tests.faults.proxy import FaultProxy
from tests.faults.relay import relay
from tests.faults.test_tls import served_by

CA = trustme.CA()


@pytest.fixture
def forward_proxy(sandbox: Sandbox) -> Iterator[FaultProxy]:
    relaying.tunnelled.clear()
    with before(sandbox) as proxy:
        proxy.mode = relay
        yield proxy


@pytest.fixture
def tls_endpoint(sandbox: Sandbox) -> Iterator[FaultProxy]:
    with before(sandbox, tls=served_by(CA.issue_cert("127.0.0.1"))) as proxy:
        yield proxy


@pytest.fixture
def through(sandbox: Sandbox, tls_endpoint: FaultProxy, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Give a source of the TLS endpoint."""
    ca = tmp_path_factory.mktemp("proxied") / "ca.pem"
    CA.cert_pem.write_to_path(ca)

    def source(**settings: Any) -> ClientCredentials:
        settings.setdefault("timeout", 5.0)
        return sandbox.credentials(token_endpoint=f"{tls_endpoint.url}/oauth2/token", verify=str(ca), **settings)

    return source


def test_a_plain_token_request_is_made_with_the_absolute_url(
    sandbox: Sandbox, forward_proxy: FaultProxy, open_client: Open, api: str, api_proxy: FaultProxy
) -> None:
    """Hazard G2: the proxy is of the token request alone; the API's goes straight."""
    client = open_client(sandbox.credentials(proxies={"http": forward_proxy.url}))
    assert client.get(api).status == 200
    assert [request.target for request in forward_proxy.requests] == [sandbox.token_endpoint]
    assert len(api_proxy.requests) == 1


def test_a_token_request_over_tls_goes_through_a_tunnel_that_cannot_be_read(
    through: Any, sandbox: Sandbox, forward_proxy: FaultProxy, tls_endpoint: FaultProxy
) -> None:
    token = through(proxies={"https": forward_proxy.url}).token()
    assert [(request.method, request.target) for request in forward_proxy.requests] == [("CONNECT", tls_endpoint.host)]
    assert len(tls_endpoint.requests) == 1
    assert len(relaying.tunnelled) > 500
    for secret in (sandbox.client_secret, token.access_token):
        assert secret.encode() not in relaying.tunnelled


def test_the_proxys_password_is_for_the_proxy_only(
    through: Any, forward_proxy: FaultProxy, tls_endpoint: FaultProxy
) -> None:
    through(proxies={"https": f"http://user:pass@{forward_proxy.host}"}).token()
    expected = "Basic " + base64.b64encode(b"user:pass").decode()
    assert forward_proxy.requests[0].headers["proxy-authorization"] == expected
    assert not {"proxy-authorization", "authorization"} & set(tls_endpoint.requests[0].headers)


def test_the_environments_proxy_is_heeded(
    sandbox: Sandbox, forward_proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", forward_proxy.url)
    sandbox.credentials().token()
    assert len(forward_proxy.requests) == 1


def test_the_environments_proxy_can_be_turned_off(
    sandbox: Sandbox, forward_proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", forward_proxy.url)
    sandbox.credentials(trust_env=False).token()
    assert forward_proxy.connections == 0


def test_a_proxy_of_ones_own_comes_before_the_environments(
    sandbox: Sandbox, forward_proxy: FaultProxy, token_proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", token_proxy.url)
    sandbox.credentials(proxies={"http": forward_proxy.url}).token()
    assert (len(forward_proxy.requests), token_proxy.connections) == (1, 0)


@pytest.mark.parametrize("status", [403, 407, 502])
def test_a_tunnel_that_is_refused_is_no_answer(
    status: int, through: Any, forward_proxy: FaultProxy, tls_endpoint: FaultProxy, open_client: Open, api: str
) -> None:
    client = open_client(through(proxies={"https": f"http://user:s3ntinel@{forward_proxy.host}"}))
    forward_proxy.mode = answering(status)
    error = fails(lambda: client.get(api), no_answer(None), client)
    assert str(status) in str(error)
    assert "s3ntinel" not in str(error)
    assert len(forward_proxy.requests) == 1
    assert tls_endpoint.connections == 0


def test_a_tunnel_that_is_closed_without_an_answer_is_tried_once_more(
    through: Any, forward_proxy: FaultProxy, open_client: Open, api: str
) -> None:
    forward_proxy.plan.append(closed)
    assert open_client(through(proxies={"https": forward_proxy.url})).get(api).status == 200
    assert len(forward_proxy.requests) == 2


@pytest.mark.parametrize("fault", [silent, dripping_headers])
def test_the_timeout_ends_a_tunnel_that_never_opens(
    fault: Any, through: Any, forward_proxy: FaultProxy, open_client: Open, api: str
) -> None:
    """Hazard F5."""
    client = open_client(through(proxies={"https": forward_proxy.url}, timeout=TIMEOUT))
    forward_proxy.mode = fault
    fails(lambda: client.get(api), Case(fault, TokenRequestError, retryable=True, timed=True), client)
    assert len(forward_proxy.requests) == 1


def test_a_proxy_that_is_down_is_no_answer_and_says_so(
    through: Any, forward_proxy: FaultProxy, open_client: Open, api: str
) -> None:
    client = open_client(through(proxies={"https": f"http://user:s3ntinel@{forward_proxy.host}"}))
    forward_proxy.refuse_connections()
    error = fails(lambda: client.get(api), no_answer(None), client)
    assert "s3ntinel" not in repr(error)
