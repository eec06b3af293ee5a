"""The MCP SDK's client over streamable HTTP."""

import asyncio
from collections.abc import Callable
from typing import Any

from bitquery_auth import HTTPXAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.mcp_server import serve_mcp
from tests.integrations.needs import needs
from tests.integrations.snippets import run
from tests.kit.origin import Handler, Origin

httpx2 = needs("httpx2", "httpx2")
mcp = needs("mcp", "mcp>=2.3")
needs("mcp.client.streamable_http", "mcp>=2.3")


def test_a_session_uses_one_token_and_goes_on_after_a_revocation(
    sandbox: Sandbox, httpx_auth: HTTPXAuth, api: Callable[[Handler], Origin]
) -> None:
    async def talk() -> None:
        given = run("mcp", httpx2=httpx2, url=api(serve_mcp).at("/mcp"), auth=httpx_auth)
        async with (
            given["http_client"],
            given["connection"] as streams,
            mcp.ClientSession(*streams[:2]) as session,
        ):
            await session.initialize()
            for _ in range(3):
                await ask(session)
            assert (sandbox.token_requests, sandbox.api_refusals) == (1, 0)
            sandbox.revoke_all()
            for _ in range(3):
                await ask(session)
            assert (sandbox.token_requests, sandbox.api_refusals) == (2, 1)

    async def ask(session: Any) -> None:
        answer = await session.call_tool("head", {})
        assert answer.content[0].text == "16"

    asyncio.run(talk())
