"""requests-cache, which answers in an adapter's place and runs hooks twice."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from bitquery_auth import RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.needs import needs
from tests.integrations.snippets import run
from tests.integrations.story import QUERY, Call, Story, counts

requests_cache = needs("requests_cache", "requests-cache")


@pytest.fixture
def session(requests_auth: RequestsAuth) -> Iterator[requests.Session]:
    with run("requests_cache", auth=requests_auth)["session"] as session:
        yield session


class TestRequestsCache(Story):
    @pytest.fixture
    def call(self, session: requests.Session, sandbox: Sandbox) -> Call:
        def call() -> None:
            response = session.post(sandbox.graphql_endpoint, json={"query": QUERY}, timeout=20)
            assert len(response.json()["data"]["EVM"]["DEXTrades"]) == 3

        return call


def test_what_the_cache_answers_reaches_no_server(
    session: requests.Session, sandbox: Sandbox
) -> None:
    answers = [session.get(sandbox.graphql_endpoint, timeout=20) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert counts(sandbox) == (1, 1, 0)


def test_a_cache_of_posts_keeps_no_token_request(
    sandbox: Sandbox, requests_auth: RequestsAuth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        requests, "Session", requests.Session
    )  # what is installed is taken off again
    monkeypatch.setattr(requests.sessions, "Session", requests.sessions.Session)
    requests_cache.install_cache(backend="memory", allowable_methods=["GET", "POST"])
    try:
        for number in range(3):
            body: dict[str, Any] = {"query": QUERY, "variables": {"number": number}}
            response = requests.post(
                sandbox.graphql_endpoint, json=body, auth=requests_auth, timeout=20
            )
            assert response.status_code == 200
            sandbox.revoke_all()
    finally:
        requests_cache.uninstall_cache()
    assert counts(sandbox) == (3, 5, 2)


def test_a_lasting_refusal_is_handed_over(session: requests.Session, sandbox: Sandbox) -> None:
    sandbox.accept_nothing = True
    assert session.get(sandbox.graphql_endpoint, timeout=20).status_code == 401
    assert counts(sandbox) == (2, 2, 2)


def test_a_refusal_out_of_the_cache_is_handed_over(
    sandbox: Sandbox, requests_auth: RequestsAuth
) -> None:
    with requests_cache.CachedSession(backend="memory", allowable_codes=(200, 401)) as session:
        session.auth = requests_auth
        sandbox.accept_nothing = True
        for _ in range(3):
            assert session.get(sandbox.graphql_endpoint, timeout=20).status_code == 401
    assert counts(sandbox) == (2, 2, 2)
