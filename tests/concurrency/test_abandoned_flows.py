"""An httpx auth flow that is dropped, closed, or closed by somebody else never blocks the next one.

httpx closes a flow from wherever its response is closed: another task, another loop, the garbage
collector. A lock held across a yield would stay held for ever.
"""

import gc
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import httpx2
import pytest

from bitquery_auth import HTTPXAuth
from bitquery_auth.sandbox import Sandbox
from tests.concurrency.crowd import BACKENDS, NEVER, QUERY, Boarding, Gate, source_with

MODULES = [httpx, httpx2]


async def sent(flow: AsyncGenerator[Any, Any], module: Any) -> None:
    """Take a flow to where its request is under way."""
    await flow.__anext__()


async def sent_again(flow: AsyncGenerator[Any, Any], module: Any) -> None:
    """Take a flow to where its request was refused and is under way once more."""
    request = await flow.__anext__()
    again = await flow.asend(module.Response(401, request=request))
    assert again.headers["Authorization"] != request.headers["Authorization"]


async def drop(flow: AsyncGenerator[Any, Any]) -> None:
    """Leave a flow to the garbage collector, as whoever breaks out of a loop does."""


async def close(flow: AsyncGenerator[Any, Any]) -> None:
    await flow.aclose()


async def close_in_another_task(flow: AsyncGenerator[Any, Any]) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(flow.aclose)


# trio says so whenever it collects a generator that was not exhausted
@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")
@pytest.mark.parametrize("leave", [drop, close, close_in_another_task])
@pytest.mark.parametrize("reach", [sent, sent_again])
@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_flow_that_was_left_does_not_block_the_next(
    sandbox: Sandbox, backend: str, module: Any, reach: Callable[..., Any], leave: Callable[..., Any]
) -> None:
    """Hazard A1."""
    source = sandbox.credentials()
    source.token()
    sandbox.revoke_all()
    auth = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts)

    async def main() -> int:
        flow = auth.async_auth_flow(module.Request("POST", sandbox.graphql_endpoint, json=QUERY))
        await reach(flow, module)
        await leave(flow)
        del flow
        gc.collect()
        await anyio.lowlevel.checkpoint()
        with anyio.fail_after(NEVER):
            async with module.AsyncClient(auth=auth) as client:
                response = await client.post(sandbox.graphql_endpoint, json=QUERY)
        return int(response.status_code)

    assert anyio.run(main, backend=backend) == 200
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("reach", ["sent", "sent again"])
def test_a_sync_flow_that_was_left_does_not_block_the_next(sandbox: Sandbox, module: Any, reach: str) -> None:
    """Hazard A1."""
    source = sandbox.credentials()
    source.token()
    sandbox.revoke_all()
    auth = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts)
    left = auth.sync_auth_flow(module.Request("POST", sandbox.graphql_endpoint, json=QUERY))
    request = next(left)
    if reach == "sent again":
        left.send(module.Response(401, request=request))
    with module.Client(auth=auth) as client:
        assert client.post(sandbox.graphql_endpoint, json=QUERY).status_code == 200
    assert sandbox.token_requests == 2
    left.close()


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_flow_cancelled_while_it_waits_for_a_token_does_not_block_the_next(
    sandbox: Sandbox, backend: str, module: Any
) -> None:
    """Hazards A1, A4."""
    source = source_with(sandbox, gate := Gate(sandbox))
    boarding = Boarding(source)
    auth = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts)

    async def main() -> int:
        async with module.AsyncClient(auth=auth, timeout=20) as client:
            post = partial(client.post, sandbox.graphql_endpoint, json=QUERY)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(post)
                await boarding.async_wait_for(1)
                tasks.cancel_scope.cancel()
            gate.open()
            with anyio.fail_after(NEVER):
                return int((await post()).status_code)

    assert anyio.run(main, backend=backend) == 200
    assert sandbox.token_requests == 1


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_an_open_stream_does_not_block_another_request_that_needs_a_new_token(
    sandbox: Sandbox, backend: str, module: Any
) -> None:
    """Hazard A1: its flow is still at a yield, and holds nothing."""
    auth = HTTPXAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)

    async def main() -> list[int]:
        with anyio.fail_after(NEVER):
            async with (
                module.AsyncClient(auth=auth) as client,
                client.stream("POST", sandbox.graphql_endpoint, json=QUERY) as opened,
            ):
                sandbox.revoke_all()
                second = await client.post(sandbox.graphql_endpoint, json=QUERY)
                await opened.aread()
                return [opened.status_code, second.status_code]

    assert anyio.run(main, backend=backend) == [200, 200]
    assert sandbox.token_requests == 2
