"""A source, its auths, and APIs that are not GraphQL but ask for Bitquery's tokens."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from bitquery_auth import ClientCredentials, HTTPXAuth, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request, Response
from tests.kit.origin import Handler, Origin

LOOPBACK = ("127.0.0.1",)


@pytest.fixture
def source(sandbox: Sandbox) -> ClientCredentials:
    """Where the tokens come from."""
    return sandbox.credentials()


@pytest.fixture
def requests_auth(source: ClientCredentials) -> RequestsAuth:
    """The auth for libraries that are built on requests."""
    return RequestsAuth(source, allowed_hosts=LOOPBACK)


@pytest.fixture
def httpx_auth(source: ClientCredentials) -> HTTPXAuth:
    """The auth for libraries that are built on httpx or httpx2."""
    return HTTPXAuth(source, allowed_hosts=LOOPBACK)


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Callable[[Handler], Origin]]:
    """Open an API that answers as the test says whoever shows a token that is good at the sandbox."""
    with ExitStack() as stack:

        def opened(otherwise: Handler) -> Origin:
            return stack.enter_context(Origin(guarded(sandbox, otherwise)))

        yield opened


def guarded(sandbox: Sandbox, otherwise: Handler) -> Handler:
    """Let the sandbox judge and count every request; those it does not refuse are answered by `otherwise`."""

    def answer(request: Request) -> Response | None:
        _, _, query = request.target.partition("?")
        verdict = sandbox.respond(replace(request, target=f"/graphql?{query}"), lambda _: False)
        return verdict if verdict is None or verdict.status == 401 else otherwise(request)

    return answer


@pytest.fixture
def portal() -> Iterator[BlockingPortal]:
    """One event loop for the whole test, as a client's connections belong to one."""
    with start_blocking_portal("asyncio") as running:
        yield running
