"""A deadline that holds: the sockets of a request are shut down when its time is over, whatever the server does."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Self


class Deadline:
    """Shuts down the sockets it watches once its time is over: no dripping server outlasts that.

    Timeouts of a client are per read; a byte a second resets them for ever. A shutdown also wakes
    whoever is blocked in a read on another thread. The watched sockets are duplicates, as TLS takes
    the original's descriptor over.

    Args:
        seconds: The time from entering the context until the end.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._watched: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self.shut_down)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        with suppress(RuntimeError):  # an exiting interpreter starts no thread: the timeouts per read remain
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> bool | None:
        self._timer.cancel()
        with self._lock:
            for duplicate in self._watched:
                duplicate.close()
            self._watched.clear()
        return None

    @property
    def left(self) -> float:
        """Seconds until the end; never zero, which no client takes as a timeout."""
        return max(self._end - time.monotonic(), 0.001)

    @property
    def passed(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self._end

    def watch(self, sock: socket.socket) -> None:
        """Include a socket."""
        with self._lock:
            # not sock.dup(): TLS sockets refuse it
            self._watched.append(socket.fromfd(sock.fileno(), sock.family, sock.type))
        if self.passed:
            self.shut_down()

    def shut_down(self) -> None:
        """End all traffic on the watched sockets."""
        with self._lock:
            for duplicate in self._watched:
                with suppress(OSError):  # it is closed already
                    duplicate.shutdown(socket.SHUT_RDWR)
