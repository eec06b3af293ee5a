"""Each server runs once a session, started by the first test that needs it."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from . import SERVERS, AuthorizationServer, Unavailable


@pytest.fixture(scope="session")
def server_named() -> Iterator[Callable[[str], AuthorizationServer]]:
    """Give the server of this name, or skip the test where the machine cannot run it."""
    started: dict[str, AuthorizationServer | Unavailable] = {}
    with contextlib.ExitStack() as stack:

        def give(name: str) -> AuthorizationServer:
            if name not in started:
                try:
                    started[name] = stack.enter_context(SERVERS[name]())
                except Unavailable as reason:
                    started[name] = reason
            server = started[name]
            if isinstance(server, Unavailable):
                pytest.skip(f"{name}: {server}")
            return server

        yield give


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, server_named: Callable[[str], AuthorizationServer]) -> AuthorizationServer:
    return server_named(request.param)
