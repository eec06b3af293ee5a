"""What the tests do through Hydra's admin API."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import requests

from ._face import ClientAuthMethod


class HydraAdmin:
    """Registers clients, and removes them at the end: Hydra may be someone else's and live on."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/admin"
        self.introspection_url = f"{self._url}/oauth2/introspect"
        self._clients: dict[str, Mapping[str, Any]] = {}
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for client_id in self._clients:
            if (
                "/" not in client_id
            ):  # such an id may be registered, but no path of Hydra's leads to it
                self._call("DELETE", f"/clients/{quote(client_id, safe='')}")
        self._session.close()

    def register(
        self,
        client_id: str,
        client_secret: str,
        token_endpoint_auth_method: ClientAuthMethod,
        scopes: Sequence[str],
        lifetime: int | None,
    ) -> None:
        client: dict[str, Any] = {
            "client_id": client_id,
            "client_secret": client_secret,
            "token_endpoint_auth_method": token_endpoint_auth_method,
            "grant_types": ["client_credentials"],
            "scope": " ".join(scopes),
        }
        if lifetime is not None:
            client["client_credentials_grant_access_token_lifespan"] = f"{lifetime}s"
        self.register_client(client)

    def register_client(self, client: Mapping[str, Any]) -> None:
        client_id = client["client_id"]
        if client_id not in self._clients:
            self._call("POST", "/clients", json=client)
        elif client != self._clients[client_id]:
            self._call("PUT", f"/clients/{quote(client_id, safe='')}", json=client)
        self._clients[client_id] = client

    def revoke_all(self) -> None:
        for client_id in self._clients:
            self._call("DELETE", "/oauth2/tokens", params={"client_id": client_id})

    def _call(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        params: dict[str, str] | None = None,
    ) -> None:
        response = self._session.request(
            method, self._url + path, json=json, params=params, timeout=10
        )
        if not response.ok:
            status = response.status_code
            message = f"Hydra's admin API responds {status} to {method} {path}: {response.text}"
            raise RuntimeError(message)
