"""Ory Hydra, the server that Bitquery runs.

It is taken from the first of these that there is: a running one at `HYDRA_PUBLIC_URL` and
`HYDRA_ADMIN_URL`, the binary `HYDRA_BINARY`, `hydra` on PATH, what `build_hydra.py` built.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ._face import ClientAuthMethod, Unavailable
from ._forwarder import CountingForwarder, counting_forwarder
from ._process import free_port, running
from .build_hydra import binary_path
from .hydra_admin import HydraAdmin
from .protected_api import Api, introspection, protected_api

_TOKEN_PATH = "/oauth2/token"


class Hydra:
    def __init__(self, name: str, public: CountingForwarder, admin: HydraAdmin, api: Api) -> None:
        self.name = name
        self.token_endpoint = f"{public.origin}{_TOKEN_PATH}"
        # Not the address that is counted: Hydra knows only its own.
        self.audience = "http://{}:{}{}".format(*public.upstream, _TOKEN_PATH)
        self.revocation_endpoint = f"{public.origin}/oauth2/revoke"
        self.api_url = api.url
        self._public = public
        self._admin = admin
        self._api = api

    def register(
        self,
        client_id: str,
        client_secret: str,
        token_endpoint_auth_method: ClientAuthMethod,
        scopes: Sequence[str] = ("api",),
        lifetime: int | None = None,
    ) -> None:
        self._admin.register(client_id, client_secret, token_endpoint_auth_method, scopes, lifetime)

    def register_client(self, metadata: Mapping[str, Any]) -> None:
        """Make a client known by its metadata (RFC 7591 §2)."""
        self._admin.register_client({"grant_types": ["client_credentials"], **metadata})

    def revoke_all(self) -> None:
        self._admin.revoke_all()

    @property
    def token_requests(self) -> int:
        return self._public.count(_TOKEN_PATH)

    @property
    def api_requests(self) -> int:
        return self._api.requests

    def reset_counts(self) -> None:
        self._public.reset_counts()
        self._api.reset_counts()


def _introspecting_api(introspection_url: str) -> AbstractContextManager[Api]:
    return protected_api(introspection(introspection_url))


@contextlib.contextmanager
def hydra(
    name: str = "hydra", api_of: Callable[[str], AbstractContextManager[Api]] = _introspecting_api
) -> Iterator[Hydra]:
    """`api_of` makes the API, given the introspection endpoint."""
    with contextlib.ExitStack() as stack:
        public_url, admin_url = _addresses() or stack.enter_context(_started(_binary()))
        host, port = _host_and_port(public_url)
        public = stack.enter_context(counting_forwarder(host, port))
        admin = stack.enter_context(HydraAdmin(admin_url))
        yield Hydra(name, public, admin, stack.enter_context(api_of(admin.introspection_url)))


def _addresses() -> tuple[str, str] | None:
    public_url, admin_url = os.environ.get("HYDRA_PUBLIC_URL"), os.environ.get("HYDRA_ADMIN_URL")
    if public_url and admin_url:
        return public_url.rstrip("/"), admin_url.rstrip("/")
    if public_url or admin_url:
        reason = "HYDRA_PUBLIC_URL and HYDRA_ADMIN_URL are only of use together"
        raise Unavailable(reason)
    return None


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname is None or parts.path:
        reason = (
            f"requests are counted on their way to Hydra, which takes http://host:port, not {url}"
        )
        raise Unavailable(reason)
    return parts.hostname, parts.port or 80


def _binary() -> Path:
    named = os.environ.get("HYDRA_BINARY")
    if named:
        if not Path(named).is_file():
            reason = f"HYDRA_BINARY names {named}, where there is no file"
            raise Unavailable(reason)
        return Path(named)
    on_path = shutil.which("hydra")
    if on_path and _is_ory_hydra(on_path):
        return Path(on_path)
    if binary_path().is_file():
        return binary_path()
    reason = "no Ory Hydra found: set HYDRA_BINARY, or run python tests/servers/build_hydra.py"
    raise Unavailable(reason)


def _is_ory_hydra(program: str) -> bool:
    """Tell it from the password cracker of the same name, which distributions do package."""
    answer = subprocess.run([program, "version"], capture_output=True, check=False, timeout=30)
    return answer.stdout.startswith(b"Version:")


@contextlib.contextmanager
def _started(binary: Path) -> Iterator[tuple[str, str]]:
    public_port, admin_port = free_port(), free_port()
    public_url, admin_url = f"http://127.0.0.1:{public_port}", f"http://127.0.0.1:{admin_port}"
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            # A file: the tables of its database in memory are locked for readers while another
            # request writes, and
            # a token that it cannot read is to it none that is active.
            "DSN": f"sqlite://{folder}/hydra.sqlite?_fk=true&mode=rwc&_busy_timeout=10000&_journal_mode=WAL",
            "LOG_LEVEL": "error",
            "SECRETS_SYSTEM": "known to every reader of the tests",
            "SERVE_ADMIN_HOST": "127.0.0.1",
            "SERVE_ADMIN_PORT": str(admin_port),
            "SERVE_PUBLIC_HOST": "127.0.0.1",
            "SERVE_PUBLIC_PORT": str(public_port),
            "SQA_OPT_OUT": "true",  # no telemetry
            "STRATEGIES_ACCESS_TOKEN": "opaque",
            "URLS_SELF_ISSUER": public_url,
        }
        environment = {**os.environ, **settings}
        prepare: list[str | Path] = [binary, "migrate", "sql", "-e", "--yes"]
        subprocess.run(prepare, env=environment, check=True, capture_output=True, timeout=60)
        command: list[str | Path] = [binary, "serve", "all", "--dev"]
        with running(command, ready_url=f"{admin_url}/health/ready", env=environment):
            yield public_url, admin_url
