"""A deadline that holds: the sockets of a request are shut down when its time is over, whatever the server does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from http.client import HTTPResponse
from typing import Any, Self

from requests.adapters import HTTPAdapter


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


class _SocketOptions(list[Any]):
    """Socket options, set before each address of a host is tried: after the deadline, none is tried any more."""

    def __init__(self, deadline: Deadline, options: Iterable[Any]) -> None:
        super().__init__(options)
        self._deadline = deadline

    def __iter__(self) -> Iterator[Any]:
        if self._deadline.passed:
            raise TimeoutError("the deadline has passed")
        return super().__iter__()


class DeadlineAdapter(HTTPAdapter):
    """Sends over sockets that a `Deadline` watches, from the first address that is tried.

    Args:
        deadline: When everything ends.
    """

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        super().__init__(max_retries=0)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Have every connection watched: direct ones, those through a proxy, those through SOCKS."""
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = _watched(type(pool).ConnectionCls, self._deadline)
        return pool


class _Unlogged(HTTPResponse):
    """An answer whose senseless headers urllib3 does not write into a log: they may quote the request."""

    def begin(self) -> None:
        super().begin()
        self.msg.defects.clear()
        self.msg.set_payload("")


def _watched(connection: Any, deadline: Deadline) -> Any:
    class Watched(connection):  # type: ignore[misc]  # whichever the pool has
        response_class = _Unlogged

        def _tunnel(self) -> None:
            super()._tunnel()
            if deadline.passed:  # what the shutdown cut off passes for a complete answer of the proxy's
                raise TimeoutError("the deadline has passed")

        def _new_conn(self) -> socket.socket:
            self.socket_options: Any = _SocketOptions(deadline, self.socket_options or ())
            sock: socket.socket = super()._new_conn()
            deadline.watch(sock)
            return sock

    return Watched
