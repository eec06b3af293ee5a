"""WebSockets of Bitquery's hosts accept the token in the URL alone.

Hazard S6.
"""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest

from bitquery_auth import HTTPXAuth, StaticToken
from tests.kit.world import World, world

URL = "wss://streaming.bitquery.io/graphql?x=1"


@pytest.fixture
def bitquery(tmp_path: Path) -> Iterator[World]:
    """Bitquery's hosts on loopback."""
    with world(tmp_path) as made:
        yield made


@pytest.fixture(params=[pytest.param(httpx, marks=pytest.mark.matrix), httpx2])
def module(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def client(module: Any, bitquery: World) -> Iterator[Any]:
    """A client of those hosts."""
    environment = bitquery.environment
    trusting = ssl.create_default_context(cafile=environment["SSL_CERT_FILE"])
    auth = HTTPXAuth(bitquery.sandbox.credentials(), allowed_hosts=["*.bitquery.io"])
    with module.Client(
        auth=auth, proxy=environment["HTTPS_PROXY"], verify=trusting, timeout=20
    ) as client:
        yield client


def token_in_url(request: Any) -> str:
    """Return the token, which is the last parameter."""
    return str(request.url).removeprefix(f"{URL}&token=")


def test_the_token_is_sent_in_the_url_and_in_no_header(client: Any, bitquery: World) -> None:
    response = client.get(URL)
    assert response.status_code == 200
    assert token_in_url(response.request).startswith("ory_at_")
    assert "authorization" not in response.request.headers
    assert bitquery.sandbox.api_refusals == 0


def test_a_rejected_handshake_is_sent_again_with_another_token(
    client: Any, bitquery: World
) -> None:
    client.get(URL)
    bitquery.sandbox.revoke_all()
    response = client.get(URL)
    assert [each.status_code for each in (*response.history, response)] == [401, 200]
    sent = [token_in_url(each.request) for each in (*response.history, response)]
    assert len(set(sent)) == 2
    assert not any("token=" in token for token in sent)


@pytest.mark.parametrize("token", ["plain", "a+b/c=", "a&b#c"])
def test_a_token_is_quoted_where_necessary(module: Any, token: str) -> None:
    request = next(HTTPXAuth(StaticToken(token)).sync_auth_flow(module.Request("GET", URL)))
    assert request.url.params["token"] == token
    assert request.url.params["x"] == "1"
