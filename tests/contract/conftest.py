"""Each behaviour is tested at every server, the sandbox among them, with two of the clients."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.contract.applications import ALL, PLAIN, SERVER_NAMES, Application
from tests.kit.clients import CLIENTS, Client
from tests.kit.origin import Origin
from tests.servers import AuthorizationServer
from tests.servers._server import forwarding_to

_BY_DEFAULT = {"requests", "httpx2-asyncio"}
"""The others differ from these in nothing that a server sees; they run with ``-m matrix``."""


@pytest.fixture(scope="module")
def the_sandbox() -> Iterator[AuthorizationServer]:
    """The sandbox as one of the servers, for one module: other tests count its threads."""

    def register_client(metadata: Mapping[str, Any]) -> None:
        sandbox.add_client(
            metadata["client_id"],
            metadata["client_secret"],
            token_endpoint_auth_method=metadata["token_endpoint_auth_method"],
            scopes=metadata["scope"],
            lifetime=metadata["lifetime"],
        )

    with (
        Sandbox() as sandbox,
        Origin(forwarding_to(sandbox.url)) as front,
        Origin(forwarding_to(sandbox.url)) as api,
    ):
        yield AuthorizationServer(
            name="sandbox",
            url=sandbox.url,
            token_path="/oauth2/token",
            revocation_path="/oauth2/revoke",
            front=front,
            api=api,
            register_client=register_client,
            revoke_all=sandbox.revoke_all,
        )


@pytest.fixture(scope="module", params=SERVER_NAMES)
def running_server(
    request: pytest.FixtureRequest,
    server_named: Callable[[str], AuthorizationServer],
    the_sandbox: AuthorizationServer,
) -> AuthorizationServer:
    """One of the servers, which knows the applications."""
    server = the_sandbox if request.param == the_sandbox.name else server_named(request.param)
    for application in ALL:
        application.register(server)
    return server


@pytest.fixture
def server(running_server: AuthorizationServer) -> AuthorizationServer:
    """One of the servers, its counts at zero."""
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


@pytest.fixture
def allowed_hosts(server: AuthorizationServer) -> tuple[str, ...]:
    """Let `open_client` send tokens to the server's API."""
    return (server.api.allowed_host,)


@pytest.fixture(params=PLAIN)
def application(request: pytest.FixtureRequest) -> Application:
    """One that authenticates in the form, one that does with Basic."""
    return PLAIN[request.param]
