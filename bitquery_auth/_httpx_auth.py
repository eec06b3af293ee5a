"""The auth for httpx and httpx2: one class for their sync and async clients, on asyncio and trio."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from bitquery_auth._auth import DONE, Auth, Destination, HeaderBytes, advance
from bitquery_auth._errors import BitqueryAuthError, ConfigurationError, as_client_error
from bitquery_auth._hosts import Origin
from bitquery_auth._refusal import UNAUTHORIZED
from bitquery_auth._replay import adrain_httpx, drain_httpx, is_repeatable, is_replayed
from bitquery_auth._token import Token


def _installed() -> list[ModuleType]:
    modules = []
    for name in ("httpx", "httpx2"):
        with suppress(ImportError):
            modules.append(__import__(name))
    if not modules:
        raise ImportError("HTTPXAuth needs httpx or httpx2: pip install httpx, or pip install 'bitquery_auth[httpx2]'.")
    return modules


_MODULES = _installed()

if TYPE_CHECKING:
    import httpx
    import httpx2

    class _Base(httpx.Auth, httpx2.Auth):  # type: ignore[misc]  # equal interfaces of unrelated classes
        pass
else:
    # Without duplicates: httpx2.alias_httpx() makes the two one.
    _Base = type("_Base", tuple(dict.fromkeys(module.Auth for module in _MODULES)), {})


class HTTPXAuth(Auth, _Base):
    __doc__ = Auth.__doc__

    def auth_flow(self, request: Any) -> Generator[Any, Any, None]:  # noqa: ARG002 - the interface
        """Say that this is not the way: an auth that wraps this one delegates to both flows below.

        Raises:
            ConfigurationError: always.
        """
        raise ConfigurationError(
            "HTTPXAuth has no auth_flow: an auth that wraps it delegates its sync_auth_flow to ours, and its "
            "async_auth_flow to ours."
        )

    # Both flows override httpx's own, whose generic driver costs more than all they do; up to a good answer each
    # is written out, as a function in between would be a tenth of that. What follows a refusal they share.

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """Send a request with the token, and once more with another if it is refused.

        Raises:
            BitqueryAuthError: there is no token to be had, or the request would send it readable; each is
                also an ``HTTPError`` of the client's.
        """
        response = got = None
        try:
            url = request.url
            destination = self._destinations.get((url.scheme, url.raw_host, url.port)) or self._destination_of(url)
            if not destination.is_allowed:
                _take_off(request)
                yield request
                return
            token = self._source.token()
            placed, value = self._placed
            if placed is token and destination.in_header:
                request.headers[self._header_name] = value
            else:
                self._place(request, destination, token)
            response = yield request
            if self._by_status and response.status_code != UNAUTHORIZED and not self._troubles:
                return  # nearly every answer
            steps = self._after(request, response, destination, token)
            while (wanted := advance(steps, got)) is not DONE:
                if wanted is None:
                    got = self._source.token()
                else:
                    drain_httpx(response, _module_of(request))
                    got = yield self._again(response, destination, wanted)
        except BitqueryAuthError as error:
            self._raise_or_hand_over(error, request, response, got)

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        """Do what `sync_auth_flow` does, without blocking the event loop."""
        response = got = None
        try:
            url = request.url
            destination = self._destinations.get((url.scheme, url.raw_host, url.port)) or self._destination_of(url)
            if not destination.is_allowed:
                _take_off(request)
                yield request
                return
            token = await self._atoken()
            placed, value = self._placed
            if placed is token and destination.in_header:
                request.headers[self._header_name] = value
            else:
                self._place(request, destination, token)
            response = yield request
            if self._by_status and response.status_code != UNAUTHORIZED and not self._troubles:
                return  # nearly every answer
            steps = self._after(request, response, destination, token)
            while (wanted := advance(steps, got)) is not DONE:
                if wanted is None:
                    got = await self._atoken()
                else:
                    await adrain_httpx(response, _module_of(request))
                    got = yield self._again(response, destination, wanted)
        except BitqueryAuthError as error:
            self._raise_or_hand_over(error, request, response, got)

    def _destination_of(self, url: Any) -> Destination:
        return self._judge((url.scheme, url.raw_host, url.port), _origin(url))

    def _place(self, request: Any, destination: Destination, token: Token) -> None:
        """Put the token on a request."""
        value = self._header_for(token)
        if destination.in_query:
            request.url = _token_url(_module_of(request))(request.url.copy_set_param("token", token.access_token))
        elif destination.in_header:
            request.headers[self._header_name] = value
        else:
            one_hop_headers = _one_hop_headers(_module_of(request))
            request.headers = one_hop_headers(request.headers, self._header_name, value)

    def _after(self, request: Any, response: Any, destination: Destination, token: Token) -> Generator[Any, Any, None]:
        """What follows an answer, for either flow to carry out: see `Auth._recovery`."""
        origin, hop = destination.origin, response.request
        if self._is_refused(response, origin):
            carried = hop.headers.get(self._header_name) == self._header_for(token)
            if hop is request and not carried and not destination.in_query:
                return  # a hook of the client's has put other credentials there
            refused = token if carried or hop is request else None
            yield from self._recovery(origin, refused, replay=self._may_replay(hop))

    def _is_refused(self, response: Any, origin: Origin) -> bool:
        if any(_origin(each.request.url) != origin for each in (*response.history, response)):
            return False  # a redirect led elsewhere: what came of that is not its answer, of the second try neither
        return super()._is_refused(response, origin)

    def _raise_or_hand_over(self, error: BitqueryAuthError, request: Any, response: Any, got: Any) -> None:
        """Raise that there is no token; a refusal that would not be, or was, sent again is handed over all the same."""
        was_sent_again = got is not None and not isinstance(got, Token)
        if response is None or (self._may_replay(response.request) and not was_sent_again):
            raise as_client_error(error, _module_of(request).HTTPError, request) from error.__cause__

    def _may_replay(self, hop: Any) -> bool:
        return is_replayed(self._replay, hop.method) and is_repeatable(hop, _module_of(hop))

    def _again(self, response: Any, destination: Destination, token: Token) -> Any:
        """The refused request with another token: a new one, so that what was sent first stays on record."""
        hop = response.request
        again = type(hop)(hop.method, hop.url, headers=hop.headers, stream=hop.stream, extensions=hop.extensions)
        cookies = _module_of(hop).Cookies()  # not the response's own, with which it could no longer be pickled
        cookies.extract_cookies(response)
        cookies.set_cookie_header(again)
        if isinstance(hop.stream, _module_of(hop).ByteStream):
            again.read()
        self._place(again, destination, token)
        return again


def _origin(url: Any) -> Origin:
    return Origin.of(url.scheme, url.raw_host.decode("ascii"), url.port)


def _module_of(request: Any) -> Any:
    """The client library that a request is of: httpx or httpx2."""
    return next(module for module in _MODULES if isinstance(request, module.Request))


def _take_off(request: Any) -> None:
    """Take off what was placed on a request when it was to go elsewhere."""
    raw = request.headers.raw
    if any(isinstance(value, HeaderBytes) for _, value in raw):
        others = [field for field in raw if not isinstance(field[1], HeaderBytes)]
        request.headers = _module_of(request).Headers(others)


@cache
def _token_url(module: Any) -> Any:
    class TokenURL(module.URL):  # type: ignore[misc]  # of either family
        """A URL whose token shows in no repr and no pickle."""

        def __repr__(self) -> str:
            return repr(self.copy_remove_param("token"))

        def __reduce__(self) -> tuple[Any, ...]:
            return module.URL, (str(self.copy_remove_param("token")),)

    return TokenURL


@cache
def _one_hop_headers(module: Any) -> Any:
    class OneHopHeaders(module.Headers):  # type: ignore[misc]  # of either family
        """One header more, which is sent and seen here, but not copied: a redirect's headers begin as a copy."""

        def __init__(self, headers: Any, name: str, value: str) -> None:
            kept = module.Headers(headers)
            kept.pop(name, None)
            super().__init__(kept)
            self._one = module.Headers({name: value})

        @property
        def raw(self) -> list[tuple[bytes, bytes]]:
            return [*super().raw, *self._one.raw]

        def __getitem__(self, key: str) -> str:
            return str(self._one[key] if key in self._one else super().__getitem__(key))

        def __setitem__(self, key: str, value: str) -> None:
            self._one.pop(key, None)
            super().__setitem__(key, value)

        def __delitem__(self, key: str) -> None:
            if self._one.pop(key, None) is None:
                super().__delitem__(key)

        def __contains__(self, key: Any) -> bool:
            return key in self._one or super().__contains__(key)

        def __reduce__(self) -> tuple[Any, ...]:
            return module.Headers, (self.raw,)

    return OneHopHeaders
