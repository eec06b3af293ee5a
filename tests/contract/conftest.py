"""Each behaviour is tried at every server, the sandbox among them, with two of the clients."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest

from bitquery_auth import TokenSource
from tests.contract.applications import ALL, BY_METHOD, SERVER_NAMES, Application
from tests.contract.forwarding import forwarding_to
from tests.contract.sandbox_server import SandboxServer, sandbox_server
from tests.kit.clients import CLIENTS, Client
from tests.kit.origin import Origin
from tests.servers import AuthorizationServer

Open = Callable[..., Client]

_BY_DEFAULT = {"requests", "httpx2-asyncio"}
"""The others differ from these in nothing that a server sees; they run with ``-m matrix``."""


@pytest.fixture(scope="module")
def the_sandbox() -> Iterator[SandboxServer]:
    """The sandbox as one of the servers, for one module: other tests count its threads."""
    with sandbox_server() as running:
        yield running


@pytest.fixture(scope="module", params=SERVER_NAMES)
def running_server(
    request: pytest.FixtureRequest,
    server_named: Callable[[str], AuthorizationServer],
    the_sandbox: SandboxServer,
) -> AuthorizationServer:
    """One of the servers, which knows the applications."""
    server = the_sandbox if request.param == the_sandbox.name else server_named(request.param)
    for application in ALL:
        application.register(server)
    return server


@pytest.fixture
def server(running_server: AuthorizationServer) -> AuthorizationServer:
    """One of the servers, its counts at nought."""
    running_server.reset_counts()
    return running_server


@pytest.fixture(
    params=[
        pytest.param(name, marks=() if name in _BY_DEFAULT else pytest.mark.matrix)
        for name in CLIENTS
    ]
)
def kind(request: pytest.FixtureRequest) -> type[Client]:
    """One of the clients."""
    return CLIENTS[request.param]


@pytest.fixture(params=BY_METHOD)
def application(request: pytest.FixtureRequest) -> Application:
    """One that authenticates in the form, one that does with Basic."""
    return BY_METHOD[request.param]


@pytest.fixture
def open_client(kind: type[Client], server: AuthorizationServer) -> Iterator[Open]:
    """Open a client with an auth over a source. By default the server's API is an allowed host."""
    with ExitStack() as stack:

        def opened(source: TokenSource, **settings: Any) -> Client:
            settings.setdefault("allowed_hosts", [urlsplit(server.api_url).netloc])
            return stack.enter_context(kind(kind.auth_class(source, **settings)))

        yield opened


@pytest.fixture
def api_front(server: AuthorizationServer) -> Iterator[Origin]:
    """A place in front of the API, which keeps what comes by."""
    with Origin(forwarding_to(server.api_url)) as running:
        yield running
