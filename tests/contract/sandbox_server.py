"""The sandbox with the face of the real servers, so that it has to do what they do."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bitquery_auth.sandbox import Sandbox
from tests.servers import ClientAuthMethod


class SandboxServer:
    name = "sandbox"

    def __init__(self, sandbox: Sandbox) -> None:
        self.token_endpoint = sandbox.token_endpoint
        self.revocation_endpoint = sandbox.revocation_endpoint
        self.api_url = sandbox.graphql_endpoint
        self._sandbox = sandbox

    def register(
        self,
        client_id: str,
        client_secret: str,
        token_endpoint_auth_method: ClientAuthMethod,
        scopes: Sequence[str] = ("api",),
        lifetime: int | None = None,
    ) -> None:
        self._sandbox.add_client(
            client_id,
            client_secret,
            token_endpoint_auth_method=token_endpoint_auth_method,
            scopes=scopes,
            lifetime=lifetime,
        )

    def revoke_all(self) -> None:
        self._sandbox.revoke_all()

    @property
    def token_requests(self) -> int:
        return self._sandbox.token_requests

    @property
    def api_requests(self) -> int:
        return self._sandbox.api_requests

    def reset_counts(self) -> None:
        self._sandbox.reset_counts()


@contextmanager
def sandbox_server() -> Iterator[SandboxServer]:
    with Sandbox() as sandbox:
        yield SandboxServer(sandbox)
