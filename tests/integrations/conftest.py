"""A source, its auths, bridges, and APIs that are not GraphQL but require Bitquery's tokens."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

# The library websockets reads these when it is imported. By default it waits for seconds before it
# connects again.
os.environ |= {
    "WEBSOCKETS_BACKOFF_INITIAL_DELAY": "0.02",
    "WEBSOCKETS_BACKOFF_MIN_DELAY": "0.02",
    "WEBSOCKETS_BACKOFF_FACTOR": "1.001",
}

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from bitquery_auth import ClientCredentials, HTTPXAuth, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request, Response
from tests.integrations.bridges import BRIDGES, HTTP_BRIDGES, Bridge, HttpBridge
from tests.kit.origin import Fault, Handler, Origin

LOOPBACK = ("127.0.0.1",)


@pytest.fixture
def source(sandbox: Sandbox) -> ClientCredentials:
    """A source of the sandbox's tokens."""
    return sandbox.credentials()


@pytest.fixture
def requests_auth(source: ClientCredentials) -> RequestsAuth:
    """The auth for libraries that are built on requests."""
    return RequestsAuth(source, allowed_hosts=LOOPBACK)


@pytest.fixture
def httpx_auth(source: ClientCredentials) -> HTTPXAuth:
    """The auth for libraries that are built on httpx or httpx2."""
    return HTTPXAuth(source, allowed_hosts=LOOPBACK)


@pytest.fixture(params=BRIDGES)
def bridge(request: pytest.FixtureRequest, source: ClientCredentials, sandbox: Sandbox) -> Bridge:
    return BRIDGES[request.param](source, sandbox)


@pytest.fixture(params=HTTP_BRIDGES)
def open_http(
    request: pytest.FixtureRequest, source: ClientCredentials, sandbox: Sandbox
) -> Callable[..., HttpBridge]:
    """Open a client of HTTP whose auth has these settings."""
    kind: Any = HTTP_BRIDGES[request.param]
    return lambda **settings: kind(source, sandbox, **settings)


@pytest.fixture
def http(open_http: Callable[..., HttpBridge]) -> HttpBridge:
    return open_http()


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Callable[[Handler], Origin]]:
    """Open an API with responses of the test's own, for requests with a valid token."""
    with ExitStack() as stack:

        def opened(otherwise: Handler) -> Origin:
            return stack.enter_context(Origin(guarded(sandbox, otherwise)))

        yield opened


def guarded(sandbox: Sandbox, otherwise: Handler) -> Handler:
    """Let the sandbox count every request and reject those without a valid token."""

    def respond(request: Request) -> Response | Fault | None:
        _, _, query = request.target.partition("?")
        response = sandbox.respond(replace(request, target=f"/graphql?{query}"), lambda _: False)
        if response is None or response.status == 401:
            return response
        return otherwise(request)

    return respond


@pytest.fixture
def portal() -> Iterator[BlockingPortal]:
    """One event loop for the whole test: a client's connections belong to one."""
    with start_blocking_portal("asyncio") as running:
        yield running
