"""web3's HTTP provider."""

import json
from collections.abc import Callable

import pytest

from bitquery_auth import RequestsAuth
from bitquery_auth.sandbox._messages import Request, Response
from tests.integrations.needs import needs
from tests.integrations.snippets import run
from tests.integrations.story import Call, Story
from tests.kit.origin import Handler, Origin

needs("web3", "web3")


def node(request: Request) -> Response:
    """A node that is at block 16."""
    answer = {"jsonrpc": "2.0", "id": json.loads(request.body)["id"], "result": "0x10"}
    return Response(200, (("Content-Type", "application/json"),), json.dumps(answer).encode())


class TestWeb3(Story):
    @pytest.fixture
    def call(self, requests_auth: RequestsAuth, api: Callable[[Handler], Origin]) -> Call:
        w3 = run("web3", url=api(node).at(), auth=requests_auth)["w3"]

        def call() -> None:
            assert w3.eth.block_number == 16

        return call
