"""Names that do not resolve, or not soon: no timeout of a socket covers them."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from bitquery_auth import ClientCredentials, TokenRequestError
from tests.kit.crowd import BACKENDS, NEVER

NAME = "token-endpoint.invalid"


def source_of_the_name(**settings: Any) -> ClientCredentials:
    return ClientCredentials("id", "secret", token_endpoint=f"https://{NAME}/token", **settings)


@pytest.fixture
def resolving(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A resolver that hangs until the test is over; the event says that it was asked."""
    asked, over = threading.Event(), threading.Event()
    resolve = socket.getaddrinfo

    def slow(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host != NAME:
            return resolve(host, *args, **kwargs)
        asked.set()
        assert over.wait(NEVER)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    yield asked
    over.set()


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_async_caller_waits_a_second_longer_than_the_timeout_at_most(
    backend: str, resolving: threading.Event
) -> None:
    """Hazard F5."""
    source = source_of_the_name(timeout=0.2)
    began = time.monotonic()
    with pytest.raises(TokenRequestError, match="the resolution of the host's name may be slow"):
        anyio.run(source.atoken, backend=backend)
    took = time.monotonic() - began
    assert resolving.is_set()
    assert 1.2 <= took < 1.2 + 2
