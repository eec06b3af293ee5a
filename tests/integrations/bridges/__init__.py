"""Integrations behind one interface, so that a behaviour is tested once for all of them."""

from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from bitquery_auth import TokenSource
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY


class Bridge:
    """An integration that calls the sandbox.

    Args:
        source: Where tokens come from.
        sandbox: What is called.

    Attributes:
        rejected: What the client itself raises if the API rejects the last token.
        connection_error: Its error where the token endpoint does not respond.
        request_error: Its error for every other failure of a token request.
    """

    rejected: type[Exception]
    connection_error: type[Exception]
    request_error: type[Exception]

    def __init__(self, source: TokenSource, sandbox: Sandbox) -> None:
        self.source = source
        self.sandbox = sandbox

    def call(self) -> None:
        """Call the API once."""
        raise NotImplementedError


class RejectedError(Exception):
    """The API did not accept a request."""


class HttpBridge(Bridge):
    """An auth for a client of HTTP.

    Args:
        settings: Those of the auth. By default, every server of this machine may see tokens.

    Attributes:
        auth_class: The class of the auth.
        generator: Makes a body that cannot be sent again.
    """

    rejected = RejectedError
    auth_class: Any
    generator: Callable[[], Any]

    def __init__(self, source: TokenSource, sandbox: Sandbox, **settings: Any) -> None:
        super().__init__(source, sandbox)
        settings.setdefault("allowed_hosts", ["127.0.0.1", "localhost"])
        self.auth = self.auth_class(source, **settings)

    def call(self) -> None:
        status, text = self.post(self.sandbox.graphql_endpoint, json=QUERY)
        if status != 200:
            raise RejectedError(f"{status} {text}")

    def post(self, url: str, **options: Any) -> tuple[int, str]:
        """Send a request with a session of its own, and return the status and the text."""
        raise NotImplementedError


_NEEDS = {
    "aiohttp": ["aiohttp"],
    "gql": ["gql", "aiohttp", "websockets"],
    "niquests": ["niquests"],
    "websockets": ["websockets"],
}


def _bridges(libraries: Iterable[str]) -> dict[str, type[Bridge]]:
    bridges: dict[str, type[Bridge]] = {}
    for library in libraries:
        if all(map(find_spec, _NEEDS[library])):
            bridges |= import_module(f"{__name__}.{library}").BRIDGES
    return bridges


BRIDGES = _bridges(_NEEDS)
"""Every bridge whose library is installed."""

HTTP_BRIDGES = {name: kind for name, kind in BRIDGES.items() if issubclass(kind, HttpBridge)}
