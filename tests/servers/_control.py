"""Speak to the private endpoints that the servers started from this folder serve for the tests.

`POST /_control/clients` registers a client, `POST /_control/revoke_all` forgets all tokens,
`GET /_control/counts` returns how many requests have arrived at each path, `DELETE` resets them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import requests

from ._face import ClientAuthMethod


class Control:
    def __init__(self, origin: str) -> None:
        self._base = f"{origin}/_control"
        self._session = requests.Session()
        self._session.trust_env = False

    def register(
        self,
        client_id: str,
        client_secret: str,
        token_endpoint_auth_method: ClientAuthMethod,
        scopes: Sequence[str],
        lifetime: int | None,
    ) -> None:
        client = {
            "client_id": client_id,
            "client_secret": client_secret,
            "token_endpoint_auth_method": token_endpoint_auth_method,
            "scope": " ".join(scopes),
            "lifetime": lifetime,
        }
        self.register_client(client)

    def register_client(self, metadata: Mapping[str, Any]) -> None:
        response = self._session.post(f"{self._base}/clients", json=metadata, timeout=10)
        response.raise_for_status()

    def revoke_all(self) -> None:
        self._session.post(f"{self._base}/revoke_all", timeout=10).raise_for_status()

    def count(self, path: str) -> int:
        response = self._session.get(f"{self._base}/counts", timeout=10)
        response.raise_for_status()
        return int(response.json().get(path, 0))

    def reset_counts(self) -> None:
        self._session.delete(f"{self._base}/counts", timeout=10).raise_for_status()
