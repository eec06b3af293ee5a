"""Sources, auths and sessions that are sent to worker processes."""

import gc
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest
import requests

from bitquery_auth import HTTPXAuth, RequestsAuth, ShortTermToken, StaticToken
from bitquery_auth.sandbox import Sandbox
from tests.processes import work

# The sandbox runs in threads, which Python 3.12 and later warn about when the process forks.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

START_METHODS = sorted({"fork", "spawn"} & set(multiprocessing.get_all_start_methods()))


@pytest.fixture(scope="module", params=START_METHODS)
def pool(request: pytest.FixtureRequest) -> Iterator[ProcessPoolExecutor]:
    """A worker process, which lives as long as the tests."""
    context = multiprocessing.get_context(request.param)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        yield pool


def test_a_source_has_a_token_of_its_own_in_a_worker(
    pool: ProcessPoolExecutor, sandbox: Sandbox
) -> None:
    source = ShortTermToken(sandbox.credentials(), endpoint=sandbox.graphql_endpoint)
    ours = source.token().access_token
    assert pool.submit(work.token_of, source).result(30) != ours
    assert (sandbox.token_requests, sandbox.short_term_requests) == (2, 2)


def test_a_static_token_is_the_same_in_a_worker(pool: ProcessPoolExecutor) -> None:
    assert pool.submit(work.token_of, StaticToken("ory_at_one")).result(30) == "ory_at_one"


@pytest.mark.parametrize("task", [work.token_of, work.post_with_requests, work.post_with_httpx2])
def test_the_tasks_of_a_worker_share_one_token(
    pool: ProcessPoolExecutor, sandbox: Sandbox, task: Any
) -> None:
    """Each task unpickles its source, and the worker has forgotten that of the task before."""
    source = sandbox.credentials()
    auth_class = HTTPXAuth if task is work.post_with_httpx2 else RequestsAuth
    auth = auth_class(source, allowed_hosts=sandbox.allowed_hosts)
    arguments = (source,) if task is work.token_of else (auth, sandbox.graphql_endpoint)
    results = set()
    for _ in range(6):
        results.add(pool.submit(task, *arguments).result(30))
        pool.submit(gc.collect).result(30)
    assert task is work.token_of or results == {200}
    assert sandbox.token_requests == 1


def test_a_session_that_was_used_works_in_a_worker(
    pool: ProcessPoolExecutor, sandbox: Sandbox
) -> None:
    with requests.Session() as session:
        session.auth = RequestsAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)
        assert work.post_with_session(session, sandbox.graphql_endpoint) == 200
        post = pool.submit(work.post_with_session, session, sandbox.graphql_endpoint)
        assert post.result(30) == 200
    assert sandbox.token_requests == 2
