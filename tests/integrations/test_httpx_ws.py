"""httpx-ws: a WebSocket's handshake is a request like any other, and a refused one is made again."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from bitquery_auth import HTTPXAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.needs import needs
from tests.integrations.snippets import run
from tests.integrations.story import Call, Story

needs("httpx_ws", "httpx-ws")

from tests.integrations import websocket  # noqa: E402 - it needs a library of its own


def echo(connection: Any) -> None:
    for text in connection:
        connection.send(text)


class TestHttpxWs(Story):
    @pytest.fixture
    def call(self, sandbox: Sandbox, httpx_auth: HTTPXAuth) -> Iterator[Call]:
        with websocket.serve(sandbox, echo) as url:

            def call() -> None:
                given = run("httpx_ws", httpx=httpx, url=url, auth=httpx_auth)
                with given["client"], given["connection"] as connection:
                    connection.send_text("hello")
                    assert connection.receive_text() == "hello"

            yield call
