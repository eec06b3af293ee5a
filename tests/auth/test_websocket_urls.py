"""WebSockets of Bitquery's hosts accept the token in the URL alone (hazard S6)."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bitquery_auth import HTTPXAuth, StaticToken
from tests.kit.crowd import each_module
from tests.kit.world import World, world

URL = "wss://streaming.bitquery.io/graphql?x=1"

pytestmark = each_module


@pytest.fixture
def bitquery(tmp_path: Path) -> Iterator[World]:
    """Bitquery's hosts on loopback."""
    with world(tmp_path) as made:
        yield made


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
    """Return the token, which is the last parameter and in no header."""
    assert "authorization" not in request.headers
    return str(request.url).removeprefix(f"{URL}&token=")


def test_the_token_is_sent_in_the_url_alone_and_again_with_another_one_if_it_is_rejected(
    client: Any, bitquery: World
) -> None:
    first = client.get(URL)
    assert (first.status_code, first.history) == (200, [])
    assert token_in_url(first.request).startswith("ory_at_")
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
