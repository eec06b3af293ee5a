"""The auth for requests: the header in ``__call__``, the second try in a response hook."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.auth import AuthBase
from requests.cookies import extract_cookies_to_jar
from requests.utils import requote_uri
from urllib3.util import parse_url

from bitquery_auth._auth import DONE, Auth, Destination, HeaderValue, advance
from bitquery_auth._errors import BitqueryAuthError, ConfigurationError, as_client_error
from bitquery_auth._hosts import Origin
from bitquery_auth._refusal import LOWEST_REDIRECT, remember
from bitquery_auth._replay import drain_requests, is_replayed, rewound
from bitquery_auth._token import Shared, Token


class RequestsAuth(Auth, AuthBase):
    __doc__ = Auth.__doc__

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the token on a request that is about to be sent.

        Raises:
            BitqueryAuthError: there is no token to be had, or the request would send it readable; each is
                also a `requests.RequestException`.
        """
        try:
            try:
                hook = self._by_url[r.url]
            except KeyError:
                hook = self._hook_for(r.url)
            if hook is None:
                if isinstance(r.headers.get(self._header_name), HeaderValue):  # it was to go elsewhere before
                    del r.headers[self._header_name]
                return r
            token = self._source.token()
            placed, value = self._placed
            if placed is not token:
                value = self._header_for(token)
        except BitqueryAuthError as error:
            raise as_client_error(error, requests.RequestException, r) from error.__cause__
        if not hook.destination.in_header:
            value = HeaderValue(self._prefix, token)  # its own: should a redirect lead elsewhere, it is withdrawn
            hook = RefusalHook(self, hook.destination, value)
        r.headers[self._header_name] = value
        hooks = r.hooks["response"]
        if not hooks:
            hooks.append(hook)
        elif hook not in hooks:  # put there once, however often an auth is called for a request
            hooks[:] = [hook, *(each for each in hooks if not isinstance(each, RefusalHook))]
        return r

    def _hook_for(self, url: str | None) -> RefusalHook | None:
        """Make what looks at the answers to requests to a URL; None: they go without the token."""
        if url is not None and not isinstance(url, str):  # httpx takes any callable for an auth
            raise ConfigurationError("RequestsAuth is for requests: give httpx and httpx2 an HTTPXAuth.")
        # Up to the slash after it, a URL's authority is all that is judged: whoever pages through URLs pays for one.
        authority = tuple((url or "").split("/", 3)[:3])
        destination = self._destinations.get(authority) or self._judge(authority, _origin(url))
        hook = RefusalHook(self, destination) if destination.is_allowed else None
        remember(self._by_url, url, hook)
        return hook

    def _look_at(self, response: requests.Response, hook: RefusalHook, options: dict[str, Any]) -> requests.Response:
        sent, origin = response.request, hook.destination.origin
        if _origin(sent.url) != origin:
            # A redirect led elsewhere. Should it lead back, that was another host's choice: nothing is answered then.
            others = [each for each in sent.hooks["response"] if not isinstance(each, RefusalHook)]
            sent.hooks = {**sent.hooks, "response": others}
            return response
        if self._is_refused(response, origin):
            response = self._answer(response, hook, options)
        if response.is_redirect:
            hooks = sent.hooks["response"]
            hooks[:] = [each.after_redirect() if isinstance(each, RefusalHook) else each for each in hooks]
            if hook.carried is not None and not _stays(response, origin):
                # requests copies the header to any host. It is taken off what was sent; where an adapter sent
                # a copy, it is still on the request that requests redirects: there it is emptied.
                sent.headers.pop(self._header_name, None)
                hook.carried.withdraw()
        return response

    def _answer(self, response: requests.Response, hook: RefusalHook, options: dict[str, Any]) -> requests.Response:
        """Get another token for a refused request, and send it again; where that cannot be, hand the refusal over."""
        request = response.request
        if getattr(response, "connection", None) is None or response.raw is None:  # a cache's answer
            return response
        value = request.headers.get(self._header_name)
        if not isinstance(value, HeaderValue) and value == self._placed[1]:  # an adapter has made a plain string of it
            value = self._placed[1]
        refused = value if isinstance(value, HeaderValue) else None
        if refused is None and not hook.is_redirected:  # after a redirect a netrc's may be there instead, or nothing
            return response
        if refused is not None and not refused.encode():  # it was withdrawn, and may have been sent as nothing
            refused = None
        replay = is_replayed(self._replay, request.method) and rewound(request)
        steps = self._recovery(hook.destination.origin, refused, replay=replay)
        answer = response
        got: Any = None
        try:
            while (wanted := advance(steps, got)) is not DONE:
                if wanted is None:
                    got = self._source.token()
                else:
                    answer = got = self._send_again(response, wanted, options)
        except BitqueryAuthError as error:
            if replay and answer is response:
                response.close()
                raise as_client_error(error, requests.RequestException, request) from error.__cause__
        except BaseException:  # what the user's source or predicate raises, or a Ctrl-C: requests closes nothing then
            response.close()
            raise
        return answer

    def _send_again(self, response: requests.Response, token: Token, options: dict[str, Any]) -> requests.Response:
        drain_requests(response)
        again = response.request.copy()
        jar = again._cookies  # noqa: SLF001 - as requests' own HTTPDigestAuth does
        if jar is not None:
            extract_cookies_to_jar(jar, response.request, response.raw)
            again.prepare_cookies(jar)
        again.headers[self._header_name] = self._header_for(token)
        began = time.monotonic()
        second = response.connection.send(again, **options)
        second.elapsed = timedelta(seconds=time.monotonic() - began)
        second.history.append(response)
        second.request = again
        return second


class RefusalHook(Shared):
    """The response hook of requests that go to one origin. It is made once for that, and copied with each request.

    Args:
        auth: Whose hook it is.
        destination: Where the first request went: redirects that lead elsewhere are none of its business.
        carried: The header's value, where it is one request's own, since it must not travel.

    Attributes:
        is_redirected: Whether requests has made the request it is at out of a redirect.
    """

    __slots__ = ("_auth", "_by_status", "_troubles", "carried", "destination", "is_redirected")

    def __init__(self, auth: RequestsAuth, destination: Destination, carried: HeaderValue | None = None) -> None:
        self._auth = auth
        self.destination = destination
        self.carried = carried
        self.is_redirected = False
        self._by_status = auth._by_status  # noqa: SLF001 - one subject, in one file
        self._troubles = auth._troubles  # noqa: SLF001 - as above

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
        """Answer a refusal by our origin. The options are those of `requests.adapters.HTTPAdapter.send`.

        They are named, since collecting them would be half of what a good answer costs here.
        """
        if response.status_code < LOWEST_REDIRECT and self._by_status and not self._troubles:
            return response  # nearly every answer: two looks, no call
        options = {"stream": stream, "timeout": timeout, "verify": verify, "cert": cert, "proxies": proxies}
        return self._auth._look_at(response, self, options)  # noqa: SLF001 - one subject, in one file

    def after_redirect(self) -> RefusalHook:
        """Give the hook for what requests makes out of a redirect."""
        if self.is_redirected:
            return self
        hook = RefusalHook(self._auth, self.destination, self.carried)
        hook.is_redirected = True
        return hook

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave the auth, and with it the secret, out of a pickled response or request."""
        return partial, (_hand_over,)


def _hand_over(response: requests.Response, *_: Any, **__: Any) -> requests.Response:
    return response


def _stays(redirect: requests.Response, origin: Origin) -> bool:
    """Whether a redirect certainly leads to the same origin: what requests may understand otherwise does not."""
    location = redirect.headers["location"]
    is_plain = location.isascii() and location.isprintable() and not {" ", "\\"} & set(location)
    return is_plain and _origin(urljoin(redirect.url, requote_uri(location))) == origin


def _origin(url: str | None) -> Origin:
    """Parse a URL as requests does: urllib3 prepares it, the standard library says where to connect.

    Where the two disagree, it is nowhere that a token may go.
    """
    with suppress(ValueError):
        ours, theirs = parse_url(url or ""), urlsplit(url or "")
        origin = Origin.of(ours.scheme or "", ours.host or "", ours.port)
        if origin == Origin.of(theirs.scheme, theirs.hostname or "", theirs.port):
            return origin
    return Origin("", "", None)
