"""While the token lives, no request waits for a token endpoint that does not answer."""

import threading
import time

import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.faults.checks import RENEWAL
from tests.faults.conftest import Open, impatient
from tests.faults.proxy import Connection, FaultProxy


class Held:
    """A token endpoint that answers when it is told to."""

    def __init__(self, proxy: FaultProxy) -> None:
        self.asked, self.release = threading.Event(), threading.Event()
        self._forward, proxy.mode = proxy.mode, self._hold

    def _hold(self, connection: Connection) -> None:
        self.asked.set()
        self.release.wait(20)
        self._forward(connection)


@pytest.fixture
def patient(sandbox: Sandbox, token_proxy: FaultProxy) -> ClientCredentials:
    return sandbox.credentials(token_endpoint=f"{token_proxy.url}/oauth2/token")


def test_requests_go_on_while_the_renewal_hangs(
    open_client: Open, patient: ClientCredentials, token_proxy: FaultProxy, api: str, clock: Clock, sandbox: Sandbox
) -> None:
    """Hazard C4."""
    client = open_client(patient)
    client.get(api)
    held = Held(token_proxy)
    clock.advance(RENEWAL)
    for _ in range(5):
        assert client.get(api).status == 200
    assert held.asked.wait(10)
    assert not held.release.is_set()
    assert sandbox.token_requests == 1
    held.release.set()


def test_inside_the_leeway_only_the_first_caller_waits(
    open_client: Open, patient: ClientCredentials, token_proxy: FaultProxy, api: str, clock: Clock, sandbox: Sandbox
) -> None:
    client = open_client(patient)
    client.get(api)
    held = Held(token_proxy)
    clock.advance(3599 - 30)
    with_new = threading.Thread(target=patient.token)
    with_new.start()
    assert held.asked.wait(10)
    assert client.get(api).status == 200
    assert with_new.is_alive()
    held.release.set()
    with_new.join(10)
    assert sandbox.tokens_issued == 2


def test_a_source_that_hangs_does_not_delay_another(
    open_client: Open, patient: ClientCredentials, token_proxy: FaultProxy, api: str, sandbox: Sandbox
) -> None:
    """Hazard C3."""
    held = Held(token_proxy)
    waiter = threading.Thread(target=patient.token)
    waiter.start()
    assert held.asked.wait(10)
    assert open_client(sandbox.credentials()).get(api).status == 200
    held.release.set()
    waiter.join(10)


def test_all_who_waited_for_a_fetch_that_failed_fail_with_it(
    source: ClientCredentials, token_proxy: FaultProxy
) -> None:
    """Hazard C1: nobody repeats it in a queue."""
    together, failures = threading.Barrier(10), []

    def silent_until_all_wait(connection: Connection) -> None:
        connection.wait_until_left()

    def call() -> None:
        together.wait(10)
        try:
            source.token()
        except Exception as error:  # noqa: BLE001 - looked at below
            failures.append(error)

    token_proxy.mode = silent_until_all_wait
    threads = [threading.Thread(target=call) for _ in range(10)]
    began = time.monotonic()
    with impatient(source):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert time.monotonic() - began < 2.5
    assert len(failures) == 10
    assert len(set(map(id, failures))) == 10
    assert len(token_proxy.requests) == 1
