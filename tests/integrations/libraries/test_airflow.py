"""Airflow itself: its hook, and its operator, deferred and not."""

import asyncio
import base64
import importlib
import json
import os
import tempfile
from typing import Any

import pytest
from blockbuster import BlockBuster

from bitquery_auth.integrations.airflow import AirflowAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.libraries.story import Call, check_story
from tests.kit import QUERY
from tests.kit.recorded import api_calls

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp())  # read when Airflow is imported
hooks = pytest.importorskip("airflow.providers.http.hooks.http")
exceptions = pytest.importorskip("airflow.sdk.exceptions")
airflow = importlib.import_module("bitquery_auth.integrations.airflow")

pytestmark = pytest.mark.filterwarnings("default")  # Airflow's own warnings are not about us


class LoopbackAuth(AirflowAuth):
    allowed_hosts = ("127.0.0.1",)


@pytest.fixture(params=["login and password", "environment"], autouse=True)
def _connection(
    request: pytest.FixtureRequest, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = {"conn_type": "http", "host": sandbox.url}
    monkeypatch.setenv("BITQUERY_TOKEN_ENDPOINT", sandbox.token_endpoint)
    monkeypatch.setenv("BITQUERY_SCOPE", "api")
    if request.param == "environment":
        monkeypatch.setenv("BITQUERY_CLIENT_ID", sandbox.client_id)
        monkeypatch.setenv("BITQUERY_CLIENT_SECRET", sandbox.client_secret)
    else:
        connection |= {"login": sandbox.client_id, "password": sandbox.client_secret}
    monkeypatch.setenv("AIRFLOW_CONN_BITQUERY", json.dumps(connection))


@pytest.fixture(autouse=True)
def _logging_may_block(_nothing_blocks_a_loop: BlockBuster) -> None:
    """Airflow's handlers of log records ask for files and folders, also on an event loop."""
    _nothing_blocks_a_loop.deactivate()


def operator(**options: Any) -> Any:
    return airflow.HttpOperator(
        task_id="blocks",
        http_conn_id="bitquery",
        endpoint="/graphql",
        data=json.dumps(QUERY),
        headers={"Content-Type": "application/json"},
        auth_type=LoopbackAuth,
        **options,
    )


def execute(task: Any) -> Any:
    """Execute a task as Airflow does: what it defers is done by a trigger made from its path."""
    try:
        return task.execute({})
    except exceptions.TaskDeferred as deferred:
        return _resume(task, deferred)


def _resume(task: Any, deferred: Any) -> Any:
    path, arguments = deferred.trigger.serialize()
    module, _, name = path.rpartition(".")
    kind = getattr(importlib.import_module(module), name)
    trigger = kind(**json.loads(json.dumps(arguments)))

    async def first_event() -> Any:
        return await anext(trigger.run())

    event = asyncio.run(first_event())
    try:
        resume = getattr(task, deferred.method_name)
        return resume({}, event.payload, **(deferred.kwargs or {}))
    except exceptions.TaskDeferred as again:
        return _resume(task, again)


def _hook() -> Call:
    hook = hooks.HttpHook(http_conn_id="bitquery", auth_type=LoopbackAuth)
    return lambda: hook.run("/graphql", json=QUERY)


CALLS = {
    "hook": _hook,
    "operator": lambda: lambda: execute(operator()),
    "deferred operator": lambda: lambda: execute(operator(deferrable=True)),
}


@pytest.mark.parametrize("kind", CALLS)
def test_it_uses_one_token_and_another_after_a_revocation(kind: str, sandbox: Sandbox) -> None:
    check_story(CALLS[kind](), sandbox)


def test_pages_of_a_deferred_operator_go_on_over_a_revocation(sandbox: Sandbox) -> None:
    pages: list[Any] = []

    def next_page(response: Any) -> Any:
        pages.append(response)
        sandbox.revoke_all()
        return {"data": json.dumps(QUERY)} if len(pages) < 3 else None

    texts = execute(operator(deferrable=True, pagination_function=next_page))
    assert len(texts) == 3
    assert sandbox.token_requests == 3


def test_a_deferred_request_never_sends_the_login_itself(sandbox: Sandbox) -> None:
    """Airflow's own trigger sends it as Basic credentials to the API."""
    execute(operator(deferrable=True))
    secret = base64.b64encode(f"{sandbox.client_id}:{sandbox.client_secret}".encode()).decode()
    for call in api_calls(sandbox):
        assert call.headers["Authorization"].startswith("Bearer ")
        assert secret not in str(call.headers.pairs)


def test_a_deferred_request_without_a_token_fails_with_the_reason(sandbox: Sandbox) -> None:
    sandbox.outage = 503
    with pytest.raises(Exception, match="responded 503"):
        execute(operator(deferrable=True))
    assert sandbox.api_requests == 0
