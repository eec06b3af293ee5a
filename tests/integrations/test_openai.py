"""openai's client, which takes a client of httpx2."""

from collections.abc import Callable, Iterator

import pytest

from bitquery_auth import HTTPXAuth
from tests.integrations.needs import needs
from tests.integrations.snippets import run
from tests.integrations.story import Call, Story
from tests.kit.origin import Handler, Origin, answering

needs("httpx2", "httpx2")
needs("openai", "openai>=3")


class TestOpenai(Story):
    @pytest.fixture
    def call(self, httpx_auth: HTTPXAuth, api: Callable[[Handler], Origin]) -> Iterator[Call]:
        models = api(
            answering(200, '{"object": "list", "data": []}', **{"Content-Type": "application/json"})
        )
        client = run("openai", url=models.at("/v1"), auth=httpx_auth)["client"]

        def call() -> None:
            assert client.models.list().data == []

        with client:
            yield call
