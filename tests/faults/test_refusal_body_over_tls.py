"""Behind TLS, too, the body of a refusal is read within bounds of time: the shutdown reaches below the encryption."""

import ssl
import time
from collections.abc import Iterator

import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox import Sandbox
from tests.kit.clients import CLIENTS, Client
from tests.faults.conftest import before
from tests.faults.proxy import Fault, FaultProxy
from tests.faults.test_refusal_body import MARGIN, SECONDS, dripping, dripping_chunks, silent
from tests.faults.test_tls import CA, GOOD, served_by


@pytest.fixture
def tls_api(sandbox: Sandbox) -> Iterator[FaultProxy]:
    with before(sandbox, tls=served_by(GOOD)) as proxy:
        yield proxy


@pytest.fixture(params=["requests", "httpx", "httpx-asyncio", "httpx-trio", "httpx2-trio"])
def client(
    request: pytest.FixtureRequest,
    source: ClientCredentials,
    tls_api: FaultProxy,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Client]:
    """A client that trusts the API."""
    path = tmp_path_factory.mktemp("api") / "ca.pem"
    CA.cert_pem.write_to_path(path)
    trust = str(path) if request.param == "requests" else ssl.create_default_context(cafile=path)
    kind = CLIENTS[request.param]
    with kind(kind.auth_class(source, allowed_hosts=[tls_api.host]), verify=trust) as client:
        yield client


@pytest.mark.parametrize("body", [silent, dripping, dripping_chunks])
def test_the_second_try_follows_in_time_whatever_the_body_does(
    body: Fault, client: Client, tls_api: FaultProxy, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bitquery_auth._replay.DRAIN_SECONDS", SECONDS)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    url = f"{tls_api.url}/graphql"
    client.get(url)
    sandbox.revoke_all()
    tls_api.plan.append(body)
    began = time.monotonic()
    outcome = client.get(url)
    assert time.monotonic() - began < SECONDS + MARGIN
    assert (outcome.status, outcome.history) == (200, (401,))
    assert client.get(url).status == 200
