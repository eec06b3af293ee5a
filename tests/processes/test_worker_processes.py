"""Sources and auths that are sent to worker processes."""

import gc
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

from bitquery_auth import HTTPXAuth, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.processes import work

# The sandbox runs in threads, which Python 3.12 and later warn about when the process forks.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

# Not "fork": gRPC, if other tests have loaded it, does not bear that.
START_METHODS = sorted({"forkserver", "spawn"} & set(multiprocessing.get_all_start_methods()))


@pytest.fixture(scope="module", params=START_METHODS)
def pool(request: pytest.FixtureRequest) -> Iterator[ProcessPoolExecutor]:
    """A worker process, which lives as long as the tests."""
    context = multiprocessing.get_context(request.param)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        yield pool


@pytest.mark.parametrize(
    ("task", "auth_class"),
    [(work.post_with_requests, RequestsAuth), (work.post_with_httpx2, HTTPXAuth)],
)
def test_the_tasks_of_a_worker_share_one_token_which_is_not_that_of_the_program(
    pool: ProcessPoolExecutor, sandbox: Sandbox, task: Any, auth_class: Any
) -> None:
    """Each task unpickles its auth, and the worker has forgotten that of the task before."""
    auth = auth_class(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)
    assert task(auth, sandbox.graphql_endpoint) == 200
    for _ in range(6):
        assert pool.submit(task, auth, sandbox.graphql_endpoint).result(30) == 200
        pool.submit(gc.collect).result(30)
    assert sandbox.token_requests == 2
