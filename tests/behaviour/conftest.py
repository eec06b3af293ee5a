"""Each behaviour is tried with every client."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from bitquery_auth import TokenSource
from bitquery_auth.sandbox import Sandbox
from tests.clients import CLIENTS, Client

Open = Callable[..., Client]


@pytest.fixture(params=CLIENTS)
def kind(request: pytest.FixtureRequest) -> type[Client]:
    """One of the clients."""
    return CLIENTS[request.param]


@pytest.fixture
def open_client(kind: type[Client], sandbox: Sandbox) -> Iterator[Open]:
    """Open a client whose auth takes a source and settings; by default the sandbox is where tokens may go."""
    with ExitStack() as stack:

        def opened(source: TokenSource, *, client_options: dict[str, Any] | None = None, **settings: Any) -> Client:
            settings.setdefault("allowed_hosts", sandbox.allowed_hosts)
            return stack.enter_context(kind(kind.auth_class(source, **settings), **(client_options or {})))

        yield opened
