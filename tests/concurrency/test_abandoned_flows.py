"""A flow of httpx that is dropped, or closed by another task, does not block the next (hazard A1).

httpx closes a flow from wherever its response is closed: another task, another event loop, the
garbage collector. A lock held while the flow waits for a response would stay locked for ever.
"""

import gc
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import httpx2
import pytest

from bitquery_auth import ClientCredentials, HTTPXAuth
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.crowd import NEVER, Callers, HeldSecret, async_client, each_backend, sync_client

Flow = AsyncGenerator[Any, Any]


async def first_request(flow: Flow) -> None:
    """Advance a flow until its request is sent."""
    await flow.__anext__()


async def second_request(flow: Flow) -> None:
    """Advance a flow until its request was rejected and is sent again."""
    request = await flow.__anext__()
    again = await flow.asend(httpx2.Response(401, request=request))
    assert again.headers["Authorization"] != request.headers["Authorization"]


async def keep(flow: Flow) -> Flow:
    """Keep a flow, as a response does that is read for long."""
    return flow


async def drop(flow: Flow) -> None:
    """Leave a flow to the garbage collector."""


async def close(flow: Flow) -> None:
    await flow.aclose()


async def close_in_another_task(flow: Flow) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(flow.aclose)


# trio warns when it collects a generator that was not exhausted.
@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")
@pytest.mark.parametrize("leave", [keep, drop, close, close_in_another_task])
@pytest.mark.parametrize("reach", [first_request, second_request])
@each_backend
def test_a_flow_that_was_left_does_not_block_the_next(
    revoked: ClientCredentials,
    sandbox: Sandbox,
    backend: str,
    reach: Callable[..., Any],
    leave: Callable[..., Any],
) -> None:
    auth = HTTPXAuth(revoked, allowed_hosts=sandbox.allowed_hosts)

    async def main() -> int:
        flow = auth.async_auth_flow(httpx2.Request("POST", sandbox.graphql_endpoint, json=QUERY))
        await reach(flow)
        kept = await leave(flow)
        del flow
        gc.collect()
        await anyio.lowlevel.checkpoint()
        with anyio.fail_after(NEVER):
            async with async_client(httpx2, auth) as client:
                response = await client.post(sandbox.graphql_endpoint, json=QUERY)
        del kept
        return int(response.status_code)

    assert anyio.run(main, backend=backend) == 200
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("reach", ["first request", "second request"])
def test_a_sync_flow_that_was_left_does_not_block_the_next(
    revoked: ClientCredentials, sandbox: Sandbox, reach: str
) -> None:
    auth = HTTPXAuth(revoked, allowed_hosts=sandbox.allowed_hosts)
    left = auth.sync_auth_flow(httpx2.Request("POST", sandbox.graphql_endpoint, json=QUERY))
    request = next(left)
    if reach == "second request":
        left.send(httpx2.Response(401, request=request))
    with sync_client(httpx2, auth) as client:
        assert client.post(sandbox.graphql_endpoint, json=QUERY).status_code == 200
    assert sandbox.token_requests == 2
    left.close()


@each_backend
def test_a_flow_that_is_cancelled_while_it_waits_for_a_token_does_not_block_the_next(
    source: ClientCredentials, secret: HeldSecret, callers: Callers, sandbox: Sandbox, backend: str
) -> None:
    auth = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts)

    async def main() -> int:
        async with async_client(httpx2, auth) as client:
            post = partial(client.post, sandbox.graphql_endpoint, json=QUERY)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(post)
                await callers.async_wait_for(1)
                tasks.cancel_scope.cancel()
            secret.release()
            with anyio.fail_after(NEVER):
                return int((await post()).status_code)

    assert anyio.run(main, backend=backend) == 200
    assert sandbox.token_requests == 1
