"""A WebSocket's URL at Bitquery has the token in it as it is sent, and in no pickle or repr of it afterwards."""

import pickle
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest

from bitquery_auth import HTTPXAuth, StaticToken
from tests.attacks.leaks import assert_hidden, pickled
from tests.kit.world import World, world

URL = "wss://streaming.bitquery.io/graphql?x=1"


@pytest.fixture
def bitquery(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


@pytest.fixture(params=[httpx, httpx2], ids=lambda module: module.__name__)
def module(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def client(module: Any, bitquery: World) -> Iterator[Any]:
    """A client in that world, with an auth that renews."""
    environment = bitquery.environment
    trusting = ssl.create_default_context(cafile=environment["SSL_CERT_FILE"])
    auth = HTTPXAuth(bitquery.sandbox.credentials(), allowed_hosts=["*.bitquery.io"])
    with module.Client(auth=auth, proxy=environment["HTTPS_PROXY"], verify=trusting, timeout=20) as client:
        yield client


def sent_in(request: Any) -> str:
    """The token in the URL, at its end."""
    return str(request.url).removeprefix(f"{URL}&token=")


def test_the_token_is_sent_in_the_url(client: Any, bitquery: World) -> None:
    response = client.get(URL)
    assert response.status_code == 200
    assert sent_in(response.request).startswith("ory_at_")
    assert "authorization" not in response.request.headers
    assert bitquery.sandbox.api_refusals == 0


@pytest.mark.parametrize("refused", [False, True])
def test_no_pickle_and_no_repr_of_the_url_has_it(client: Any, bitquery: World, *, refused: bool) -> None:
    """Hazards P1, S5: nor after it was refused and another sent."""
    if refused:
        client.get(URL)
        bitquery.sandbox.revoke_all()
    response = client.get(URL)
    assert [each.status_code for each in response.history] == [401] * refused
    answers = [response, *response.history]
    tokens = {sent_in(each.request) for each in answers}
    assert len(tokens) == len(answers)
    for each in answers:
        assert_hidden(pickled(each), *tokens)
        assert_hidden(pickled(each.request), *tokens)
        assert_hidden(repr(each.request.url), *tokens)


def test_an_unpickled_request_has_a_url_of_the_clients_own(client: Any, module: Any) -> None:
    twin = pickle.loads(pickle.dumps(client.get(URL).request))
    assert type(twin.url) is module.URL
    assert str(twin.url) == URL


@pytest.mark.parametrize("token", ["plain", "a+b/c=", "a&b#c"])
def test_nor_has_it_one_that_must_be_quoted(module: Any, token: str) -> None:
    request = next(HTTPXAuth(StaticToken(token)).sync_auth_flow(module.Request("GET", URL)))
    assert request.url.params["token"] == token
    assert str(pickle.loads(pickle.dumps(request)).url) == URL
    assert repr(request.url) == repr(module.URL(URL))
