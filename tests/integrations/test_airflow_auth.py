"""The auth for Airflow's hooks, which take a class and make an auth for each request."""

import pickle
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import pytest
import requests

from bitquery_auth import ConfigurationError, RequestsAuth
from bitquery_auth.integrations import airflow
from bitquery_auth.integrations.airflow import AirflowAuth
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.crowd import at_once


class LoopbackAuth(AirflowAuth):
    """The auth that a user of another API writes."""

    allowed_hosts = ("127.0.0.1",)


@pytest.fixture(autouse=True)
def _token_endpoint(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITQUERY_TOKEN_ENDPOINT", sandbox.token_endpoint)
    monkeypatch.setenv("BITQUERY_SCOPE", "api")


@pytest.fixture(params=["login and password", "environment"])
def login(
    request: pytest.FixtureRequest, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, ...]:
    """The login of a connection; nothing where the environment names the credentials."""
    if request.param == "environment":
        monkeypatch.setenv("BITQUERY_CLIENT_ID", sandbox.client_id)
        monkeypatch.setenv("BITQUERY_CLIENT_SECRET", sandbox.client_secret)
        return ()
    return sandbox.client_id, sandbox.client_secret


def run(auth_type: type[AirflowAuth], login: tuple[str, ...], sandbox: Sandbox) -> int:
    """Send a request as Airflow's hook does: with a session and an auth of its own."""
    with requests.Session() as session:
        session.auth = auth_type(*login)
        return session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20).status_code


def test_tasks_in_threads_and_all_requests_of_a_process_use_one_token_until_it_is_revoked(
    login: tuple[str, ...], sandbox: Sandbox
) -> None:
    """Hazard C2."""
    call = partial(run, LoopbackAuth, login, sandbox)
    for tokens in (1, 2):
        assert at_once([call] * 8) == [200] * 8
        assert [call(), call()] == [200] * 2
        assert sandbox.token_requests == tokens
        sandbox.revoke_all()


def test_other_credentials_or_settings_mean_another_source() -> None:
    """Hazard C3."""

    class Impatient(LoopbackAuth):
        settings: ClassVar[Mapping[str, Any]] = {"timeout": 1.0}

    source = LoopbackAuth.source("id", "secret")
    assert LoopbackAuth.source("id", "secret") is source
    others = (
        LoopbackAuth.source("id", "another"),
        LoopbackAuth.source("another", "secret"),
        Impatient.source("id", "secret"),
    )
    assert len({source, *others}) == 4


@pytest.mark.parametrize("given", ["login and password", "environment"])
def test_settings_win_over_the_login_and_the_environment(
    given: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials may come from anywhere, such as from a connection that Airflow never sends."""
    monkeypatch.setenv("BITQUERY_CLIENT_ID", "another")
    monkeypatch.setenv("BITQUERY_CLIENT_SECRET", "another")

    class Chosen(LoopbackAuth):
        settings: ClassVar[Mapping[str, Any]] = {
            "client_id": sandbox.client_id,
            "client_secret": lambda: sandbox.client_secret,
        }

    assert run(Chosen, () if given == "environment" else ("other", "other"), sandbox) == 200


def test_a_static_token_of_the_environment_is_used(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = sandbox.credentials().token()
    monkeypatch.setenv("BITQUERY_TOKEN", token.access_token)
    assert run(LoopbackAuth, (), sandbox) == 200


@pytest.mark.parametrize("login", [("id", None), ("id", ""), ("", "secret"), ()], indirect=False)
def test_missing_credentials_are_named(login: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"client_secret|client_id|BITQUERY_CLIENT_ID"):
        LoopbackAuth(*login)


def test_a_pickle_is_a_requests_auth_with_the_same_settings(sandbox: Sandbox) -> None:
    """Hazard P1."""
    auth = LoopbackAuth(sandbox.client_id, sandbox.client_secret)
    restored = pickle.loads(pickle.dumps(auth))
    assert type(restored) is RequestsAuth
    response = requests.post(sandbox.graphql_endpoint, json=QUERY, auth=restored, timeout=20)
    assert response.status_code == 200


@pytest.mark.parametrize("name", ["HttpOperator", "HttpTrigger"])
def test_what_is_deferred_needs_airflow_and_the_auth_does_not(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "airflow", None)
    monkeypatch.delitem(sys.modules, f"{airflow.__name__}._deferrable", raising=False)
    with pytest.raises(ImportError, match="airflow"):
        getattr(airflow, name)
    with pytest.raises(AttributeError, match="Unknown"):
        _ = airflow.Unknown  # type: ignore[attr-defined]  # the point


def test_the_tokens_of_another_server_need_allowed_hosts() -> None:
    """Hazard S2."""
    with pytest.raises(ConfigurationError, match="allowed_hosts"):
        AirflowAuth("id", "secret")
