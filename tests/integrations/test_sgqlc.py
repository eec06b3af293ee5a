"""sgqlc over requests."""

import pytest

from bitquery_auth import RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.needs import needs
from tests.integrations.snippets import run
from tests.integrations.story import QUERY, Call, Story

needs("sgqlc.endpoint.requests", "sgqlc[requests]")


class TestSgqlc(Story):
    @pytest.fixture
    def call(self, sandbox: Sandbox, requests_auth: RequestsAuth) -> Call:
        endpoint = run("sgqlc", url=sandbox.graphql_endpoint, auth=requests_auth)["endpoint"]

        def call() -> None:
            assert len(endpoint(QUERY)["data"]["EVM"]["DEXTrades"]) == 3

        return call
