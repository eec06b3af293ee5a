"""The auth for requests: the header in ``__call__``, recovery from a 401 in a response hook."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from datetime import timedelta
from functools import lru_cache, partial
from inspect import iscoroutinefunction
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.auth import AuthBase
from requests.cookies import extract_cookies_to_jar
from requests.exceptions import UnrewindableBodyError
from requests.utils import get_netrc_auth, requote_uri, rewind_body
from urllib3.util import parse_url

from bitquery_auth._auth.base import (
    LOWEST_REDIRECT_STATUS,
    UNSEEKABLE,
    Auth,
    is_small,
    with_shared_arguments,
)
from bitquery_auth._errors import BitqueryAuthError, ConfigurationError, as_client_error
from bitquery_auth._hosts import NOWHERE, Origin
from bitquery_auth._memory import MAX_REMEMBERED, remember
from bitquery_auth._token import CopyReturnsSelf, Token

_ODD_LOCATION = re.compile(r"[ \\]|^///|^[a-z]+:(?!//[^/])", re.IGNORECASE)
"""A space, a backslash, or slashes in other numbers than a URL has, such as ``http:/host``."""


@with_shared_arguments
class RequestsAuth(Auth, AuthBase):
    """The auth for requests: for a `requests.Session`, or for one request.

    ::

        session = requests.Session()
        session.auth = RequestsAuth(ClientCredentials.from_env())
    """

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        """Attach the token to a request that is about to be sent.

        Raises:
            BitqueryAuthError: There is no token, or it would be sent unencrypted. Each is also a
                `requests.RequestException`; where the token endpoint did not respond, a
                `requests.ConnectionError`.
        """
        try:
            hook = self._hooks.get(r.url) or self._hook_for(r.url)
            if hook is None:
                self._remove_stale_header(r.headers)
                return r
            r.headers[self._header_name] = self._header_value(self._source.token())
        except BitqueryAuthError as error:
            raise _client_error(error, r) from error.__cause__
        hooks = r.hooks["response"]
        if not hooks:
            hooks.append(hook)
        elif hook not in hooks:  # however often an auth is called for a request, it has one hook
            hooks[:] = [hook, *(each for each in hooks if not isinstance(each, RecoveryHook))]
        return r

    def _hook_for(self, url: str | None) -> RecoveryHook | None:
        """Return the response hook for requests to a URL, or None if they carry no token."""
        if url is not None and not isinstance(url, str):  # httpx accepts any callable as an auth
            raise ConfigurationError("RequestsAuth is for requests: give httpx an HTTPXAuth.")
        origin = origin_of(url)
        if not self._may_carry_token(origin):
            return None
        hook: RecoveryHook = remember(self._hooks, url, RecoveryHook(self, origin))
        return hook

    def _handle_response(
        self,
        response: requests.Response,
        origin: Origin,
        options: dict[str, Any],
        *,
        is_rejected: bool,
    ) -> requests.Response:
        sent = response.request
        if origin_of(sent.url) != origin:
            # A redirect led to another origin, whose responses say nothing about our token. The
            # hook is removed, because requests makes the next request from a copy of this one.
            others = [each for each in sent.hooks["response"] if not isinstance(each, RecoveryHook)]
            sent.hooks = {**sent.hooks, "response": others}
            return response
        if is_rejected:
            response = self._handle_rejected(response, origin, options)
        else:
            self._end_backoff(response, origin)
        if response.is_redirect:
            self._prepare_redirect(origin, target_of(response), sent, response.request)
        return response

    def _handle_rejected(
        self, response: requests.Response, origin: Origin, options: dict[str, Any]
    ) -> requests.Response:
        """Carry out what follows a 401, and return the response for the caller."""
        request = response.request
        if getattr(response, "connection", None) is None or response.raw is None:
            return response  # of a cache, without a connection to send again on
        if iscoroutinefunction(response.connection.send):
            raise ConfigurationError(
                f"{type(self).__name__} cannot serve niquests.AsyncSession: use "
                "bitquery_auth.integrations.niquests.AsyncNiquestsAuth."
            )
        token = self._sent.get(request.headers.get(self._header_name))
        if token is None and not _is_of_netrc(request):
            return response  # other credentials were put there on purpose
        resend = None
        if self._may_replay(request.method) and is_rewound(request):
            resend = partial(self._resend, response, options)
        try:
            second = self._recover(origin, token, resend)
        except BitqueryAuthError as error:
            response.close()
            raise _client_error(error, request) from error.__cause__
        except BaseException:  # requests does not close the response if a hook raises
            response.close()
            raise
        return response if second is None else second

    def _resend(
        self, response: requests.Response, options: dict[str, Any], token: Token
    ) -> requests.Response:
        """Send a request again, as `requests.auth.HTTPDigestAuth` does it."""
        if is_small(response.headers.get("Content-Length")):
            response.content  # noqa: B018 - reading it to the end frees the connection
        response.close()
        request = response.request.copy()
        jar = request._cookies  # noqa: SLF001 - as HTTPDigestAuth does, there is no public way
        if jar is not None:
            extract_cookies_to_jar(jar, response.request, response.raw)
            request.prepare_cookies(jar)
        request.headers[self._header_name] = self._header_value(token)
        began = time.perf_counter()
        second = response.connection.send(request, **options)
        second.elapsed = timedelta(seconds=time.perf_counter() - began)
        second.history.append(response)
        return second


class RecoveryHook(CopyReturnsSelf):
    """The response hook of the requests that go to one origin with the token.

    Args:
        auth: The auth that attached the token.
        origin: Where the requests go.
    """

    __slots__ = ("_auth", "_origin")

    def __init__(self, auth: RequestsAuth, origin: Origin) -> None:
        self._auth = auth
        self._origin = origin

    def __call__(
        self,
        response: requests.Response,
        *_: Any,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
        **__: Any,
    ) -> requests.Response:
        """Look at a response, and recover from a 401.

        The options are those of `requests.adapters.HTTPAdapter.send`. They are named, since to
        collect them takes longer than all else that a usual response needs here.
        """
        auth = self._auth
        is_rejected = auth._is_auth_failure(response)  # noqa: SLF001 - one class in two parts
        is_redirect = response.status_code >= LOWEST_REDIRECT_STATUS
        if not (is_rejected or is_redirect or auth._backoffs):  # noqa: SLF001 - one class in two parts
            return response
        options = {
            "stream": stream,
            "timeout": timeout,
            "verify": verify,
            "cert": cert,
            "proxies": proxies,
        }
        return auth._handle_response(  # noqa: SLF001 - one class in two parts
            response, self._origin, options, is_rejected=is_rejected
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave the auth, and with it the secret, out of a pickled request or response."""
        return _NoHook, ()


class _NoHook:
    """What a pickle has in place of the hook."""

    def __call__(self, response: requests.Response, *_: Any, **__: Any) -> requests.Response:
        return response


def _client_error(error: BitqueryAuthError, request: requests.PreparedRequest) -> BitqueryAuthError:
    return as_client_error(
        error,
        request,
        connection_error=requests.ConnectionError,
        request_error=requests.RequestException,
    )


def _is_of_netrc(request: requests.PreparedRequest) -> bool:
    """Whether a request has the credentials of a netrc, which requests uses after a redirect."""
    credentials = get_netrc_auth(request.url or "")
    if credentials is None:
        return False
    with suppress(UnicodeEncodeError):  # requests sends Latin-1 only
        from_netrc = requests.Request("GET", request.url, auth=credentials).prepare()
        return request.headers.get("Authorization") == from_netrc.headers["Authorization"]
    return False


def is_rewound(request: requests.PreparedRequest) -> bool:
    """Bring the body of a request back to its beginning, and return whether that is possible."""
    if request.body is None or isinstance(request.body, (bytes, bytearray, memoryview, str)):
        return True
    with suppress(UnrewindableBodyError, *UNSEEKABLE):
        rewind_body(request)
        return True
    return False


def target_of(redirect: requests.Response) -> Origin:
    """Return where a redirect leads; nowhere, if requests might understand it otherwise."""
    location = redirect.headers["location"]
    if not (location.isascii() and location.isprintable()) or _ODD_LOCATION.search(location):
        return NOWHERE
    return origin_of(urljoin(redirect.url, requote_uri(location)))


def origin_of(url: str | None) -> Origin:
    """Return where requests would connect to for a URL."""
    # What follows the authority does not matter, and a program that pages has many such URLs.
    return _origin_of_authority("/".join((url or "").split("/", 3)[:3]))


@lru_cache(maxsize=MAX_REMEMBERED)
def _origin_of_authority(url: str) -> Origin:
    """Parse the scheme and authority of a URL as requests does.

    urllib3 prepares a URL, and the standard library says where to connect. Where the two disagree,
    it is not a place for a token.
    """
    with suppress(ValueError):
        prepared, connected = parse_url(url), urlsplit(url)
        origin = Origin.of(prepared.scheme or "", prepared.host or "", prepared.port)
        if origin == Origin.of(connected.scheme, connected.hostname or "", connected.port):
            return origin
    return NOWHERE
