"""Airflow's HttpHook takes a class, and makes an auth of it anew for every request."""

import json
import os
import pickle
import tempfile
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, ClassVar

import pytest
import requests

from bitquery_auth import ConfigurationError, RequestsAuth, StaticToken
from bitquery_auth.integrations import airflow
from bitquery_auth.integrations.airflow import AirflowAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.needs import needs
from tests.integrations.story import QUERY, Call, Story


@pytest.fixture(autouse=True)
def _no_sources_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow, "_sources", {})


@pytest.fixture(autouse=True)
def _sandbox_is_in_the_environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITQUERY_TOKEN_ENDPOINT", sandbox.token_endpoint)
    monkeypatch.setenv("BITQUERY_SCOPE", "api")


@pytest.fixture
def login(sandbox: Sandbox) -> tuple[str, str]:
    """What the connection has."""
    return sandbox.client_id, sandbox.client_secret


class LoopbackAuth(AirflowAuth):
    """As a user's own API would be named."""

    allowed_hosts = ("127.0.0.1",)


class HookLikeAirflows:
    """Makes the auth as the HttpHook of apache-airflow-providers-http 6.3 does."""

    def __init__(self, url: str, login: tuple[str, str] | None) -> None:
        self._url = url
        self._login = login

    def run(self, auth_type: Any) -> requests.Response:
        with requests.Session() as session:
            session.auth = auth_type(*self._login) if self._login else auth_type()
            answer = session.post(self._url, json={"query": QUERY}, timeout=20)
        answer.raise_for_status()
        return answer


@pytest.fixture(params=["login and password", "environment"])
def hook(
    request: pytest.FixtureRequest, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> HookLikeAirflows:
    if request.param == "environment":
        monkeypatch.setenv("BITQUERY_CLIENT_ID", sandbox.client_id)
        monkeypatch.setenv("BITQUERY_CLIENT_SECRET", sandbox.client_secret)
        return HookLikeAirflows(sandbox.graphql_endpoint, None)
    return HookLikeAirflows(sandbox.graphql_endpoint, (sandbox.client_id, sandbox.client_secret))


class TestHookLikeAirflows(Story):
    @pytest.fixture
    def call(self, hook: HookLikeAirflows) -> Call:
        return lambda: hook.run(LoopbackAuth)


class TestAirflow(Story):
    """The real one."""

    @pytest.fixture
    def call(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
        with ExitStack() as stack:
            home = stack.enter_context(tempfile.TemporaryDirectory())
            monkeypatch.setenv("AIRFLOW_HOME", os.environ.get("AIRFLOW_HOME", home))
            hooks = needs("airflow.providers.http.hooks.http", "apache-airflow-providers-http")
            connection = {
                "conn_type": "http",
                "host": sandbox.url,
                "login": sandbox.client_id,
                "password": sandbox.client_secret,
            }
            monkeypatch.setenv("AIRFLOW_CONN_BITQUERY", json.dumps(connection))
            hook = hooks.HttpHook(http_conn_id="bitquery", auth_type=LoopbackAuth)
            yield lambda: hook.run("/graphql", json={"query": QUERY})


def test_tasks_in_threads_use_one_token(hook: HookLikeAirflows, sandbox: Sandbox) -> None:
    """Hazard C2: whichever of them made the auth first."""
    barrier = threading.Barrier(8)

    def one(_: int) -> int:
        barrier.wait(20)
        return hook.run(LoopbackAuth).status_code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(8))) == [200] * 8
    assert sandbox.token_requests == 1


def test_credentials_that_differ_have_sources_that_differ(sandbox: Sandbox) -> None:
    """Hazard C3: a wrong secret does not find the token of a right one; a class has its own settings."""

    class Impatient(LoopbackAuth):
        settings: ClassVar[Mapping[str, Any]] = {"timeout": 1.0}

    made = [
        LoopbackAuth("a", "s"),
        LoopbackAuth("a", "t"),
        LoopbackAuth("b", "s"),
        Impatient("a", "s"),
    ]
    assert len({id(auth._source) for auth in made}) == 4
    assert LoopbackAuth("a", "s")._source is made[0]._source
    assert made[3]._source._settings["timeout"] == 1.0  # type: ignore[attr-defined]


def test_the_table_of_sources_holds_no_secret_in_its_keys_and_has_an_end(sandbox: Sandbox) -> None:
    first = LoopbackAuth("first", "s3cret")._source
    for number in range(100):
        LoopbackAuth(f"other {number}", "s3cret")
        assert LoopbackAuth("first", "s3cret")._source is first  # what is in use stays
    assert len(airflow._sources) == 64
    assert "s3cret" not in str(list(airflow._sources))


def test_a_token_from_the_account_page_works_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITQUERY_TOKEN", "ory_at_x")
    assert isinstance(LoopbackAuth()._source, StaticToken)


@pytest.mark.parametrize("arguments", [("id", None), ("id", ""), ("", "secret"), ()])
def test_what_is_missing_is_said(arguments: tuple[str | None, ...]) -> None:
    with pytest.raises(ConfigurationError, match=r"client_secret|client_id|BITQUERY_CLIENT_ID"):
        LoopbackAuth(*arguments)


def test_a_pickle_is_a_requests_auth_with_the_same_settings(login: tuple[str, str]) -> None:
    """Hazard P1."""
    auth = pickle.loads(pickle.dumps(LoopbackAuth(*login)))
    assert type(auth) is RequestsAuth
    assert auth._settings["allowed_hosts"] == ("127.0.0.1",)


def test_the_tokens_of_another_server_want_hosts_of_their_own(login: tuple[str, str]) -> None:
    """Hazard S2."""
    with pytest.raises(ConfigurationError, match="allowed_hosts"):
        AirflowAuth(*login)
