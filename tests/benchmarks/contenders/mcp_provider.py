"""mcp's client-credentials provider: it asks for a token when a request is refused."""

from __future__ import annotations

from typing import Any

import httpx2
from mcp.client.auth import TokenStorage
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider

from tests.benchmarks.contenders.on_httpx import OnAsyncHttpx


class _Memory(TokenStorage):
    _tokens: Any = None
    _client: Any = None

    async def get_tokens(self) -> Any:
        return self._tokens

    async def set_tokens(self, tokens: Any) -> None:
        self._tokens = tokens

    async def get_client_info(self) -> Any:
        return self._client

    async def set_client_info(self, client_info: Any) -> None:
        self._client = client_info


class Mcp(OnAsyncHttpx):
    name = distribution = "mcp"
    module = "mcp.client.auth.extensions.client_credentials"
    client = "httpx2 async"
    module_of_client = httpx2

    def make_auth(self) -> Any:
        app = self.app
        return ClientCredentialsOAuthProvider(
            server_url=app.api,
            storage=_Memory(),
            client_id=app.client_id,
            client_secret=app.client_secret,
            token_endpoint_auth_method="client_secret_post",
            scope="api",
            issuer=app.url,
        )
