"""The auth for requests: the header in ``__call__``, recovery from a 401 in a response hook."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.auth import AuthBase
from requests.cookies import extract_cookies_to_jar
from requests.exceptions import UnrewindableBodyError
from requests.utils import requote_uri, rewind_body
from urllib3.util import parse_url

from bitquery_auth._auth.base import (
    MOST_REMEMBERED,
    UNSEEKABLE,
    Auth,
    is_small,
    with_shared_arguments,
)
from bitquery_auth._errors import BitqueryAuthError, ConfigurationError, as_client_error
from bitquery_auth._hosts import Origin
from bitquery_auth._token import CopyReturnsSelf, Token

_SEND_OPTIONS = ("stream", "timeout", "verify", "cert", "proxies")
"""The arguments of `requests.adapters.HTTPAdapter.send`."""

_NOWHERE = Origin("", "", None)


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
            if r.url is not None and not isinstance(r.url, str):  # httpx accepts any callable
                raise ConfigurationError("RequestsAuth is for requests: give httpx an HTTPXAuth.")
            origin = _origin(r.url)
            if not self._may_carry_token(origin):
                self._remove_stale_header(r.headers)
                return r
            token = self._source.token()
            r.headers[self._header_name] = self._header_value(token)
        except BitqueryAuthError as error:
            raise _client_error(error, r) from error.__cause__
        # However often an auth is called for a request, one hook looks at its responses.
        others = [hook for hook in r.hooks["response"] if not isinstance(hook, _RecoveryHook)]
        r.hooks["response"] = [_RecoveryHook(self, r, origin, token), *others]
        return r

    def _handle_response(
        self, response: requests.Response, hook: _RecoveryHook, options: dict[str, Any]
    ) -> requests.Response:
        if self._is_rejected(response, hook.origin):
            response = self._recover(response, hook, options)
        if response.is_redirect:
            target = _target(response)
            self._note_redirect(hook.origin, target)
            if target != hook.origin:
                # requests itself takes off Authorization only.
                response.request.headers.pop(self._header_name, None)
        return response

    def _recover(
        self, response: requests.Response, hook: _RecoveryHook, options: dict[str, Any]
    ) -> requests.Response:
        """Carry out what follows a 401, and return the response for the caller."""
        request = response.request
        if getattr(response, "connection", None) is None or response.raw is None:
            return response  # of a cache
        is_ours = request.headers.get(self._header_name) == self._header_value(hook.token)
        if not is_ours and request is hook.request:
            return response  # other credentials were put there on purpose
        replay = self._may_replay(request.method) and _is_rewound(request)
        # After a redirect, requests may have replaced our header by credentials of a netrc. The 401
        # is about those.
        recovery = self._recovery(hook.origin, hook.token if is_ours else None, replay=replay)
        latest, result = response, None
        try:
            while True:
                token = recovery.send(result)
                if token is None:
                    result = self._source.token()
                else:
                    latest = result = self._resend(response, token, options)
        except StopIteration:
            pass
        except BitqueryAuthError as error:
            if replay and latest is response:
                response.close()
                raise _client_error(error, request) from error.__cause__
        except BaseException:  # requests closes nothing then
            response.close()
            raise
        return latest

    def _resend(
        self, response: requests.Response, token: Token, options: dict[str, Any]
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
        second.request = request
        return second


class _RecoveryHook(CopyReturnsSelf):
    """The response hook of one request. requests copies it to the requests of a redirect.

    Args:
        auth: The auth that made it.
        request: The first request.
        origin: Where that went.
        token: What it carried.
    """

    __slots__ = ("_has_left", "auth", "origin", "request", "token")

    def __init__(
        self, auth: RequestsAuth, request: requests.PreparedRequest, origin: Origin, token: Token
    ) -> None:
        self.auth = auth
        self.request = request
        self.origin = origin
        self.token = token
        self._has_left = False

    def __call__(self, response: requests.Response, *_: Any, **kwargs: Any) -> requests.Response:
        """Handle a response of our origin, and leave all others as they are."""
        if response.request is self.request:
            self._has_left = False  # a prepared request may be sent several times
        if self._has_left:
            return response  # another origin led back here: the 401 is not about our token
        if _origin(response.request.url) != self.origin:
            self._has_left = True
            return response
        options = {name: kwargs[name] for name in _SEND_OPTIONS if name in kwargs}
        return self.auth._handle_response(response, self, options)  # noqa: SLF001 - one class in two parts

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


def _is_rewound(request: requests.PreparedRequest) -> bool:
    """Bring the body of a request back to its beginning, and return whether that is possible."""
    if request.body is None or isinstance(request.body, (bytes, bytearray, memoryview, str)):
        return True
    with suppress(UnrewindableBodyError, *UNSEEKABLE):
        rewind_body(request)
        return True
    return False


def _target(redirect: requests.Response) -> Origin:
    """Return where a redirect leads; nowhere, if requests might understand it otherwise."""
    location = redirect.headers["location"]
    if not (location.isascii() and location.isprintable()) or {" ", "\\"} & set(location):
        return _NOWHERE
    return _origin(urljoin(redirect.url, requote_uri(location)))


def _origin(url: str | None) -> Origin:
    return _origin_of_authority("/".join((url or "").split("/", 3)[:3]))


@lru_cache(maxsize=MOST_REMEMBERED)
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
    return _NOWHERE
