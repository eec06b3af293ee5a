"""The sandbox behind two proxies: one stands before its token endpoint, one before its API."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from bitquery_auth import ClientCredentials, TokenSource
from bitquery_auth.sandbox import Sandbox
from tests.kit.clients import CLIENTS, Client
from tests.faults.proxy import FaultProxy

Open = Callable[..., Client]

TIMEOUT = 0.3
"""Seconds a token request may take where only the timeout ends it: the fault itself would go on for ever."""
PATIENCE = 10.0
"""Seconds it may take elsewhere, on however busy a machine."""


@pytest.fixture(params=["requests", "httpx-asyncio"])
def kind(request: pytest.FixtureRequest) -> type[Client]:
    """A sync and an async client: what differs from the others is told by the behaviour tests."""
    return CLIENTS[request.param]


def before(sandbox: Sandbox, **options: Any) -> FaultProxy:
    """Make a proxy before the sandbox."""
    return FaultProxy(lambda request: sandbox.respond(request, lambda _: False), **options)


@pytest.fixture
def token_proxy(sandbox: Sandbox) -> Iterator[FaultProxy]:
    with before(sandbox) as proxy:
        yield proxy


@pytest.fixture
def api_proxy(sandbox: Sandbox) -> Iterator[FaultProxy]:
    with before(sandbox) as proxy:
        yield proxy


@pytest.fixture
def api(api_proxy: FaultProxy) -> str:
    """The API's URL."""
    return f"{api_proxy.url}/graphql"


@pytest.fixture
def source(sandbox: Sandbox, token_proxy: FaultProxy) -> ClientCredentials:
    return sandbox.credentials(token_endpoint=f"{token_proxy.url}/oauth2/token", timeout=PATIENCE)


@contextmanager
def impatient(source: ClientCredentials) -> Iterator[None]:
    """Let a source wait for `TIMEOUT` only, for as long as a fault lasts: a good answer may take its time."""
    transport = source._exchange.transport
    transport.timeout = TIMEOUT
    yield
    transport.timeout = PATIENCE


@pytest.fixture
def open_client(kind: type[Client], api_proxy: FaultProxy) -> Iterator[Open]:
    """Open a client whose auth takes a source and settings; the API's proxy is where tokens may go."""
    with ExitStack() as stack:

        def opened(source: TokenSource, *, client_options: dict[str, Any] | None = None, **settings: Any) -> Client:
            settings.setdefault("allowed_hosts", (api_proxy.host,))
            return stack.enter_context(kind(kind.auth_class(source, **settings), **(client_options or {})))

        yield opened
