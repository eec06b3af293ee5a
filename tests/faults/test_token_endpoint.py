"""Every fault of the token endpoint: without a token, behind the back of requests, and in answer to a refusal."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.faults.checks import RENEWAL, fails, wait_for_background_fetch
from tests.faults.conftest import Open, impatient
from tests.faults.faults import CASES, Case
from tests.faults.proxy import FaultProxy, forward

each_fault = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


@contextmanager
def at(proxy: FaultProxy, case: Case, source: ClientCredentials) -> Iterator[None]:
    """Let the token endpoint have a fault, and recover."""
    proxy.requests.clear()
    if case.fault is None:
        proxy.refuse_connections()
    else:
        proxy.mode = case.fault
    with impatient(source) if case.timed else nullcontext():
        yield
    if case.fault is None:
        proxy.accept_connections()
    proxy.mode = forward


@each_fault
def test_without_a_token_the_caller_gets_one_typed_error_in_time(
    case: Case, open_client: Open, source: ClientCredentials, token_proxy: FaultProxy, api_proxy: FaultProxy, api: str
) -> None:
    """Hazards F1, F5, F6: the class is exact, the client's own base error too, and `timeout` ends everything."""
    client = open_client(source)
    with at(token_proxy, case, source):
        fails(lambda: client.get(api), case, client)
        assert case.was_asked_as_often(len(token_proxy.requests))
    assert api_proxy.requests == []


@each_fault
def test_without_a_token_the_next_caller_fails_at_once_and_the_one_after_the_recovery_succeeds(
    case: Case, open_client: Open, source: ClientCredentials, token_proxy: FaultProxy, api: str, clock: Clock
) -> None:
    """Hazard F3: inside the backoff the endpoint is left alone; nothing stays broken after it."""
    client = open_client(source)
    with at(token_proxy, case, source):
        with pytest.raises(case.error):
            client.get(api)
        token_proxy.requests.clear()
        with pytest.raises(case.error, match="not asked again before"):
            client.get(api)
        assert token_proxy.requests == []
    clock.advance(8)
    assert client.get(api).status == 200
    assert len(token_proxy.requests) == 1


@each_fault
def test_behind_the_back_of_requests_a_fault_fails_none_of_them(
    case: Case,
    open_client: Open,
    source: ClientCredentials,
    token_proxy: FaultProxy,
    api: str,
    clock: Clock,
    sandbox: Sandbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Hazard F2: the token is used on, with one WARNING; when the endpoint is back, so is the renewal."""
    client = open_client(source)
    client.get(api)
    clock.advance(RENEWAL)
    caplog.set_level(logging.INFO, "bitquery_auth")
    with at(token_proxy, case, source):
        assert client.get(api).status == 200
        wait_for_background_fetch()
        assert client.get(api).status == 200
        assert case.was_asked_as_often(len(token_proxy.requests))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    clock.advance(8)
    assert client.get(api).status == 200
    wait_for_background_fetch()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert sandbox.tokens_issued == 2
    assert sandbox.api_refusals == 0


@each_fault
def test_in_answer_to_a_refusal_the_caller_gets_the_fault_and_the_next_one_a_token(
    case: Case,
    open_client: Open,
    source: ClientCredentials,
    token_proxy: FaultProxy,
    api: str,
    clock: Clock,
    sandbox: Sandbox,
) -> None:
    """Hazard R1: no new token, so the error is raised; the refused token is not used again."""
    client = open_client(source)
    client.get(api)
    sandbox.revoke_all()
    with at(token_proxy, case, source):
        fails(lambda: client.get(api), case, client)
        assert case.was_asked_as_often(len(token_proxy.requests))
    assert (sandbox.api_requests, sandbox.api_refusals) == (2, 1)
    clock.advance(8)
    assert client.get(api).status == 200
    assert (sandbox.api_requests, sandbox.api_refusals) == (3, 1)
