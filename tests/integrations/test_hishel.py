"""hishel, a cache in a transport of httpx or httpx2."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bitquery_auth import HTTPXAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.needs import needs
from tests.integrations.snippets import run
from tests.integrations.story import QUERY, Call, Story, counts
from tests.kit.origin import Handler, Origin, answering

needs("hishel.httpx", "hishel[httpx]>=2.0")


@pytest.fixture
def client(httpx_auth: HTTPXAuth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.chdir(tmp_path)  # where it keeps its database
    with run("hishel", auth=httpx_auth)["client"] as client:
        yield client


class TestHishel(Story):
    @pytest.fixture
    def call(self, client: Any, sandbox: Sandbox) -> Call:
        def call() -> None:
            response = client.post(sandbox.graphql_endpoint, json={"query": QUERY})
            assert len(response.json()["data"]["EVM"]["DEXTrades"]) == 3

        return call


def test_what_the_cache_answers_reaches_no_server(
    client: Any, sandbox: Sandbox, api: Callable[[Handler], Origin]
) -> None:
    kept = {"Cache-Control": "public, max-age=3600", "Date": "Fri, 31 Dec 2100 00:00:00 GMT"}
    cacheable = api(answering(200, "kept", **kept))
    assert [client.get(cacheable.at()).text for _ in range(3)] == ["kept"] * 3
    assert counts(sandbox) == (1, 1, 0)
