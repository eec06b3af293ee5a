"""An API that rejects the first token, and a client of it; the sandbox behind a server."""

from collections.abc import Callable
from typing import Any

import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox import Sandbox
from tests.kit.clients import Client, OpenClient
from tests.kit.origin import Gate, Origin, refusing_the_first_token


@pytest.fixture
def source(sandbox: Sandbox) -> ClientCredentials:
    """A source that has no token yet."""
    return sandbox.credentials()


@pytest.fixture
def api(origin: Origin) -> Origin:
    """An API that rejects the first token it sees, and every request without a token."""
    origin.handler = refusing_the_first_token()
    return origin


@pytest.fixture
def client(open_client: OpenClient, source: ClientCredentials, api: Origin) -> Client:
    """A client of that API."""
    return open_client(source, allowed_hosts=[api.allowed_host])


@pytest.fixture
def call(
    open_client: OpenClient, source: ClientCredentials, origin: Origin, gate: Gate
) -> Callable[[], Any]:
    """One request to the sandbox's API at `origin`, which can misbehave by its plan."""
    client = open_client(source, allowed_hosts=[origin.allowed_host])
    return lambda: client.get(origin.at("/graphql"))
