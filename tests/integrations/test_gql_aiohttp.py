"""gql's AIOHTTPTransport takes the auth as a middleware of its session."""

import asyncio

from tests.integrations.needs import needs

needs("aiohttp", "bitquery_auth[aiohttp]")
gql = needs("gql", "gql[aiohttp]")

from gql.transport.aiohttp import AIOHTTPTransport  # noqa: E402

from bitquery_auth.integrations.aiohttp import AiohttpAuth  # noqa: E402
from bitquery_auth.sandbox import Sandbox  # noqa: E402


def test_a_client_of_gql_survives_a_revocation(sandbox: Sandbox) -> None:
    """First token, reuse, and recovery inside the query."""
    auth = AiohttpAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)
    transport = AIOHTTPTransport(
        sandbox.graphql_endpoint, client_session_args={"middlewares": (auth,)}, ssl=True
    )
    counts = []

    async def work() -> None:
        async with gql.Client(transport=transport, fetch_schema_from_transport=False) as session:
            for revoked in (False, False, True):
                if revoked:
                    sandbox.revoke_all()
                await session.execute(gql.gql("{ EVM { Blocks { Block { Number } } } }"))
                counts.append(sandbox.token_requests)

    asyncio.run(asyncio.wait_for(work(), 30))
    assert counts == [1, 1, 2]
    assert (sandbox.api_requests, sandbox.api_refusals) == (4, 1)


def test_thirty_queries_at_once_cost_one_token_request(sandbox: Sandbox) -> None:
    """Hazard C1."""
    auth = AiohttpAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)
    transport = AIOHTTPTransport(
        sandbox.graphql_endpoint, client_session_args={"middlewares": (auth,)}, ssl=True
    )

    async def work() -> None:
        async with gql.Client(transport=transport, fetch_schema_from_transport=False) as session:
            await asyncio.gather(
                *(session.execute(gql.gql("{ EVM { Blocks { Hash } } }")) for _ in range(30))
            )

    asyncio.run(asyncio.wait_for(work(), 30))
    assert (sandbox.token_requests, sandbox.api_requests) == (1, 30)
