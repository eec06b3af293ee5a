"""HAProxy in front of the API: it asks Hydra about each token, and the 401 is its own."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ._face import Unavailable
from ._forwarder import CountingForwarder, counting_forwarder
from ._process import free_port, running
from .hydra import Hydra, hydra
from .protected_api import API_PATH, Api, protected_api

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


class ProxiedApi:
    def __init__(self, edge: CountingForwarder) -> None:
        self.url = edge.origin + API_PATH
        self._edge = edge

    @property
    def requests(self) -> int:
        return self._edge.count(API_PATH)

    def reset_counts(self) -> None:
        self._edge.reset_counts()


@contextlib.contextmanager
def hydra_behind_haproxy() -> Iterator[Hydra]:
    with hydra("hydra-haproxy", _proxied_api) as server:
        yield server


@contextlib.contextmanager
def _proxied_api(introspection_url: str) -> Iterator[Api]:
    haproxy = shutil.which("haproxy")
    if haproxy is None:
        reason = "haproxy is not on PATH"
        raise Unavailable(reason)
    port = free_port()
    with protected_api(lambda token: True) as api, tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder, "haproxy.cfg")
        configuration.write_text(
            _CONFIGURATION.format(
                script=_SCRIPT, introspection_url=introspection_url, port=port, api_port=api.port
            )
        )
        command: list[str | Path] = [haproxy, "-db", "-f", configuration]
        with (
            running(command, ready_url=f"http://127.0.0.1:{port}/"),
            counting_forwarder("127.0.0.1", port) as edge,
        ):
            yield ProxiedApi(edge)
