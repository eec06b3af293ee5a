"""Many requests are rejected at once: one new token, and all of them are sent again with it."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import pytest
import requests

from bitquery_auth import ClientCredentials, HTTPXAuth, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.crowd import (
    NEVER,
    HeldSecret,
    Threads,
    async_client,
    at_once,
    each_backend,
    each_module,
    gather,
    source_with,
    sync_client,
)
from tests.kit.waiting import until

HERD = 16


def all_rejected_first(size: int) -> Callable[[Any], bool]:
    """Make an ``is_auth_failure`` that returns once so many requests have been rejected."""
    barrier = threading.Barrier(size)

    def is_auth_failure(response: Any) -> bool:
        if response.status_code != 401:
            return False
        barrier.wait(NEVER)
        return True

    return is_auth_failure


def test_16_threads_with_requests_that_are_rejected_together_need_one_more_token(
    revoked: ClientCredentials, sandbox: Sandbox
) -> None:
    auth = RequestsAuth(
        revoked,
        allowed_hosts=sandbox.allowed_hosts,
        is_auth_failure=all_rejected_first(HERD),
    )

    def post() -> int:
        with requests.Session() as session:
            session.auth = auth
            return session.post(sandbox.graphql_endpoint, json=QUERY, timeout=20).status_code

    assert at_once([post] * HERD) == [200] * HERD
    assert (sandbox.api_refusals, sandbox.token_requests) == (HERD, 2)


@each_module
def test_16_threads_with_httpx_that_are_rejected_together_need_one_more_token(
    revoked: ClientCredentials, sandbox: Sandbox, module: Any
) -> None:
    auth = HTTPXAuth(
        revoked,
        allowed_hosts=sandbox.allowed_hosts,
        is_auth_failure=all_rejected_first(HERD),
    )
    with sync_client(module, auth) as client:
        posts = [lambda: client.post(sandbox.graphql_endpoint, json=QUERY).status_code] * HERD
        assert at_once(posts) == [200] * HERD
    assert (sandbox.api_refusals, sandbox.token_requests) == (HERD, 2)


@pytest.mark.parametrize("order", ["before the new token", "in any order"])
@each_module
@each_backend
def test_16_tasks_that_are_rejected_need_one_more_token(
    sandbox: Sandbox, module: Any, backend: str, order: str
) -> None:
    """In any order: some 401s arrive after the new token (hazard C6)."""
    fetches = 0

    def secret() -> str:
        nonlocal fetches
        fetches += 1
        if fetches > 1 and order == "before the new token":
            until(lambda: sandbox.api_refusals == HERD)
        return sandbox.client_secret

    source = source_with(sandbox, secret)
    source.token()
    sandbox.revoke_all()
    auth = HTTPXAuth(source, allowed_hosts=sandbox.allowed_hosts)

    async def main() -> list[Any]:
        async with async_client(module, auth) as client:
            post = partial(client.post, sandbox.graphql_endpoint, json=QUERY)
            return await gather([post] * HERD)

    responses = anyio.run(main, backend=backend)
    assert [response.status_code for response in responses] == [200] * HERD
    assert sandbox.token_requests == 2


def test_a_late_401_leaves_the_successor_of_its_token_alone(
    revoked: ClientCredentials, sandbox: Sandbox
) -> None:
    """The 401 is held until somebody else has replaced the token (hazard C6)."""
    rejected, recovered = threading.Event(), threading.Event()

    def is_auth_failure(response: Any) -> bool:
        if response.status_code != 401:
            return False
        rejected.set()
        return recovered.wait(NEVER)

    def post(**settings: Any) -> int:
        auth = RequestsAuth(revoked, allowed_hosts=sandbox.allowed_hosts, **settings)
        url = sandbox.graphql_endpoint
        return requests.post(url, json=QUERY, auth=auth, timeout=20).status_code

    late = Threads([partial(post, is_auth_failure=is_auth_failure)])
    assert rejected.wait(NEVER)
    assert post() == 200
    successor = revoked.token()
    recovered.set()
    assert late.outcomes() == [200]
    assert revoked.token() is successor
    assert sandbox.token_requests == 2


def test_a_token_that_is_discarded_during_its_replacement_leaves_the_successor_alone(
    sandbox: Sandbox,
) -> None:
    source = source_with(sandbox, secret := HeldSecret(sandbox, released=True))
    old = source.token()
    secret.hold()
    thread = Threads([source.renew])
    assert secret.reached.wait(NEVER)
    source.discard(old)
    source.discard(old.access_token)
    secret.release()
    assert thread.outcomes() == [source.token()]
    assert sandbox.token_requests == 2


def test_30_threads_that_discard_the_same_token_cost_one_fetch(sandbox: Sandbox) -> None:
    source = sandbox.credentials()
    old = source.token()

    def replace() -> str:
        source.discard(old)
        return source.token().access_token

    successors = set(at_once([replace] * 30))
    assert len(successors) == 1
    assert old.access_token not in successors
    assert sandbox.token_requests == 2
