"""Pickles and copies of sources, auths and sessions.

A pickle holds the settings and no fetched token. A copy is the object itself. Unpickled sources of
equal settings are one.

Hazard P1.
"""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import requests

from bitquery_auth import (
    ClientCredentials,
    HTTPXAuth,
    RequestsAuth,
    ShortTermToken,
    StaticToken,
    TokenEndpointError,
)
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clients import Client
from tests.kit.recorded import form_of, token_posts

SOURCES: dict[str, Callable[[Sandbox], Any]] = {
    "client credentials": lambda sandbox: sandbox.credentials(),
    "short-term token": lambda sandbox: ShortTermToken(
        sandbox.credentials(), endpoint=sandbox.graphql_endpoint
    ),
    "static token": lambda sandbox: StaticToken(sandbox.credentials().token().access_token),
}
each_protocol = pytest.mark.parametrize("protocol", [0, 2, pickle.HIGHEST_PROTOCOL])


def settings_of(pickled: Any) -> Any:
    """Return what a pickle of the object holds, in a form that can be compared."""
    function, arguments = pickled.__reduce__()[:2]
    return getattr(function, "keywords", None), arguments


def issued_tokens(sandbox: Sandbox) -> list[bytes]:
    """Return all tokens that requests have carried."""
    sent = (call.headers.get("authorization", "") for call in sandbox.requests)
    return [value.removeprefix("Bearer ").encode() for value in sent if value]


@pytest.fixture(params=SOURCES)
def used_source(request: pytest.FixtureRequest, sandbox: Sandbox) -> Any:
    """One of the sources, which has been used."""
    source = SOURCES[request.param](sandbox)
    source.token()
    return source


@pytest.fixture(params=[RequestsAuth, HTTPXAuth])
def auth(request: pytest.FixtureRequest, source: ClientCredentials, sandbox: Sandbox) -> Any:
    """An auth with settings of its own."""
    return request.param(
        source,
        allowed_hosts=sandbox.allowed_hosts,
        header_name="X-Token",
        scheme="",
        is_auth_failure=bool,
        replay="never",
        insecure_http=True,
    )


@pytest.fixture
def source(sandbox: Sandbox) -> ClientCredentials:
    return sandbox.credentials()


@each_protocol
def test_an_unpickled_source_has_the_settings_and_returns_tokens(
    used_source: Any, protocol: int
) -> None:
    twin = pickle.loads(pickle.dumps(used_source, protocol))
    assert type(twin) is type(used_source)
    assert repr(twin) == repr(used_source)
    assert twin.token().access_token


@each_protocol
@pytest.mark.parametrize("name", ["client credentials", "short-term token"])
def test_a_pickled_source_holds_its_secret_and_no_fetched_token(
    sandbox: Sandbox, name: str, protocol: int
) -> None:
    source = SOURCES[name](sandbox)
    requests.get(
        sandbox.graphql_endpoint,
        auth=RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts),
        timeout=20,
    )
    pickled = pickle.dumps(source, protocol)
    assert sandbox.client_secret.encode() in pickled
    assert issued_tokens(sandbox)
    assert not any(token in pickled for token in issued_tokens(sandbox))


def read_secret() -> str:
    return "from a vault"


def test_every_setting_of_client_credentials_survives_a_pickle() -> None:
    settings: dict[str, Any] = {
        "token_endpoint": "http://tokens.example/token",
        "revocation_endpoint": "http://tokens.example/revoke",
        "token_endpoint_auth_method": "client_secret_basic",
        "scope": "one two",
        "token_headers": {"x-api-key": "key"},
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
    assert settings_of(twin) == settings_of(source)
    assert settings in settings_of(source)[1]


def test_the_token_request_of_an_unpickled_source_is_the_same(sandbox: Sandbox) -> None:
    source = sandbox.credentials(token_params={"region": "eu"}, token_headers={"x-api-key": "k"})
    pickle.loads(pickle.dumps(source)).token()
    source.token()
    first, second = token_posts(sandbox)
    assert form_of(first) == form_of(second)
    assert first.headers == second.headers


def test_the_required_hosts_of_an_unpickled_source_are_the_same(sandbox: Sandbox) -> None:
    twin = pickle.loads(pickle.dumps(sandbox.credentials()))
    with pytest.raises(ValueError, match="allowed_hosts is required"):
        RequestsAuth(twin)


@each_protocol
def test_every_setting_of_an_auth_survives_a_pickle(auth: Any, protocol: int) -> None:
    twin = pickle.loads(pickle.dumps(auth, protocol))
    assert type(twin) is type(auth)
    assert settings_of(twin) == settings_of(auth)
    assert settings_of(twin)[0]["header_name"] == "X-Token"
    assert repr(twin) == repr(auth)


def test_an_unpickled_auth_sends_requests_with_a_token_of_its_own(
    kind: type[Client], source: ClientCredentials, sandbox: Sandbox
) -> None:
    auth = kind.auth_class(source, allowed_hosts=sandbox.allowed_hosts)
    with kind(auth) as client:
        client.get(sandbox.graphql_endpoint)
    pickled = pickle.dumps(auth)
    assert not any(token in pickled for token in issued_tokens(sandbox))
    with kind(pickle.loads(pickled)) as client:
        assert client.get(sandbox.graphql_endpoint).status == 200
    assert sandbox.token_requests == 2


def test_a_pickled_session_holds_no_fetched_token_and_works(
    source: ClientCredentials, sandbox: Sandbox
) -> None:
    with requests.Session() as session:
        session.auth = RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts)
        session.get(sandbox.graphql_endpoint, timeout=20)
        pickled = pickle.dumps(session)
    assert not any(token in pickled for token in issued_tokens(sandbox))
    with pickle.loads(pickled) as twin:
        assert twin.get(sandbox.graphql_endpoint, timeout=20).status_code == 200
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_source_is_that_source(used_source: Any, copied: Callable[[Any], Any]) -> None:
    assert copied(used_source) is used_source


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_of_an_auth_is_that_auth(auth: Any, copied: Callable[[Any], Any]) -> None:
    assert copied(auth) is auth


@pytest.mark.parametrize("name", ["client credentials", "short-term token"])
def test_unpickled_sources_of_equal_settings_are_one(sandbox: Sandbox, name: str) -> None:
    """A long-lived worker unpickles one for each of its tasks."""
    pickles = [pickle.dumps(SOURCES[name](sandbox)) for _ in range(2)]
    first, *others = [pickle.loads(pickled) for pickled in pickles * 3]
    assert all(other is first for other in others)
    assert {other.token().access_token for other in others} == {first.token().access_token}
    assert sandbox.token_requests == 1


@pytest.mark.parametrize("name", ["client credentials", "short-term token"])
def test_tasks_with_unpickled_auths_share_one_token(sandbox: Sandbox, name: str) -> None:
    auth = RequestsAuth(SOURCES[name](sandbox), allowed_hosts=sandbox.allowed_hosts)
    pickled = pickle.dumps(auth)
    kept = pickle.loads(pickled)  # a worker keeps the auth of one task while it begins the next
    for _ in range(6):
        response = requests.post(
            sandbox.graphql_endpoint, json=QUERY, auth=pickle.loads(pickled), timeout=20
        )
        assert response.status_code == 200
    assert sandbox.token_requests == 1
    assert kept is not None


@pytest.mark.parametrize(
    "difference",
    [
        {"client_id": "other"},
        {"client_secret": "other"},
        {"scope": "other"},
        {"token_params": {"audience": "other"}},
        {"timeout": 1.0},
        {"token_endpoint": "https://other.example.com/token"},
    ],
    ids=lambda difference: next(iter(difference)),
)
def test_unpickled_sources_of_different_settings_are_different(difference: dict[str, Any]) -> None:
    settings = {"client_id": "id", "client_secret": "secret", "scope": "api"}
    sources = [
        pickle.loads(pickle.dumps(ClientCredentials(**each)))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - a dict of all types
        for each in (settings, settings | difference)
    ]
    assert sources[0] is not sources[1]


def test_a_pickled_error_of_a_source_holds_all_it_says(sandbox: Sandbox) -> None:
    source = ClientCredentials("id", "wrong", token_endpoint=sandbox.token_endpoint)
    with pytest.raises(TokenEndpointError) as raised:
        source.token()
    twin = pickle.loads(pickle.dumps(raised.value))
    assert (str(twin), vars(twin)) == (str(raised.value), vars(raised.value))
