"""gql over httpx or httpx2, whichever it takes by what is installed."""

import asyncio
from typing import Any

import pytest

from bitquery_auth import HTTPXAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.needs import needs
from tests.integrations.snippets import run
from tests.integrations.story import QUERY, Call, Story

gql = needs("gql", "gql[httpx]")
needs("gql.transport.httpx", "gql[httpx]")


def check(data: Any) -> None:
    assert len(data["EVM"]["DEXTrades"]) == 3


class TestGqlOverHttpx(Story):
    @pytest.fixture
    def call(self, sandbox: Sandbox, httpx_auth: HTTPXAuth) -> Call:
        client = run("gql_httpx", url=sandbox.graphql_endpoint, auth=httpx_auth)["client"]
        return lambda: check(client.execute(gql.gql(QUERY)))


class TestGqlOverAsyncHttpx(Story):
    """Each call runs an event loop of its own. Hazard A3."""

    @pytest.fixture
    def call(self, sandbox: Sandbox, httpx_auth: HTTPXAuth) -> Call:
        client = run("gql_httpx_async", url=sandbox.graphql_endpoint, auth=httpx_auth)["client"]
        return lambda: check(asyncio.run(client.execute_async(gql.gql(QUERY))))


def test_queries_of_one_session_at_once_share_a_renewal(
    sandbox: Sandbox, httpx_auth: HTTPXAuth
) -> None:
    """Hazard C6."""
    client = run("gql_httpx_async", url=sandbox.graphql_endpoint, auth=httpx_auth)["client"]

    async def session_of_queries() -> None:
        async with client as session:
            check(await session.execute(gql.gql(QUERY)))
            sandbox.revoke_all()
            for data in await asyncio.gather(*(session.execute(gql.gql(QUERY)) for _ in range(8))):
                check(data)

    asyncio.run(session_of_queries())
    assert sandbox.token_requests == 2
