"""A ``client_secret`` callable that fails for a while: no request with a token does, and it is not asked each time."""

from collections.abc import Callable

import pytest

from bitquery_auth import ClientCredentials, ConfigurationError
from bitquery_auth.sandbox import Sandbox
from tests.behaviour.conftest import QUERY, Open, until
from tests.kit.clients import Client
from tests.kit.clock import Clock

AHEAD, LEEWAY, END = 3240, 3540, 3599


class Vault:
    """Gives the secret while it is open, and counts who asks."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.is_open = True
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if not self.is_open:
            raise LookupError
        return self.secret

    def seal(self) -> None:
        self.is_open, self.asked = False, 0


@pytest.fixture
def vault(sandbox: Sandbox) -> Vault:
    return Vault(sandbox.client_secret)


@pytest.fixture
def client(open_client: Open, sandbox: Sandbox, vault: Vault) -> Client:
    """One that has its first token."""
    client = open_client(
        ClientCredentials(sandbox.client_id, vault, token_endpoint=sandbox.token_endpoint, scope="api")
    )
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    return client


@pytest.fixture
def call(client: Client, sandbox: Sandbox) -> Callable[[], int]:
    return lambda: client.post(sandbox.graphql_endpoint, json=QUERY).status


def test_inside_the_leeway_five_requests_ask_it_once(call: Callable[[], int], vault: Vault, clock: Clock) -> None:
    """Hazards F2, F3: each would wait for it else."""
    vault.seal()
    clock.advance(LEEWAY)
    assert [call() for _ in range(5)] == [200] * 5
    assert vault.asked == 1


def test_after_a_pause_it_is_asked_again_and_less_and_less_often(
    call: Callable[[], int], vault: Vault, clock: Clock
) -> None:
    vault.seal()
    clock.advance(LEEWAY)
    for _ in range(30):
        assert call() == 200
        clock.advance(1)
    assert 5 <= vault.asked <= 6


def test_once_it_is_open_the_token_is_replaced(
    call: Callable[[], int], vault: Vault, clock: Clock, sandbox: Sandbox
) -> None:
    vault.seal()
    clock.advance(LEEWAY)
    call()
    vault.is_open = True
    clock.advance(1)
    assert call() == 200
    assert sandbox.token_requests == 2


def test_a_renewal_ahead_asks_it_once_in_a_pause(call: Callable[[], int], vault: Vault, clock: Clock) -> None:
    vault.seal()
    clock.advance(AHEAD)
    assert call() == 200
    until(lambda: vault.asked == 1)
    assert [call() for _ in range(5)] == [200] * 5
    assert vault.asked == 1


def test_without_a_token_each_call_asks_it_and_the_first_after_it_was_opened_succeeds(
    client: Client, call: Callable[[], int], vault: Vault, clock: Clock
) -> None:
    """There is nothing to lose by asking, and nothing to wait for once it was opened."""
    vault.seal()
    clock.advance(END + 1)
    for _ in range(3):
        with pytest.raises(ConfigurationError, match="LookupError") as caught:
            call()
        assert isinstance(caught.value, client.base_error)
    assert vault.asked == 3
    vault.is_open = True
    assert call() == 200


def test_a_token_that_ends_in_the_pause_leaves_the_next_call_free_to_ask(
    call: Callable[[], int], vault: Vault, clock: Clock
) -> None:
    vault.seal()
    clock.advance(END - 0.5)
    assert call() == 200
    vault.is_open = True
    clock.advance(0.5)
    assert call() == 200
