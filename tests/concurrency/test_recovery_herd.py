"""Many requests are rejected at once: one new token, and all of them are sent again with it."""

import threading
from typing import Any

import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox import Sandbox
from tests.concurrency.crowds import IN_TASKS, IN_THREADS
from tests.kit.crowd import NEVER, HeldSecret, Threads, at_once, source_with
from tests.kit.waiting import until

HERD = 16


@pytest.mark.parametrize("client", IN_THREADS)
def test_16_threads_that_are_rejected_together_need_one_more_token(
    client: str, revoked: ClientCredentials, sandbox: Sandbox
) -> None:
    barrier = threading.Barrier(HERD)

    def is_auth_failure(response: Any) -> bool:
        return response.status_code == 401 and barrier.wait(NEVER) >= 0

    responses = IN_THREADS[client](sandbox, revoked, HERD, is_auth_failure=is_auth_failure)
    assert [response.status_code for response in responses] == [200] * HERD
    assert (sandbox.api_refusals, sandbox.token_requests) == (HERD, 2)


@pytest.mark.parametrize("order", ["before the new token", "in any order"])
@pytest.mark.parametrize("backend", IN_TASKS)
def test_16_tasks_that_are_rejected_need_one_more_token(
    sandbox: Sandbox, backend: str, order: str
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
    responses = IN_TASKS[backend](sandbox, source, HERD)
    assert [response.status_code for response in responses] == [200] * HERD
    assert sandbox.token_requests == 2


def test_a_token_that_is_discarded_during_its_replacement_leaves_the_successor_alone(
    used: ClientCredentials, secret: HeldSecret, sandbox: Sandbox
) -> None:
    """Hazard C6."""
    old = used.token()
    thread = Threads([used.renew])
    assert secret.reached.wait(NEVER)
    used.discard(old)
    used.discard(old.access_token)
    secret.release()
    assert thread.outcomes() == [used.token()]
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
