"""The way to a token endpoint: one request of our own, ended by a deadline, its answer read within bounds."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from types import NoneType
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, PoolManager
from urllib3.exceptions import HTTPError

from bitquery_auth._answer import MOST_BYTES, Answer
from bitquery_auth._checks import check_flag, check_seconds, check_text, unexpected
from bitquery_auth._errors import TokenRequestError
from bitquery_auth._version import __version__

_CHUNK = 65536
_LEAST_CONNECT = 5.0


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
            msg = "the deadline has passed"
            raise TimeoutError(msg)
        return super().__iter__()


class DeadlineAdapter(HTTPAdapter):
    """Sends over sockets that a `Deadline` watches, from the first address that is tried.

    Args:
        deadline: When everything ends.
    """

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _watch(self.poolmanager, self._deadline)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not known:
            _watch(manager, self._deadline)
        return manager


def _watch(manager: PoolManager, deadline: Deadline) -> None:
    """Have every connection of a manager watched: direct ones, those through a proxy, those through SOCKS."""
    manager.pool_classes_by_scheme = {
        scheme: _watched(pool, deadline) for scheme, pool in manager.pool_classes_by_scheme.items()
    }


def _watched(pool: type[HTTPConnectionPool], deadline: Deadline) -> type[HTTPConnectionPool]:
    class Watched(pool.ConnectionCls):  # type: ignore[name-defined,misc]  # whichever the manager has
        def _new_conn(self) -> socket.socket:
            self.socket_options: Any = _SocketOptions(deadline, self.socket_options or ())
            sock: socket.socket = super()._new_conn()
            deadline.watch(sock)
            return sock

    return type(pool.__name__, (pool,), {"ConnectionCls": Watched})


class Transport:
    """How the requests of a token source travel: through no session of the user's, with no redirect, no netrc.

    Args:
        timeout: Seconds for one request, everything included but the resolution of names.
        verify, cert, proxies, trust_env: As in requests; of these requests only.
    """

    def __init__(
        self,
        *,
        timeout: float,
        verify: bool | str,
        cert: str | tuple[str, str] | None,
        proxies: Mapping[str, str] | None,
        trust_env: bool,
    ) -> None:
        self.timeout = check_seconds("timeout", timeout, positive=True)
        self._trust_env = check_flag("trust_env", trust_env)
        if not isinstance(verify, bool):
            check_text("verify", verify)
        for path in cert if isinstance(cert, tuple) and len(cert) == 2 else (cert,):  # noqa: PLR2004 - certificate, key
            if cert is not None:
                check_text("cert", path)
        if not isinstance(proxies, (Mapping, NoneType)) or not all(
            isinstance(part, str) for item in (proxies or {}).items() for part in item
        ):
            raise unexpected("proxies", "a mapping of strings, such as {'https': 'http://proxy:3128'}")
        self._options = {
            "verify": verify,
            "cert": cert,
            "proxies": dict(proxies or {}),
            "allow_redirects": False,  # the form body holds the secret, and 307 would carry it on
            "stream": True,
        }

    def ask(
        self,
        session: requests.Session,
        endpoint: str,
        send: Callable[..., requests.Response],
        secrets: tuple[str, ...],
    ) -> Answer:
        """Make one request and read its answer. A connection closed without an answer is tried once more.

        Args:
            session: Used for this request only, and closed.
            endpoint: Its URL, for messages.
            send: Sends through the session, with the keyword arguments it is given.
            secrets: What is sent and must not come out, should the server quote it.

        Raises:
            TokenRequestError: there was no answer, or not in time.
        """
        session.trust_env = self._trust_env
        session.headers.update(_HEADERS)
        with session, Deadline(self.timeout) as deadline:
            for prefix in ("https://", "http://"):
                session.mount(prefix, DeadlineAdapter(deadline))
            for last in (False, True):
                try:
                    response = send(**self._options, timeout=self._timeouts(deadline))
                    return replace(self._read(response, endpoint, deadline), secrets=secrets)
                except (requests.RequestException, OSError, ValueError, HTTPError) as error:
                    if last or deadline.passed or not _closed_without_answer(error):
                        raise self._no_answer(error, endpoint, deadline) from _shareable(error)
        raise AssertionError  # pragma: no cover - the second round returns or raises

    def _timeouts(self, deadline: Deadline) -> tuple[float, float]:
        # Names have several addresses, and the first may swallow packets: leave time for the next.
        left = deadline.left
        return min(left, max(left / 3, _LEAST_CONNECT)), left

    def _read(self, response: requests.Response, endpoint: str, deadline: Deadline) -> Answer:
        body = b""
        for chunk in response.iter_content(_CHUNK):
            body += chunk
            if len(body) > MOST_BYTES:
                break
        response.close()
        if deadline.passed:  # what was read may be the half that came before its socket was shut down
            raise requests.Timeout
        return Answer(response.status_code, response.headers, body, endpoint, truncated=len(body) > MOST_BYTES)

    def _no_answer(self, error: Exception, endpoint: str, deadline: Deadline) -> TokenRequestError:
        if deadline.passed or isinstance(error, requests.Timeout):
            why = f"nothing complete within {self.timeout:g} s (timeout)"
        elif isinstance(error, ValueError):  # its text may hold the header that could not be sent
            why = f"the request could not be sent ({type(error).__name__})"
        else:
            why = str(_chain(error)[-1]) or type(error).__name__
        hint = ""
        if isinstance(error, requests.exceptions.SSLError):
            hint = " Check the clock of this machine, and verify= for a certificate of your own."
        return TokenRequestError(f"No answer from {urlsplit(endpoint).netloc}: {why}.{hint}")


_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    # Keeps caches that wrap every session of a process from answering with an old token.
    "Cache-Control": "no-store",
    "User-Agent": f"bitquery-auth/{__version__}",
}


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what led to it, the innermost last."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return chain


def _closed_without_answer(error: Exception) -> bool:
    return isinstance(error, requests.ConnectionError) and any(
        isinstance(link, (ConnectionResetError, BrokenPipeError)) for link in _chain(error)
    )


def _shareable(error: Exception) -> Exception | None:
    """Strip the cause of what holds the secret: the request, the frames that sent it, texts that quote headers."""
    if isinstance(error, ValueError):
        return None
    for link in _chain(error):
        link.__traceback__ = None
        if isinstance(link, requests.RequestException):
            link.request = None
    return error
