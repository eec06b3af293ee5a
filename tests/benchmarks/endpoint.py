"""The server: a sandbox for each contender, all in a process of their own."""

from __future__ import annotations

import json
import multiprocessing
from dataclasses import dataclass
from multiprocessing.managers import BaseManager
from typing import Any, Self, TypeVar

from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request, Response

T = TypeVar("T")

STUB_URL = "https://api.stub.test/graphql"
"""The API that no socket leads to: clients are given a transport that responds in its place."""


@dataclass(frozen=True)
class Application:
    """What a contender needs to get tokens, and to use them.

    Args:
        url: The server.
        token_endpoint: The URL for token requests.
        api: The URL of the API.
        client_id: The id.
        client_secret: The secret.
        leeway: How early tokens are to be renewed; None: the contender's default.
    """

    url: str
    token_endpoint: str
    api: str
    client_id: str
    client_secret: str
    leeway: float | None = None


class _Service(Sandbox):
    """A sandbox whose settings and counts can be reached through methods, as a proxy needs it."""

    def set(self, settings: dict[str, Any]) -> None:
        for name, value in settings.items():
            setattr(self, name, value)

    def get(self, name: str) -> Any:
        return getattr(self, name)

    def respond(self, request: Request, pause: Any) -> Response | None:
        if request.path.startswith("/.well-known/"):
            return self._metadata()
        return super().respond(request, pause)

    def _metadata(self) -> Response:
        """Respond to what mcp requests before it requests a token (RFC 9728, RFC 8414)."""
        metadata = {
            "resource": self.graphql_endpoint,
            "authorization_servers": [self.url],
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": self.token_endpoint,
            "response_types_supported": ["code"],
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }
        return Response(200, (("Content-Type", "application/json"),), json.dumps(metadata).encode())


class _Manager(BaseManager):
    """Owns the process."""


def _started(**settings: Any) -> _Service:
    return _Service(**settings).start()


_Manager.register("service", _started, exposed=("get", "set", "revoke_all", "reset_counts"))


class Endpoint:
    """The running server: a context manager.

    Args:
        is_quick: Whether the run is to be over soon.
    """

    def __init__(self, *, is_quick: bool) -> None:
        self._is_quick = is_quick
        self._services: dict[Application, Any] = {}

    def __enter__(self) -> Self:
        self._manager: Any = _Manager(ctx=multiprocessing.get_context("spawn"))
        self._manager.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._manager.shutdown()

    def choose(self, quick: T, default: T) -> T:
        """Return what suits the run."""
        return quick if self._is_quick else default

    def application(
        self, method: str, *, leeway: float | None = None, **settings: Any
    ) -> Application:
        """Register an application of its own for one contender in one case.

        Args:
            method: How the contender authenticates.
            leeway: For the contender.
            settings: The sandbox's.
        """
        service = self._manager.service(token_endpoint_auth_method=method, **settings)
        names = ("url", "token_endpoint", "graphql_endpoint", "client_id", "client_secret")
        app = Application(*map(service.get, names), leeway)
        self._services[app] = service
        return app

    def set(self, app: Application, **settings: Any) -> None:
        self._services[app].set(settings)

    def revoke(self, app: Application) -> None:
        """Revoke every token of the application, and count from zero."""
        self._services[app].revoke_all()
        self._services[app].reset_counts()

    def token_requests(self, app: Application) -> int:
        return int(self._services[app].get("token_requests"))

    def refusals(self, app: Application) -> int:
        return int(self._services[app].get("api_refusals"))
