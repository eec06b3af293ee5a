"""Sources, auths and sessions handed to worker processes."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest
import requests

from bitquery_auth import HTTPXAuth, RequestsAuth, ShortTermToken, StaticToken
from bitquery_auth.sandbox import Sandbox
from tests.processes import work

# The sandbox runs in threads here, which Python 3.12 and later warn of when a process is forked.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


@pytest.fixture(scope="module", params=sorted({"fork", "spawn"} & set(multiprocessing.get_all_start_methods())))
def pool(request: pytest.FixtureRequest) -> Iterator[ProcessPoolExecutor]:
    """Two worker processes."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(request.param)) as pool:
        yield pool


def test_a_source_works_in_another_process_with_a_token_of_its_own(pool: ProcessPoolExecutor, sandbox: Sandbox) -> None:
    """Hazard P1: the settings travel, the token does not."""
    source = sandbox.credentials()
    ours = source.token().access_token
    assert pool.submit(work.token_of, source).result(30) != ours
    assert sandbox.token_requests == 2


def test_a_short_term_source_works_in_another_process(pool: ProcessPoolExecutor, sandbox: Sandbox) -> None:
    """Hazard P1."""
    source = ShortTermToken(sandbox.credentials(), endpoint=sandbox.graphql_endpoint)
    source.token()
    assert pool.submit(work.token_of, source).result(30) != source.token().access_token
    assert sandbox.short_term_requests == 2


def test_a_static_token_is_the_same_in_another_process(pool: ProcessPoolExecutor) -> None:
    """Hazard P1."""
    assert pool.submit(work.token_of, StaticToken("ory_at_one")).result(30) == "ory_at_one"


def test_an_auth_of_requests_works_in_another_process(pool: ProcessPoolExecutor, sandbox: Sandbox) -> None:
    """Hazard P1."""
    auth = RequestsAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)
    assert pool.submit(work.post_with_requests, auth, sandbox.graphql_endpoint).result(30) == 200


def test_an_auth_of_httpx_works_in_another_process(pool: ProcessPoolExecutor, sandbox: Sandbox) -> None:
    """Hazard P1."""
    auth = HTTPXAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)
    assert pool.submit(work.post_with_httpx2, auth, sandbox.graphql_endpoint).result(30) == 200


def test_a_session_that_was_used_works_in_another_process(pool: ProcessPoolExecutor, sandbox: Sandbox) -> None:
    """Hazard P1."""
    with requests.Session() as session:
        session.auth = RequestsAuth(sandbox.credentials(), allowed_hosts=sandbox.allowed_hosts)
        assert work.post_with_session(session, sandbox.graphql_endpoint) == 200
        assert pool.submit(work.post_with_session, session, sandbox.graphql_endpoint).result(30) == 200
    assert sandbox.token_requests == 2
