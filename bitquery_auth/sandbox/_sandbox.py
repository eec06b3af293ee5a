"""The sandbox that users see: the service on a port of this machine."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, Self

import bitquery_auth
from bitquery_auth._environment import PREFIX
from bitquery_auth.sandbox._hydra import FORM_BODY
from bitquery_auth.sandbox._server import Server
from bitquery_auth.sandbox._service import Service, has_websockets

_SCOPE = "api"


@dataclass(kw_only=True, eq=False, repr=False)
class Sandbox(Service):
    """A stand-in for Bitquery on this machine: a context manager, or `start` and `stop`.

    Every setting is a keyword argument and an attribute, and can be changed while it runs. Tokens,
    counts and the address survive `stop`: after another `start`, the same service is back.
    """

    host: str = "127.0.0.1"
    """The address to listen on, from the next `start`."""
    port: int = 0
    """The port to listen on, from the next `start`; 0 takes a free one, and becomes its number."""

    _server: Server | None = field(default=None, init=False)
    _starting: threading.Lock = field(default_factory=threading.Lock, init=False)

    def start(self) -> Self:
        """Begin to listen, if it does not yet.

        Raises:
            OSError: The address is taken, or is not one of this machine.
        """
        with self._starting:
            if self._server is None:
                self._server = Server(self.respond, self.host, self.port)
                self.port = self._server.port
        return self

    def stop(self) -> None:
        """Close every connection, even during a `delay`, and wait for the threads."""
        with self._starting:
            if self._server is not None:
                self._server.stop()
                self._server = None
            if self._ticker is not None:
                self._ticker.join()
                self._ticker = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Sandbox {self.url if self.port else 'not started'}>"

    @property
    def allowed_hosts(self) -> tuple[str]:
        """The argument ``allowed_hosts`` of an auth.

        Raises:
            RuntimeError: The sandbox was never started and has no port yet.
        """
        if not self.port:
            raise RuntimeError("The sandbox has no address yet: start it first.")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (f"{host}:{self.port}",)

    @property
    def url(self) -> str:
        """The scheme, the host and the port."""
        return f"http://{self.allowed_hosts[0]}"

    @property
    def token_endpoint(self) -> str:
        """The URL for token requests."""
        return f"{self.url}/oauth2/token"

    @property
    def revocation_endpoint(self) -> str:
        """The URL for revocations (RFC 7009)."""
        return f"{self.url}/oauth2/revoke"

    @property
    def graphql_endpoint(self) -> str:
        """The URL of the API, which is also at ``/eap``."""
        return f"{self.url}/graphql"

    @property
    def websocket_endpoint(self) -> str:
        """The URL for subscriptions, at the host and port of the API.

        Raises:
            ConfigurationError: The library websockets is not installed.
        """
        if not has_websockets():
            raise bitquery_auth.ConfigurationError(
                "websocket_endpoint needs websockets: pip install websockets"
            )
        return f"ws://{self.allowed_hosts[0]}/graphql"

    def environment(self) -> dict[str, str]:
        """Return the environment variables with which a program made for Bitquery runs here.

        In a test with pytest::

            for name, value in sandbox.environment().items():
                monkeypatch.setenv(name, value)
        """
        variables = {
            "CLIENT_ID": self.client_id,
            "CLIENT_SECRET": self.client_secret,
            "TOKEN_ENDPOINT": self.token_endpoint,
            "REVOCATION_ENDPOINT": self.revocation_endpoint,
            "SCOPE": _SCOPE,
            "ENDPOINT": self.graphql_endpoint,
        }
        if self.token_endpoint_auth_method != FORM_BODY:
            variables["TOKEN_ENDPOINT_AUTH_METHOD"] = self.token_endpoint_auth_method
        if has_websockets():
            variables["WEBSOCKET_ENDPOINT"] = self.websocket_endpoint
        return {f"{PREFIX}{name}": value for name, value in variables.items()}

    def credentials(self, **settings: Any) -> bitquery_auth.ClientCredentials:
        """Return a `bitquery_auth.ClientCredentials` for the application.

        Args:
            settings: Further settings, or other values for those that the sandbox sets.
        """
        defaults: dict[str, Any] = {
            "token_endpoint": self.token_endpoint,
            "revocation_endpoint": self.revocation_endpoint,
            "token_endpoint_auth_method": self.token_endpoint_auth_method,
            "scope": _SCOPE,
        }
        return bitquery_auth.ClientCredentials(
            self.client_id, self.client_secret, **(defaults | settings)
        )
