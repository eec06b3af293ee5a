"""Many requests are refused at once: one of them gets a new token, all of them are sent again with it."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import httpx
import httpx2
import pytest
import requests

from bitquery_auth import ClientCredentials, HTTPXAuth, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.concurrency.crowd import BACKENDS, NEVER, QUERY, Gate, Threads, at_once, gather, source_with, wait_until

HERD = 16


def all_refused_first(count: int) -> Callable[[Any], bool]:
    """An ``is_auth_failure`` that lets nobody react to a refusal until so many have met it."""
    barrier = threading.Barrier(count)

    def is_refused(response: Any) -> bool:
        if response.status_code != 401:
            return False
        barrier.wait(NEVER)
        return True

    return is_refused


def test_16_threads_with_requests_refused_together_need_one_more_token(sandbox: Sandbox) -> None:
    """Hazards R1, C6."""
    source = sandbox.credentials()
    source.token()
    sandbox.revoke_all()
    auth = RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts, is_auth_failure=all_refused_first(HERD))

    def post() -> int:
        with requests.Session() as session:
            session.auth = auth
            return session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20).status_code

    assert at_once([post] * HERD) == [200] * HERD
    assert sandbox.api_refusals == HERD
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_16_threads_with_httpx_refused_together_need_one_more_token(sandbox: Sandbox, module: Any) -> None:
    """Hazards R1, C6."""
    source = sandbox.credentials()
    source.token()
    sandbox.revoke_all()
    auth = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts, is_auth_failure=all_refused_first(HERD))
    with module.Client(auth=auth, timeout=20) as client:
        posts = [lambda: client.post(sandbox.graphql_endpoint, json=QUERY).status_code] * HERD
        assert at_once(posts) == [200] * HERD
    assert sandbox.api_refusals == HERD
    assert sandbox.token_requests == 2


def refuse_tasks(sandbox: Sandbox, source: ClientCredentials, module: Any, backend: str) -> list[int]:
    """Send as many requests in tasks with a token that was revoked; give the statuses."""
    auth = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts)

    async def main() -> list[Any]:
        async with module.AsyncClient(auth=auth, timeout=20) as client:
            return await gather([partial(client.post, sandbox.graphql_endpoint, json=QUERY)] * HERD)

    return [response.status_code for response in anyio.run(main, backend=backend)]


@pytest.mark.parametrize("module", [httpx, httpx2])
@pytest.mark.parametrize("backend", BACKENDS)
def test_16_tasks_refused_while_the_fetch_runs_need_one_more_token(sandbox: Sandbox, module: Any, backend: str) -> None:
    """Hazards R1, C6: every refusal has come in before the new token is there."""
    fetches = 0

    def secret() -> str:
        nonlocal fetches
        fetches += 1
        if fetches > 1:
            wait_until(lambda: sandbox.api_refusals == HERD)
        return sandbox.client_secret

    source = source_with(sandbox, secret)
    source.token()
    sandbox.revoke_all()
    assert refuse_tasks(sandbox, source, module, backend) == [200] * HERD
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("module", [httpx, httpx2])
@pytest.mark.parametrize("backend", BACKENDS)
def test_16_tasks_refused_in_any_order_need_one_more_token(sandbox: Sandbox, module: Any, backend: str) -> None:
    """Hazards R1, C6: some refusals come in after the new token."""
    source = sandbox.credentials()
    source.token()
    sandbox.revoke_all()
    assert refuse_tasks(sandbox, source, module, backend) == [200] * HERD
    assert sandbox.token_requests == 2


def test_a_late_refusal_leaves_the_successor_alone(sandbox: Sandbox) -> None:
    """Hazard C6: a refusal is held until the token has been replaced by somebody else."""
    source = sandbox.credentials()
    source.token()
    sandbox.revoke_all()
    refused, recovered = threading.Event(), threading.Event()

    def is_refused_late(response: Any) -> bool:
        if response.status_code == 401:
            refused.set()
            assert recovered.wait(NEVER)
            return True
        return False

    late = RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts, is_auth_failure=is_refused_late)
    prompt = RequestsAuth(source, allowed_hosts=sandbox.allowed_hosts)
    thread = Threads([lambda: requests.post(sandbox.graphql_endpoint, json=QUERY, auth=late, timeout=20).status_code])
    assert refused.wait(NEVER)
    assert requests.post(sandbox.graphql_endpoint, json=QUERY, auth=prompt, timeout=20).status_code == 200
    successor = source.token()
    recovered.set()
    assert thread.outcomes() == [200]
    assert source.token() is successor
    assert sandbox.token_requests == 2


def test_discarding_a_token_while_its_successor_is_fetched_leaves_the_successor_alone(sandbox: Sandbox) -> None:
    """Hazard C6: the refusal of the old token comes in during the fetch of the new one."""
    source = source_with(sandbox, gate := Gate(sandbox))
    gate.open()
    old = source.token()
    gate.shut()
    thread = Threads([source.renew])
    assert gate.reached.wait(NEVER)
    source.discard(old)
    source.discard(old.access_token)
    gate.open()
    (new,) = thread.outcomes()
    assert source.token() is new
    assert sandbox.token_requests == 2


def test_30_threads_that_discard_the_same_token_cost_one_fetch(sandbox: Sandbox) -> None:
    """Hazard C6."""
    source = sandbox.credentials()
    old = source.token()

    def replace() -> str:
        source.discard(old)
        return source.token().access_token

    successors = set(at_once([replace] * 30))
    assert len(successors) == 1
    assert old.access_token not in successors
    assert sandbox.token_requests == 2
