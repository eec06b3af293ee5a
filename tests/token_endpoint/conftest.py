"""The sandbox's token endpoint behind a server that can misbehave, and sources of it."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest
from trustme import CA

from bitquery_auth import ClientCredentials
from bitquery_auth._sources.token_response import TokenResponse
from bitquery_auth.sandbox import Sandbox
from tests.kit.origin import Connection, Gate, Origin, on_the_wire

NOW = 1_800_000_000.0
"""Seconds since the epoch when a response is parsed."""
HOST = "auth.example.com:8443"


def response_with(body: Any, status: int, **further: Any) -> TokenResponse:
    """Return a response with that body: bytes as they are, anything else as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = further.pop("headers", {})
    return TokenResponse(status, headers, raw, f"https://{HOST}/oauth2/token", **further)


@on_the_wire
def plain_http(connection: Connection) -> None:
    """Respond to a TLS handshake as a server without TLS does."""
    connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    connection.wait_until_left()


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
    return partial(sandbox.credentials, token_endpoint=endpoint.at("/oauth2/token"))


@pytest.fixture
def source(source_with: SourceOf) -> ClientCredentials:
    """A source of the endpoint, without a token."""
    return source_with()


@pytest.fixture
def at_tls(secure_origin: Origin, sandbox: Sandbox) -> SourceOf:
    """Make sources of the same endpoint behind TLS."""
    secure_origin.handler = Gate(sandbox)
    url = secure_origin.at("/oauth2/token", scheme="https")
    return partial(sandbox.credentials, token_endpoint=url)


@pytest.fixture
def trusting_source(at_tls: SourceOf, authority: tuple[CA, Path]) -> SourceOf:
    """Make sources of it that trust its certificate."""
    return partial(at_tls, verify=str(authority[1]))
