"""A name that does not resolve, and takes its time: no timeout of a socket covers that."""

import socket
import time
from threading import Event

import anyio
import pytest

from bitquery_auth import ClientCredentials, TokenRequestError
from bitquery_auth.sandbox import Sandbox
from tests.kit.crowd import BACKENDS, NEVER, Threads


def hold_resolution(monkeypatch: pytest.MonkeyPatch) -> tuple[Event, Event]:
    """Let no name be resolved. The first event says that one is to be, the second ends it."""
    asked, over = Event(), Event()

    def resolve(*_: object) -> None:
        asked.set()
        assert over.wait(NEVER)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked, over


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_async_caller_waits_a_second_longer_than_the_timeout_at_most(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazards F5, G7: the later error has the words of the system."""
    asked, over = hold_resolution(monkeypatch)
    source = ClientCredentials("id", "secret", token_endpoint="https://name.invalid/", timeout=0.2)
    began = time.monotonic()
    with pytest.raises(TokenRequestError, match="the resolution of the host's name may be slow"):
        anyio.run(source.atoken, backend=backend)
    assert 1.2 <= time.monotonic() - began < 1.2 + 2
    assert asked.is_set()
    over.set()
    with pytest.raises(TokenRequestError, match=r"^No response from name\.invalid: .*Temporary"):
        source.token()


def test_renew_does_not_return_the_old_token_after_too_long_a_wait(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    source = sandbox.credentials(timeout=0.2)
    token = source.token()
    asked, over = hold_resolution(monkeypatch)
    stuck = Threads([source.renew])
    assert asked.wait(NEVER)
    with pytest.raises(TokenRequestError, match="the token request is still in progress"):
        source.renew()
    assert source.token() == token
    over.set()
    assert [type(outcome) for outcome in stuck.outcomes()] == [TokenRequestError]
