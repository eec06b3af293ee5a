"""The stand-in as its users hold it: the service, put on a socket of this machine."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, Self

import bitquery_auth
from bitquery_auth.sandbox._server import Server
from bitquery_auth.sandbox._service import Service

__all__ = ["Sandbox"]


@dataclass(kw_only=True, eq=False, repr=False)
class Sandbox(Service):
    """A stand-in for Bitquery on this machine: a context manager, or `start` and `stop`.

    Every setting is a keyword argument and an attribute, and can be changed while it runs. Tokens,
    counts and the address outlive `stop`: started again, it is the same service back after a downtime.
    """

    host: str = "127.0.0.1"
    """The address to listen at, from the next `start` on."""
    port: int = 0
    """The port to listen at, from the next `start` on; 0: any that is free, which is then found here."""

    _server: Server | None = field(default=None, init=False)
    _starting: threading.Lock = field(default_factory=threading.Lock, init=False)

    def start(self) -> Self:
        """Begin to listen; no effect where it does already.

        Raises:
            OSError: the address is taken, or is not of this machine.
        """
        with self._starting:
            if self._server is None:
                self._server = Server(self.answer, self.host, self.port)
                self.port = self._server.port
        return self

    def stop(self) -> None:
        """Close every connection, also one whose request is in `delay`, and wait for the threads."""
        with self._starting:
            if self._server is not None:
                self._server.stop()
                self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Sandbox {self.url if self.port else 'not started'}>"

    @property
    def allowed_hosts(self) -> tuple[str]:
        """What to give to an auth as ``allowed_hosts``.

        Raises:
            RuntimeError: it was not started, and has no port yet.
        """
        if not self.port:
            raise RuntimeError("The sandbox has no address yet: start it first.")
        return (f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}",)

    @property
    def url(self) -> str:
        """Where it is: scheme, host and port."""
        return f"http://{self.allowed_hosts[0]}"

    @property
    def token_endpoint(self) -> str:
        """Where tokens are requested."""
        return f"{self.url}/oauth2/token"

    @property
    def revocation_endpoint(self) -> str:
        """Where tokens are revoked (RFC 7009)."""
        return f"{self.url}/oauth2/revoke"

    @property
    def graphql_endpoint(self) -> str:
        """The API; ``/eap`` beside it answers alike."""
        return f"{self.url}/graphql"

    def credentials(self, **settings: Any) -> bitquery_auth.ClientCredentials:
        """Give a `bitquery_auth.ClientCredentials` for the application.

        Args:
            settings: Further settings of it, or other values for those that the sandbox sets.
        """
        ours: dict[str, Any] = {
            "token_endpoint": self.token_endpoint,
            "revocation_endpoint": self.revocation_endpoint,
            "token_endpoint_auth_method": self.token_endpoint_auth_method,
            "scope": "api",
        }
        return bitquery_auth.ClientCredentials(self.client_id, self.client_secret, **(ours | settings))
