"""CacheControl, a cache in an adapter."""

from collections.abc import Callable, Iterator

import pytest
import requests

from bitquery_auth import RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.needs import needs
from tests.integrations.snippets import run
from tests.integrations.story import QUERY, Call, Story, counts
from tests.kit.origin import Handler, Origin, answering

needs("cachecontrol", "CacheControl")


@pytest.fixture
def session(requests_auth: RequestsAuth) -> Iterator[requests.Session]:
    with run("cachecontrol", auth=requests_auth)["session"] as session:
        yield session


class TestCacheControl(Story):
    @pytest.fixture
    def call(self, session: requests.Session, sandbox: Sandbox) -> Call:
        def call() -> None:
            response = session.post(sandbox.graphql_endpoint, json={"query": QUERY}, timeout=20)
            assert len(response.json()["data"]["EVM"]["DEXTrades"]) == 3

        return call


def test_what_the_cache_answers_reaches_no_server(
    session: requests.Session, sandbox: Sandbox, api: Callable[[Handler], Origin]
) -> None:
    cacheable = api(answering(200, "kept", **{"Cache-Control": "max-age=3600"}))
    assert [session.get(cacheable.at(), timeout=20).text for _ in range(3)] == ["kept"] * 3
    assert counts(sandbox) == (1, 1, 0)
