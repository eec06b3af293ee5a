"""requests-futures: one session, many threads."""

from collections.abc import Iterator
from typing import Any

import pytest

from bitquery_auth import RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.needs import needs
from tests.integrations.snippets import run
from tests.integrations.story import QUERY, Call, Story

needs("requests_futures.sessions", "requests-futures")


@pytest.fixture
def session(requests_auth: RequestsAuth) -> Iterator[Any]:
    with run("requests_futures", auth=requests_auth)["session"] as session:
        yield session


class TestRequestsFutures(Story):
    @pytest.fixture
    def call(self, session: Any, sandbox: Sandbox) -> Call:
        def call() -> None:
            future = session.post(sandbox.graphql_endpoint, json={"query": QUERY}, timeout=20)
            assert len(future.result().json()["data"]["EVM"]["DEXTrades"]) == 3

        return call


def test_requests_at_once_cost_one_token_and_another_after_a_revocation(
    session: Any, sandbox: Sandbox
) -> None:
    """Hazards C1 and C6."""

    def at_once() -> list[int]:
        futures = [
            session.post(sandbox.graphql_endpoint, json={"query": QUERY}, timeout=20)
            for _ in range(16)
        ]
        return [future.result().status_code for future in futures]

    assert at_once() == [200] * 16
    assert sandbox.token_requests == 1
    sandbox.revoke_all()
    assert at_once() == [200] * 16
    assert sandbox.token_requests == 2
