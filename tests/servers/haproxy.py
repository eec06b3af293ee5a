"""HAProxy in front of the API: it asks Hydra about each token, and the 401 is its own."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bitquery_auth.sandbox._api import OK
from tests.kit.origin import Origin

from ._process import free_port, running
from ._server import AuthorizationServer, Unavailable, forwarding_to
from .hydra import hydra

_SCRIPT = Path(__file__).with_name("haproxy.lua")

_CONFIGURATION = """\
global
    setenv INTROSPECTION_URL {introspection_url}
    lua-load "{script}"

defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s

frontend edge
    bind 127.0.0.1:{port}
    http-request lua.introspect
    acl token_is_live var(txn.token_is_live) -m bool
    http-request return status 401 content-type text/plain string Unauthorized unless token_is_live
    default_backend api

backend api
    server api 127.0.0.1:{api_port}
"""


@contextlib.contextmanager
def hydra_behind_haproxy() -> Iterator[AuthorizationServer]:
    with hydra("hydra-haproxy", _api_behind_haproxy) as server:
        yield server


@contextlib.contextmanager
def _api_behind_haproxy(introspection_url: str) -> Iterator[Origin]:
    haproxy = shutil.which("haproxy")
    if haproxy is None:
        raise Unavailable("haproxy is not on PATH")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with Origin(lambda _: OK) as api, tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder, "haproxy.cfg")
        configuration.write_text(
            _CONFIGURATION.format(
                script=_SCRIPT, introspection_url=introspection_url, port=port, api_port=api.port
            )
        )
        with (
            running([haproxy, "-db", "-f", configuration], ready_url=f"{url}/"),
            Origin(forwarding_to(url)) as front,
        ):
            yield front
