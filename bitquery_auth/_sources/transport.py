"""How token requests are sent: a session of our own, a total timeout, no redirects, no netrc."""

from __future__ import annotations

import io
import os
import sys
import time
from binascii import b2a_base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from ssl import SSLCertVerificationError, SSLContext
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
)
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError

from bitquery_auth import __version__
from bitquery_auth._errors import (
    ConfigurationError,
    ProcessFrozenError,
    TokenRequestError,
    raised_by_signal_handler,
)
from bitquery_auth._secret import redact
from bitquery_auth._sources.token_response import MAX_BYTES, TokenResponse

_SHORTEST_CONNECT = 5.0
_SOONEST = 0.001
_GRACE = 1.0
"""Seconds after the deadline in which what has arrived is still read."""

_FROZEN_AFTER = 2.0
"""Seconds past the deadline after which the process must have been frozen: no read lasts longer."""

_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    # Keeps caches that wrap every request of a process from responding with an old token.
    "Cache-Control": "no-store",
    "User-Agent": f"bitquery-auth/{__version__}",
}
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


def environment_certificates() -> tuple[str, str | bool]:
    """Return the variable that names certificates to trust, and their path; True without one."""
    for name in _CA_VARIABLES:
        if path := os.environ.get(name):
            # SSL_CERT_DIR may be a list, of which requests takes one.
            return name, path.split(os.pathsep)[0] if name == "SSL_CERT_DIR" else path
    return "verify", True


@dataclass(frozen=True, repr=False, kw_only=True)
class Transport:
    """Sends token requests.

    Args:
        timeout: Seconds for one request in all, except name resolution.
        verify, cert, proxies, trust_env: As in requests; `verify` may be an `ssl.SSLContext`.
            `check_transport` has checked them.
    """

    timeout: float
    verify: bool | str | SSLContext
    cert: str | tuple[str, str] | None
    proxies: Mapping[str, str | None]
    trust_env: bool

    def send(self, request: requests.Request, secrets: Iterable[str]) -> TokenResponse:
        """Send a request, and read the response.

        Args:
            request: The request, with its authentication. Its headers win over ours.
            secrets: What is sent and must not be shown, should the server quote it.

        Raises:
            ConfigurationError: A file of certificates does not exist.
            TokenRequestError: There was no response, or not in time.
        """
        request.headers = _HEADERS | dict(request.headers or {})
        endpoint = str(request.url)
        verify, proxy = self._verify(), self._proxy(endpoint)
        deadline = _Deadline(self.timeout)
        handled = sys.exception()
        with requests.Session() as session:
            for scheme in ("https://", "http://"):
                session.mount(scheme, _Adapter(deadline, verify))
            try:
                prepared = request.prepare()
                # Not session.send(): to find out where a redirect would lead, it reads the whole
                # body and a netrc, even if redirects are not followed.
                response = session.get_adapter(endpoint).send(
                    prepared,
                    stream=True,
                    timeout=deadline.timeouts,
                    verify=True if isinstance(verify, SSLContext) else verify,
                    cert=self.cert,
                    proxies=proxy.mapping,
                )
                body = response.raw.read(MAX_BYTES + 1, decode_content=True)
            except ConfigurationError:  # of a callable of the user's
                raise
            except (
                requests.RequestException,
                HTTPError,
                OSError,
                TypeError,  # of requests, for a proxy without a host: http://user:password@
                ValueError,
            ) as error:
                if (foreign := raised_by_signal_handler(error, handled)) is not None:
                    raise foreign from None
                raise self._no_response(error, endpoint, deadline, proxy) from None
        return TokenResponse(
            response.status_code,
            response.headers,
            body[:MAX_BYTES],
            endpoint,
            is_truncated=len(body) > MAX_BYTES,
            secrets=tuple(secrets),
        )

    def _verify(self) -> bool | str | SSLContext:
        """Return which certificates to trust: the setting, or what the environment names."""
        verify, field = self.verify, "verify"
        if verify is True and self.trust_env:
            field, verify = environment_certificates()
        # Checked here, since construction does no I/O, and requests would name neither field.
        cert = self.cert if isinstance(self.cert, tuple) else (self.cert,)
        for name, given in ((field, verify), *(("cert", path) for path in cert)):
            if isinstance(given, str) and not Path(given).exists():
                raise ConfigurationError(f"{name} names certificates that do not exist: {given}.")
        return verify

    def _proxy(self, endpoint: str) -> _Proxy:
        """Return the proxy to use: one that was given wins over the environment's."""
        scheme, host = urlsplit(endpoint).scheme, urlsplit(endpoint).hostname
        for key in (f"{scheme}://{host}", scheme, f"all://{host}", "all"):
            if key in self.proxies:
                return _Proxy(self.proxies[key], "proxies", scheme)
        if not self.trust_env:
            return _Proxy(None, "", scheme)
        found = select_proxy(endpoint, get_environ_proxies(endpoint))
        for name in (f"{scheme}_proxy", "all_proxy"):
            for variable in (name, name.upper()):
                if os.environ.get(variable) == found:
                    return _Proxy(found, variable, scheme)
        return _Proxy(found, "the system's settings", scheme)

    def _no_response(
        self, error: Exception, endpoint: str, deadline: _Deadline, proxy: _Proxy
    ) -> TokenRequestError:
        """Build the error for a request that got no response, from this request alone."""
        chain = _causes(error)
        kind: type[TokenRequestError] = TokenRequestError
        # To connect may take longer: a name can have several addresses, or resolve slowly.
        if deadline.is_long_past and not _is_any(chain, ConnectTimeoutError):
            kind = ProcessFrozenError
        host = urlsplit(endpoint).netloc
        failure = kind(f"No response from {host}{proxy}: {self._why(chain, proxy)}.{_hint(chain)}")
        if _is_any(chain, SSLCertVerificationError):
            failure.retryable = False
        return failure

    def _why(self, chain: list[BaseException], proxy: _Proxy) -> str:
        if _is_any(chain, NewConnectionError):
            pass  # urllib3 counts it as a timeout, but it has the words of the system
        elif _is_any(chain, ConnectTimeoutError):
            return "no connection in time (timeout)"
        elif _is_any(chain, TimeoutError, Urllib3TimeoutError):
            return f"no complete response within {self.timeout:g} s (timeout)"
        # The words of the operating system only: those of a parser quote the server, which can
        # quote the secret.
        for link in reversed(chain):
            if isinstance(link, OSError) and not isinstance(link, requests.RequestException):
                return redact(str(link) or type(link).__name__, proxy.secrets).rstrip(".")
        if _is_any(chain, TypeError, ValueError):
            return f"the request could not be sent ({type(chain[-1]).__name__})"
        return f"the response is not HTTP ({type(chain[-1]).__name__})"


class _Proxy:
    """A proxy, and where its address came from.

    Args:
        url: Its URL, or None for a direct connection.
        origin: The setting or variable that named it.
        scheme: The scheme of the endpoint.
    """

    def __init__(self, url: str | None, origin: str, scheme: str) -> None:
        self._url = url or ""
        self._origin = origin
        self.mapping = {scheme: url} if url else {}

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown of its URL: a proxy can quote it when it refuses a tunnel."""
        credentials = self._url.rpartition("@")[0].rpartition("://")[2]
        password = unquote(credentials.partition(":")[2])
        header = b2a_base64(unquote(credentials).encode(), newline=False).decode()
        return credentials, password, header

    def __str__(self) -> str:
        """Name the proxy for a message, without its user and password; empty if there is none."""
        if not self._url:
            return ""
        address = self._url.rpartition("@")[2].rpartition("://")[2].rstrip("/")
        return f" through the proxy {redact(address)} (set by {self._origin})"


def _hint(chain: list[BaseException]) -> str:
    if _is_any(chain, SSLCertVerificationError):
        return (
            " Check the clock of this machine. For a certificate authority of your own, set "
            "verify= or one of the variables REQUESTS_CA_BUNDLE, SSL_CERT_FILE and SSL_CERT_DIR."
        )
    if _is_any(chain, requests.exceptions.InvalidSchema):
        return " A SOCKS proxy needs a further library: pip install PySocks."
    if any("appears to only use HTTP" in str(link) for link in chain):  # urllib3's own words
        return " The proxy appears to speak http, not https: write its URL with http://."
    return ""


def _is_any(chain: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(link, kinds) for link in chain)


def _causes(error: BaseException) -> list[BaseException]:
    """Return an error and its explicit causes, the innermost last.

    ``__context__`` is ignored, because it leads on into whatever the caller was handling.
    """
    chain: list[BaseException] = []
    pending: list[object] = [error]
    while pending:
        link = pending.pop(0)
        if isinstance(link, BaseException) and link not in chain:
            chain.append(link)
            pending += [link.__cause__, getattr(link, "reason", None), *link.args]
    return chain


class _Deadline:
    """The time when a request ends, whatever the server does.

    The timeouts of a client are for each read, so a server that trickles bytes resets them for
    ever. Here each read gets the time that is left. A read after the deadline takes what has
    arrived and waits for nothing, for a short grace. Example: the server responded while the
    process was frozen.

    Args:
        seconds: The time from now on.
    """

    def __init__(self, seconds: float) -> None:
        self._began = time.monotonic(), time.time()
        self._seconds = seconds
        self._grace_began: float | None = None

    @property
    def left(self) -> float:
        """Seconds until then, at least the shortest timeout that is not zero."""
        return max(self._seconds - (time.monotonic() - self._began[0]), _SOONEST)

    def left_to_read(self) -> float:
        """Return the seconds for one read.

        Raises:
            TimeoutError: The grace is over. It begins with the first read after the deadline, so
                that time in which the process was frozen does not count.
        """
        left = self.left
        if left <= _SOONEST:
            moment = time.monotonic()
            if self._grace_began is None:
                self._grace_began = moment
            elif moment > self._grace_began + _GRACE:
                raise TimeoutError("the deadline has passed")
        return left

    @property
    def timeouts(self) -> tuple[float, float]:
        """Timeouts to connect and to read."""
        # A name may have several addresses: one that swallows packets leaves time for the next.
        return max(self.left / 3, min(self.left / 2, _SHORTEST_CONNECT)), self.left

    @property
    def is_long_past(self) -> bool:
        """Whether it passed so long ago, on either clock, that the process was not running."""
        monotonic, wall = self._began
        elapsed = max(time.monotonic() - monotonic, time.time() - wall)
        return elapsed > self._seconds + _FROZEN_AFTER


class _Adapter(HTTPAdapter):
    """Sends over connections whose responses are read until a deadline.

    Args:
        deadline: The deadline.
        verify: An `SSLContext` is used as it is; requests takes care of the rest.
    """

    def __init__(self, deadline: _Deadline, verify: bool | str | SSLContext) -> None:  # noqa: FBT001 - requests' own type of setting
        self._deadline = deadline
        self._context = verify if isinstance(verify, SSLContext) else None
        super().__init__(max_retries=0)

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:
        """Use the context in place of what requests would make of ``verify``."""
        host, options = super().build_connection_pool_key_attributes(*args, **kwargs)
        if self._context is not None:
            kept = {name: options[name] for name in ("cert_file", "key_file") if name in options}
            options = kept | {"ssl_context": self._context}
        return host, options

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave a context as it is: requests would add its own authorities to it."""
        if self._context is None:
            super().cert_verify(conn, url, verify, cert)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return a pool whose connections read until the deadline."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        deadline = self._deadline

        class Response(HTTPResponse):
            def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
                super().__init__(sock, *args, **kwargs)
                self.fp = io.BufferedReader(_TimedReader(sock, self.fp, deadline))

        pool.ConnectionCls = type("Connection", (pool.ConnectionCls,), {"response_class": Response})
        return pool


class _TimedReader(io.RawIOBase):
    """Reads from a socket, each time for as long as is left until a deadline."""

    def __init__(self, sock: Any, stream: Any, deadline: _Deadline) -> None:
        self._sock = sock
        self._stream = stream
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._deadline.left_to_read())
        return int(self._stream.readinto1(buffer))

    def close(self) -> None:
        self._stream.close()
        super().close()
