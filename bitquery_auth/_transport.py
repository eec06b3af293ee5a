"""The way to a token endpoint: one request of our own, ended by a deadline, its answer read within bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http.client import HTTPException
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from bitquery_auth import __version__
from bitquery_auth._answer import MOST_BYTES, Answer, printable
from bitquery_auth._checks import check_flag, check_seconds, check_text, unexpected
from bitquery_auth._deadline import Deadline, DeadlineAdapter
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
        if not isinstance(self.verify, bool):
            check_text("verify", self.verify)
        pair = isinstance(self.cert, tuple) and len(self.cert) == 2  # noqa: PLR2004 - certificate and key
        for path in () if self.cert is None else self.cert if pair else (self.cert,):
            check_text("cert", path)
        proxies = {} if self.proxies is None else self.proxies
        if not isinstance(proxies, Mapping) or not all(
            isinstance(part, str) for item in proxies.items() for part in item
        ):
            raise unexpected("proxies", "a mapping of strings, such as {'https': 'http://proxy:3128'}")
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
            TokenRequestError: there was no answer, or not in time.
        """
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
                session.mount(prefix, DeadlineAdapter(deadline))
            for last in (False, True):
                try:
                    response = send(**options, timeout=self._timeouts(deadline))
                    return replace(self._read(response, endpoint, deadline), secrets=secrets)
                except ConfigurationError:  # of a callable of the user's: no matter of the network
                    raise
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
        elif isinstance(cause := _chain(error)[-1], OSError):
            why = printable(str(cause) or type(cause).__name__)
        else:  # the words of the system, and nobody else's: a parser's quote the server, who may quote us
            why = f"it sent what is no HTTP ({type(cause).__name__})"
        hint = ""
        if isinstance(error, requests.exceptions.SSLError):
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
        isinstance(link, (ConnectionResetError, BrokenPipeError)) for link in _chain(error)
    )


def _shareable(error: Exception) -> Exception | None:
    """Strip the cause of what holds the secret, the request and the frames that sent it; None: its text may, too."""
    for link in _chain(error):
        if isinstance(link, (HTTPException, ValueError)) and not isinstance(link, OSError):
            return None  # its text quotes what was sent or received
        link.__traceback__ = None
        if isinstance(link, requests.RequestException):
            link.request = None
    return error
