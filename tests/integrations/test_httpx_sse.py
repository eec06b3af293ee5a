"""httpx-sse: a stream of events, whose refusal is answered before the first event."""

from collections.abc import Callable

import httpx
import pytest

from bitquery_auth import HTTPXAuth
from tests.integrations.needs import needs
from tests.integrations.snippets import run
from tests.integrations.story import Call, Story
from tests.kit.origin import Handler, Origin, answering

needs("httpx_sse", "httpx-sse")


class TestHttpxSse(Story):
    @pytest.fixture
    def call(self, httpx_auth: HTTPXAuth, api: Callable[[Handler], Origin]) -> Call:
        url = api(
            answering(200, "data: 1\n\ndata: 2\n\n", **{"Content-Type": "text/event-stream"})
        ).at()

        def call() -> None:
            given = run("httpx_sse", httpx=httpx, url=url, auth=httpx_auth)
            with given["client"], given["connection"] as events:
                assert [event.data for event in events.iter_sse()] == ["1", "2"]

        return call
