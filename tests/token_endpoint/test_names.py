"""A name that does not resolve, and takes its time: no timeout of a socket covers that."""

import socket
import threading
import time

import anyio
import pytest

from bitquery_auth import ClientCredentials, TokenRequestError
from tests.kit.crowd import BACKENDS, NEVER


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_async_caller_waits_a_second_longer_than_the_timeout_at_most(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazards F5, G7: the later error has the words of the system."""
    asked, over = threading.Event(), threading.Event()

    def resolve(*_: object) -> None:
        asked.set()
        assert over.wait(NEVER)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    source = ClientCredentials("id", "secret", token_endpoint="https://name.invalid/", timeout=0.2)
    began = time.monotonic()
    with pytest.raises(TokenRequestError, match="the resolution of the host's name may be slow"):
        anyio.run(source.atoken, backend=backend)
    assert 1.2 <= time.monotonic() - began < 1.2 + 2
    assert asked.is_set()
    over.set()
    with pytest.raises(TokenRequestError, match=r"^No response from name\.invalid: .*Temporary"):
        source.token()
