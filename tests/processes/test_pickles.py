"""Pickles and copies of sources, auths and sessions: a pickle has the settings and no token, a copy is the same."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import httpx
import httpx2
import pytest
import requests

from bitquery_auth import ClientCredentials, HTTPXAuth, RequestsAuth, ShortTermToken, StaticToken
from bitquery_auth.sandbox import Sandbox

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

SOURCES: dict[str, Callable[[Sandbox], Any]] = {
    "client credentials": lambda sandbox: sandbox.credentials(),
    "short-term token": lambda sandbox: ShortTermToken(sandbox.credentials(), endpoint=sandbox.graphql_endpoint),
    "static token": lambda sandbox: StaticToken(sandbox.credentials().token().access_token),
}


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, sandbox: Sandbox) -> Any:
    """One of the sources, which has been used."""
    source = SOURCES[request.param](sandbox)
    source.token()
    return source


@pytest.fixture(params=[RequestsAuth, HTTPXAuth])
def auth(request: pytest.FixtureRequest, sandbox: Sandbox) -> Any:
    """An auth with settings of its own, which has been used."""
    auth = request.param(
        sandbox.credentials(),
        allowed_hosts=sandbox.allowed_hosts,
        header_name="Authorization",
        scheme="",
        is_auth_failure=bool,
        replay="never",
        insecure_http=True,
    )
    auth._header_for(auth._source.token())
    return auth


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_unpickled_source_gives_tokens(source: Any, protocol: int) -> None:
    """Hazard P1."""
    twin = pickle.loads(pickle.dumps(source, protocol))
    assert type(twin) is type(source)
    assert repr(twin) == repr(source)
    assert twin.token().access_token


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", ["client credentials", "short-term token"])
def test_a_pickled_source_holds_its_secret_and_no_fetched_token(sandbox: Sandbox, name: str, protocol: int) -> None:
    """Hazard P1."""
    source = SOURCES[name](sandbox)
    tokens = {source.token().access_token, sandbox.credentials().token().access_token}
    if name == "short-term token":
        tokens.add(source._source.token().access_token)
    pickled = pickle.dumps(source, protocol)
    assert sandbox.client_secret.encode() in pickled
    assert not any(token.encode() in pickled for token in tokens)


def test_every_setting_of_client_credentials_survives_a_pickle() -> None:
    """Hazard P1: a setting that is lost would change what is asked for, or of whom."""
    settings: dict[str, Any] = {
        "token_endpoint": "http://tokens.example/token",
        "revocation_endpoint": "http://tokens.example/revoke",
        "token_endpoint_auth_method": "client_secret_basic",
        "scope": "one two",
        "token_params": {"audience": ["a", "b"]},
        "leeway": 0.0,
        "renew_ahead": 0.0,
        "default_lifetime": 12.5,
        "timeout": 3.5,
        "verify": False,
        "cert": ("cert.pem", "key.pem"),
        "proxies": {"https": "http://proxy.example:3128"},
        "trust_env": False,
        "insecure_http": True,
    }
    source = ClientCredentials("id", read_secret, **settings)
    twin = pickle.loads(pickle.dumps(source))
    assert twin._settings == source._settings
    assert twin._settings | settings | {"client_id": "id", "client_secret": read_secret} == twin._settings


def read_secret() -> str:
    return "from a vault"


def test_a_default_that_depends_on_the_endpoint_is_the_same_after_a_pickle() -> None:
    """Hazard P1."""
    source = ClientCredentials("id", "secret")
    twin = pickle.loads(pickle.dumps(source))
    assert twin._settings == source._settings
    assert (twin._scope, twin._revocation_endpoint) == ("api", source._revocation_endpoint)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_setting_of_an_auth_survives_a_pickle(auth: Any, protocol: int) -> None:
    """Hazard P1."""
    twin = pickle.loads(pickle.dumps(auth, protocol))
    assert type(twin) is type(auth)
    assert twin._settings == auth._settings
    assert repr(twin) == repr(auth)


def test_a_pickled_auth_holds_no_fetched_token(auth: Any) -> None:
    """Hazard P1."""
    assert auth._source.token().access_token.encode() not in pickle.dumps(auth)


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_an_unpickled_auth_of_httpx_sends_requests(sandbox: Sandbox, module: Any) -> None:
    """Hazard P1."""
    auth = pickle.loads(pickle.dumps(HTTPXAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)))
    with module.Client(auth=auth) as client:
        assert client.get(sandbox.graphql_endpoint).status_code == 200


def test_a_pickled_session_holds_no_fetched_token_and_works(sandbox: Sandbox) -> None:
    """Hazard P1."""
    with requests.Session() as session:
        session.auth = auth = RequestsAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)
        session.get(sandbox.graphql_endpoint, timeout=20)
        pickled = pickle.dumps(session)
        assert auth._source.token().access_token.encode() not in pickled
    with pickle.loads(pickled) as twin:
        assert twin.get(sandbox.graphql_endpoint, timeout=20).status_code == 200
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_source_is_that_source(source: Any, copied: Callable[[Any], Any]) -> None:
    """Hazard P1: one token, whatever clones what holds it."""
    assert copied(source) is source


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_of_an_auth_is_that_auth(auth: Any, copied: Callable[[Any], Any]) -> None:
    """Hazard P1."""
    assert copied(auth) is auth


def test_a_deepcopied_session_shares_the_token(sandbox: Sandbox) -> None:
    """Hazards P1, C2."""
    with requests.Session() as session:
        session.auth = RequestsAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)
        with copy.deepcopy(session) as twin:
            assert twin.get(sandbox.graphql_endpoint, timeout=20).status_code == 200
        assert session.get(sandbox.graphql_endpoint, timeout=20).status_code == 200
    assert sandbox.token_requests == 1
