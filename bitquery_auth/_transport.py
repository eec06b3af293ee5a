"""The way to a token endpoint: one request of our own, ended by a deadline, its answer read within bounds."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from ssl import SSLCertVerificationError, SSLEOFError
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from bitquery_auth import __version__
from bitquery_auth._answer import MOST_BYTES, Answer, printable
from bitquery_auth._checks import check_flag, check_seconds, check_text, unexpected
from bitquery_auth._deadline import Deadline
from bitquery_auth._errors import ConfigurationError, TokenRequestError

_CHUNK = 65536
_LEAST_CONNECT = 5.0
_LONGEST = 86400.0  # more than any lock or socket needs, and less than what they cannot count


@dataclass(repr=False, kw_only=True)
class Transport:
    """How the requests of a token source travel: through no session of the user's, with no redirect, no netrc.

    Args:
        timeout: Seconds for one request, everything included but the resolution of names.
        verify, cert, proxies, trust_env: As in requests; of these requests only.
    """

    timeout: float
    verify: bool | str
    cert: str | tuple[str, str] | None
    proxies: Mapping[str, str] | None
    trust_env: bool

    def __post_init__(self) -> None:
        self.timeout = min(check_seconds("timeout", self.timeout, positive=True), _LONGEST)
        check_flag("trust_env", self.trust_env)
        if not isinstance(self.verify, (bool, str)):
            raise unexpected("verify", "True, False or the path of a file or folder with certificates")
        if isinstance(self.verify, str):
            check_text("verify", self.verify)
        is_pair = isinstance(self.cert, tuple) and len(self.cert) == 2  # noqa: PLR2004 - certificate and key
        paths = () if self.cert is None else self.cert if is_pair else (self.cert,)
        if not all(isinstance(path, str) for path in paths):
            raise unexpected("cert", "the path of a file, a pair of them (certificate, key), or None")
        for path in paths:
            check_text("cert", path)
        proxies = {} if self.proxies is None else self.proxies
        if not isinstance(proxies, Mapping) or not all(
            isinstance(part, str) and part.isprintable() for item in proxies.items() for part in item
        ):
            raise unexpected("proxies", "a mapping of printable strings, such as {'https': 'http://proxy:3128'}")
        self.proxies = dict(proxies)

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
            ConfigurationError: a file of certificates is not there.
            TokenRequestError: there was no answer, or not in time.
        """
        self._check_files()
        session.trust_env = self.trust_env
        session.headers.update(_HEADERS)
        # Not to follow a redirect is not enough: to prepare what would follow, requests reads all of it, and a netrc.
        session.get_redirect_target = lambda *_: None  # type: ignore[method-assign]  # for this session only
        options = {
            "verify": self.verify,
            "cert": self.cert,
            "proxies": self.proxies,
            "allow_redirects": False,  # the form body holds the secret, and 307 would carry it on
            "stream": True,
        }
        with session, Deadline(self.timeout) as deadline:
            for prefix in ("https://", "http://"):
                session.mount(prefix, _DeadlineAdapter(deadline))
            for last in (False, True):
                try:
                    response = send(**options, timeout=self._timeouts(deadline))
                    return replace(self._read(response, endpoint, deadline), secrets=secrets)
                except ConfigurationError:  # of a callable of the user's: no matter of the network
                    raise
                except (requests.RequestException, OSError, ValueError, HTTPError) as error:
                    cause = _shareable(error)  # also where it is tried again: the frames hold a socket
                    if last or deadline.passed or not _closed_without_answer(error):
                        raise self._no_answer(error, endpoint, deadline) from cause
        raise AssertionError  # pragma: no cover - the second round returns or raises

    def _check_files(self) -> None:
        # Not at construction, which does no I/O; requests would say no more than a path, as if the endpoint were down.
        for field, given in (("verify", self.verify), ("cert", self.cert)):
            for path in given if isinstance(given, tuple) else (given,):
                if isinstance(path, str) and not Path(path).exists():
                    raise ConfigurationError(f"{field} names a file or folder that is not there.")

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
        elif isinstance(cause := _chain(error)[-1], OSError):
            why = printable(str(cause) or type(cause).__name__)
        else:  # the words of the system, and nobody else's: a parser's quote the server, who may quote us
            why = f"it sent what is no HTTP ({type(cause).__name__})"
        hint = ""
        if any(isinstance(link, SSLCertVerificationError) for link in _chain(error)):
            hint = " Check the clock of this machine, and verify= for a certificate of your own."
        elif isinstance(error, requests.exceptions.InvalidSchema):
            hint = " A SOCKS proxy takes a further package: pip install 'requests[socks]'."
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
        isinstance(link, (ConnectionResetError, BrokenPipeError, SSLEOFError)) for link in _chain(error)
    )


def _shareable(error: Exception) -> Exception:
    """Strip the cause of what holds the secret: the request, the frames that sent it, words that quote either side."""
    chain = _chain(error)
    for link in chain:
        link.__traceback__ = None
        if isinstance(link, requests.RequestException):
            link.request = None
    # At the bottom is an error of the system, whose words are its own; any other may quote what came.
    is_systems = isinstance(chain[-1], OSError) and not isinstance(chain[-1], requests.RequestException)
    if not is_systems or any(
        isinstance(link, (HTTPException, ValueError)) for link in chain if not isinstance(link, OSError)
    ):
        return type(error)() if isinstance(error, requests.RequestException) else requests.RequestException()
    return error


class _SocketOptions(list[Any]):
    """Socket options, set before each address of a host is tried: after the deadline, none is tried any more."""

    def __init__(self, deadline: Deadline, options: Iterable[Any]) -> None:
        super().__init__(options)
        self._deadline = deadline

    def __iter__(self) -> Iterator[Any]:
        if self._deadline.passed:
            raise TimeoutError("the deadline has passed")
        return super().__iter__()


class _DeadlineAdapter(HTTPAdapter):
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
