"""Ory Hydra, the server that Bitquery runs: `HYDRA_BINARY`, or what `build_hydra.py` built."""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.kit.origin import Origin

from ._process import free_port, running
from ._server import (
    Api,
    AuthorizationServer,
    Unavailable,
    api_that_introspects,
    forwarding_to,
    send,
)
from .build_hydra import binary_path


@contextlib.contextmanager
def hydra(name: str = "hydra", api_of: Api = api_that_introspects) -> Iterator[AuthorizationServer]:
    with contextlib.ExitStack() as stack:
        url, admin_url = stack.enter_context(_started(_binary()))
        admin = _Admin(f"{admin_url}/admin")
        yield AuthorizationServer(
            name=name,
            url=url,
            token_path="/oauth2/token",
            revocation_path="/oauth2/revoke",
            front=stack.enter_context(Origin(forwarding_to(url))),
            api=stack.enter_context(api_of(f"{admin_url}/admin/oauth2/introspect")),
            register_client=admin.register_client,
            revoke_all=admin.revoke_all,
        )


class _Admin:
    """What the tests do through Hydra's admin API."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._clients: dict[str, Mapping[str, Any]] = {}

    def register_client(self, metadata: Mapping[str, Any]) -> None:
        client = {"grant_types": ["client_credentials"], **metadata}
        lifetime = client.pop("lifetime", None)
        if lifetime is not None:
            client["client_credentials_grant_access_token_lifespan"] = f"{lifetime}s"
        client_id = client["client_id"]
        known = self._clients.get(client_id)
        if known is None:
            send("POST", f"{self._url}/clients", json=client)
        elif known != client:
            send("PUT", f"{self._url}/clients/{quote(client_id, safe='')}", json=client)
        self._clients[client_id] = client

    def revoke_all(self) -> None:
        for client_id in self._clients:
            send("DELETE", f"{self._url}/oauth2/tokens", params={"client_id": client_id})


def _binary() -> Path:
    named = os.environ.get("HYDRA_BINARY")
    if named and not Path(named).is_file():
        raise Unavailable(f"HYDRA_BINARY names {named}, where there is no file")
    binary = Path(named) if named else binary_path()
    if not binary.is_file():
        raise Unavailable("set HYDRA_BINARY, or run python tests/servers/build_hydra.py")
    return binary


@contextlib.contextmanager
def _started(binary: Path) -> Iterator[tuple[str, str]]:
    port, admin_port = free_port(), free_port()
    url, admin_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{admin_port}"
    with tempfile.TemporaryDirectory() as folder:
        # A file: a database in memory is locked for readers while another request writes, and a
        # token that cannot be read counts as not active.
        database = f"{folder}/hydra.sqlite?_fk=true&mode=rwc&_busy_timeout=10000&_journal_mode=WAL"
        settings = {
            "DSN": f"sqlite://{database}",
            "LOG_LEVEL": "error",
            "SECRETS_SYSTEM": "known to every reader of the tests",
            "SERVE_ADMIN_HOST": "127.0.0.1",
            "SERVE_ADMIN_PORT": str(admin_port),
            "SERVE_PUBLIC_HOST": "127.0.0.1",
            "SERVE_PUBLIC_PORT": str(port),
            "SQA_OPT_OUT": "true",  # no telemetry
            "STRATEGIES_ACCESS_TOKEN": "opaque",
            "URLS_SELF_ISSUER": url,
        }
        environment = {**os.environ, **settings}
        subprocess.run(
            [binary, "migrate", "sql", "-e", "--yes"],
            env=environment,
            check=True,
            capture_output=True,
            timeout=60,
        )
        command: list[str | Path] = [binary, "serve", "all", "--dev"]
        with running(command, ready_url=f"{admin_url}/health/ready", env=environment):
            yield url, admin_url
