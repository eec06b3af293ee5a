"""Serve loopback connections from threads of the test process itself."""

import contextlib
import socketserver
import sys
import threading
from collections.abc import Iterator
from typing import Any


class LoopbackServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False  # a client may keep its connection open for ever
    request_queue_size = 128

    def __init__(self, handler: type[socketserver.BaseRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)

    @property
    def port(self) -> int:
        return self.server_address[1]

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(
            sys.exception(), ConnectionError
        ):  # one that just went away is no error of ours
            super().handle_error(request, client_address)

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        with self:
            thread.start()
            try:
                yield
            finally:
                self.shutdown()
                thread.join()
