"""Pickles and copies of sources and auths.

A pickle holds the settings and no fetched token. A copy is the object itself. Unpickled sources of
equal settings are one.

Hazard P1.
"""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from bitquery_auth import ClientCredentials, HTTPXAuth, RequestsAuth, ShortTermToken, StaticToken
from bitquery_auth.sandbox import Sandbox
from tests.kit.clients import Client

SOURCES: dict[str, Callable[[Sandbox], Any]] = {
    "client credentials": lambda sandbox: sandbox.credentials(),
    "short-term token": lambda sandbox: ShortTermToken(
        sandbox.credentials(), endpoint=sandbox.graphql_endpoint
    ),
    "static token": lambda sandbox: StaticToken("ory_at_pasted"),
}
FETCHING = ["client credentials", "short-term token"]
each_protocol = pytest.mark.parametrize("protocol", [0, 2, pickle.HIGHEST_PROTOCOL])


def settings_of(pickled: Any) -> Any:
    """Return what a pickle of the object holds, in a form that can be compared."""
    function, arguments = pickled.__reduce__()[:2]
    return getattr(function, "keywords", None), arguments


def issued_tokens(sandbox: Sandbox) -> list[bytes]:
    """Return all tokens that requests have carried."""
    sent = (call.headers.get("authorization", "") for call in sandbox.requests)
    return [value.removeprefix("Bearer ").encode() for value in sent if value]


@pytest.fixture(params=[RequestsAuth, HTTPXAuth])
def auth(request: pytest.FixtureRequest, sandbox: Sandbox) -> Any:
    """An auth with settings of its own."""
    return request.param(
        sandbox.credentials(),
        allowed_hosts=sandbox.allowed_hosts,
        header_name="X-Token",
        scheme="",
        is_auth_failure=bool,
        replay="never",
        insecure_http=True,
    )


@each_protocol
@pytest.mark.parametrize("name", SOURCES)
def test_an_unpickled_source_has_the_settings_and_no_fetched_token(
    sandbox: Sandbox, name: str, protocol: int
) -> None:
    source = SOURCES[name](sandbox)
    token = source.token()
    pickled = pickle.dumps(source, protocol)
    twin = pickle.loads(pickled)
    assert type(twin) is type(source)
    assert repr(twin) == repr(source)
    if name in FETCHING:
        assert sandbox.client_secret.encode() in pickled
        assert token.access_token.encode() not in pickled
        assert not any(token in pickled for token in issued_tokens(sandbox))
    assert (twin.token() == token) == (name not in FETCHING)


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


def test_the_required_hosts_of_an_unpickled_source_are_the_same(sandbox: Sandbox) -> None:
    twin = pickle.loads(pickle.dumps(sandbox.credentials()))
    with pytest.raises(ValueError, match="allowed_hosts is required"):
        RequestsAuth(twin)


def test_the_default_hosts_of_an_unpickled_source_are_those_of_the_environment_it_came_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BITQUERY_ENDPOINT", "https://api.example.com/graphql")
    pickled = pickle.dumps(ClientCredentials.from_env(client_id="id", client_secret="from env"))
    monkeypatch.delenv("BITQUERY_ENDPOINT")
    assert "allowed_hosts=('api.example.com',)" in repr(RequestsAuth(pickle.loads(pickled)))


@each_protocol
def test_every_setting_of_an_auth_survives_a_pickle(auth: Any, protocol: int) -> None:
    twin = pickle.loads(pickle.dumps(auth, protocol))
    assert type(twin) is type(auth)
    assert settings_of(twin) == settings_of(auth)
    assert settings_of(twin)[0]["header_name"] == "X-Token"
    assert repr(twin) == repr(auth)


def test_an_unpickled_auth_sends_requests_with_a_token_of_its_own(
    kind: type[Client], sandbox: Sandbox
) -> None:
    auth = kind.auth_class(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)
    with kind(auth) as client:
        client.get(sandbox.graphql_endpoint)
    pickled = pickle.dumps(auth)
    assert not any(token in pickled for token in issued_tokens(sandbox))
    with kind(pickle.loads(pickled)) as client:
        assert client.get(sandbox.graphql_endpoint).status == 200
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
@pytest.mark.parametrize("name", SOURCES)
def test_a_copy_of_a_source_is_that_source(
    sandbox: Sandbox, name: str, copied: Callable[[Any], Any]
) -> None:
    source = SOURCES[name](sandbox)
    assert copied(source) is source


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_of_an_auth_is_that_auth(auth: Any, copied: Callable[[Any], Any]) -> None:
    assert copied(auth) is auth


@pytest.mark.parametrize("name", FETCHING)
def test_unpickled_sources_of_equal_settings_are_one(sandbox: Sandbox, name: str) -> None:
    """A long-lived worker unpickles one for each of its tasks."""
    pickles = [pickle.dumps(SOURCES[name](sandbox)) for _ in range(2)]
    first, *others = [pickle.loads(pickled) for pickled in pickles * 3]
    assert all(other is first for other in others)
    assert {other.token().access_token for other in others} == {first.token().access_token}
    assert sandbox.token_requests == 1


def test_sources_with_settings_that_only_other_picklers_can_pickle_are_one_if_they_are_equal() -> (
    None
):
    """cloudpickle, which Dask and Ray use, takes a function of ``__main__`` along by its code."""

    def unpickled(client_id: str) -> Any:
        make, arguments = ClientCredentials(client_id, read_secret).__reduce__()
        return make(*arguments)

    def read_secret() -> str:
        return "secret"

    assert unpickled("id") is unpickled("id")
    assert unpickled("id") is not unpickled("other")


@pytest.mark.parametrize(
    "difference",
    [
        {"client_id": "other"},
        {"client_secret": "other"},
        {"token_params": {"audience": "other"}},
        {"token_endpoint": "https://other.example.com/token"},
    ],
    ids=lambda difference: next(iter(difference)),
)
def test_unpickled_sources_of_different_settings_are_different(difference: dict[str, Any]) -> None:
    settings: dict[str, Any] = {"client_id": "id", "client_secret": "secret", "scope": "api"}
    one, other = [
        pickle.loads(pickle.dumps(ClientCredentials(**each)))
        for each in (settings, settings | difference)
    ]
    assert one is not other
