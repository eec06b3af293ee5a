"""The sandbox's token endpoint behind a server that can misbehave, and sources of it."""

from collections.abc import Iterator
from typing import Any, Protocol

import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox import Sandbox
from tests.kit.origin import Gate, Origin


class SourceOf(Protocol):
    """Makes a source of the endpoint with these settings."""

    def __call__(self, **settings: Any) -> ClientCredentials: ...


@pytest.fixture
def endpoint(sandbox: Sandbox) -> Iterator[Origin]:
    """The sandbox's token endpoint, until its handler is replaced."""
    with Origin(Gate(sandbox)) as running:
        yield running


@pytest.fixture
def source_with(sandbox: Sandbox, endpoint: Origin) -> SourceOf:
    """Make sources of the endpoint."""

    def made(**settings: Any) -> ClientCredentials:
        return sandbox.credentials(token_endpoint=endpoint.at("/oauth2/token"), **settings)

    return made


@pytest.fixture
def source(source_with: SourceOf) -> ClientCredentials:
    """A source of the endpoint, without a token."""
    return source_with()
