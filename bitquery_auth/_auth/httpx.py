"""The auth for httpx and httpx2: one class for their sync and async clients, asyncio and trio."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from bitquery_auth._auth.base import (
    UNSEEKABLE,
    Auth,
    is_small,
    with_shared_arguments,
)
from bitquery_auth._auth.httpx_headers import uncopied_headers
from bitquery_auth._bitquery import takes_token_in_url
from bitquery_auth._errors import BitqueryAuthError, ConfigurationError, as_client_error
from bitquery_auth._hosts import Origin
from bitquery_auth._memory import MAX_REMEMBERED
from bitquery_auth._token import Token

_FAMILIES = ("httpx", "httpx2")


def _installed_families() -> list[ModuleType]:
    families = []
    for name in _FAMILIES:
        with suppress(ImportError):
            families.append(import_module(name))
    if not families:
        raise ImportError("HTTPXAuth needs httpx or httpx2: pip install httpx2.")
    return families


_MODULES = _installed_families()

if TYPE_CHECKING:
    import httpx

    _Base = httpx.Auth
else:
    # Without duplicates: httpx2.alias_httpx() makes the two one.
    _Base = type("_Base", tuple(dict.fromkeys(module.Auth for module in _MODULES)), {})


class _AsyncRequest(Protocol):
    """A request of httpx or httpx2, and not one of requests."""

    async def aread(self) -> bytes: ...


@with_shared_arguments
class HTTPXAuth(Auth, _Base):
    """The auth for httpx and httpx2: for clients, async clients, or one request.

    ::

        auth = HTTPXAuth(ClientCredentials.from_env())
        client = httpx.Client(auth=auth)
        async_client = httpx.AsyncClient(auth=auth)
    """

    def __call__(self, request: _AsyncRequest) -> NoReturn:
        """Say what to write where this auth was given to requests.

        The clients of httpx and httpx2 do not call it; type checkers accept it for httpx2 by it.

        Raises:
            ConfigurationError: Always.
        """
        del request
        raise ConfigurationError("HTTPXAuth is for httpx and httpx2: give requests a RequestsAuth.")

    def auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """Say that this is not the way to wrap this auth.

        Raises:
            ConfigurationError: Always.
        """
        del request
        raise ConfigurationError(
            "HTTPXAuth has no auth_flow: an auth that wraps it delegates its sync_auth_flow and "
            "its async_auth_flow to those of HTTPXAuth."
        )

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """Send a request with the token, and again with another one if it is rejected.

        Raises:
            BitqueryAuthError: There is no token, or it would be sent unencrypted. Each is also the
                client's ``RequestError``; where the token endpoint did not respond, its
                ``ConnectError``.
        """
        flow, response = self._flow(request), None
        with suppress(StopIteration):
            step = next(flow)
            while True:
                if step is None:
                    try:
                        token = self._source.token()
                    except BitqueryAuthError as error:
                        step = flow.throw(error)
                    else:
                        step = flow.send(token)
                else:
                    if response is not None and _is_abandoned(response):
                        response.stream.close()
                        _empty(response)
                    response = yield step
                    step = flow.send(response)

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        """Do what `sync_auth_flow` does, without blocking the event loop."""
        flow, response = self._flow(request), None
        with suppress(StopIteration):
            step = next(flow)
            while True:
                if step is None:
                    try:
                        token = await self._atoken()
                    except BitqueryAuthError as error:
                        step = flow.throw(error)
                    else:
                        step = flow.send(token)
                else:
                    if response is not None and _is_abandoned(response):
                        await response.stream.aclose()
                        _empty(response)
                    response = yield step
                    step = flow.send(response)

    def _flow(self, request: Any) -> Generator[Any, Any, None]:
        """The flow for both drivers.

        Yields:
            None, to be sent a token; a request, to be sent its response.
        """
        try:
            origin = _origin(request.url)
            if not self._may_carry_token(origin):
                self._remove_stale_header(request.headers)
                yield request
                return
            token = yield None
            self._attach(request, origin, token)
        except BitqueryAuthError as error:
            raise _client_error(error, request) from error.__cause__
        response = yield request
        is_rejected = self._is_auth_failure(response)
        if not (is_rejected or response.history or self._backoffs):
            return
        if self._has_left(response, origin):
            return
        if is_rejected:
            yield from self._handle_rejected(request, response, origin, token)
        else:
            self._end_backoff(response, origin)

    def _handle_rejected(
        self, request: Any, response: Any, origin: Origin, token: Token
    ) -> Generator[Any, Any, None]:
        """Carry out what follows a 401."""
        sent = response.request
        is_ours = takes_token_in_url(origin.scheme, origin.host) or (
            sent.headers.get(self._header_name) == self._header_value(token)
        )
        if not is_ours and sent is request:
            return  # an event hook of the client has put other credentials there
        replay = self._may_replay(sent.method) and _is_repeatable(sent)
        recovery = self._recovery(origin, token if is_ours else None, replay=replay)
        was_sent_again, result = False, None
        try:
            while True:
                new_token = recovery.send(result)
                if new_token is None:
                    result = yield None
                else:
                    was_sent_again = True
                    result = yield self._repeated(response, origin, new_token)
        except StopIteration:
            return
        except BitqueryAuthError as error:
            if replay and not was_sent_again:
                raise _client_error(error, request) from error.__cause__

    def _is_rejected(self, response: Any, origin: Origin) -> bool:
        return not self._has_left(response, origin) and super()._is_rejected(response, origin)

    def _has_left(self, response: Any, origin: Origin) -> bool:
        """Whether a redirect led elsewhere, so that a response says nothing about our token."""
        for each in (*response.history, response):
            if (target := _origin(each.request.url)) != origin:
                self._note_redirect(origin, target)
                return True
        return False

    def _attach(self, request: Any, origin: Origin, token: Token) -> None:
        value = self._header_value(token)
        if takes_token_in_url(origin.scheme, origin.host):
            request.url = request.url.copy_set_param("token", token.access_token)
        elif self._is_authorization:
            request.headers[self._header_name] = value
        else:
            headers = uncopied_headers(_module_of(request))
            request.headers = headers(request.headers, self._header_name, value)

    def _repeated(self, response: Any, origin: Origin, token: Token) -> Any:
        """Return a new request like that of a response, which stays as it was sent."""
        sent, module = response.request, _module_of(response.request)
        request = type(sent)(
            sent.method,
            sent.url,
            headers=sent.headers,
            stream=sent.stream,
            extensions=sent.extensions,
        )
        cookies = module.Cookies()
        cookies.extract_cookies(response)
        cookies.set_cookie_header(request)
        if isinstance(sent.stream, module.ByteStream):
            request.read()
        self._attach(request, origin, token)
        return request


@lru_cache(maxsize=MAX_REMEMBERED)
def _origin_of(scheme: str, host: bytes, port: int | None) -> Origin:
    return Origin.of(scheme, host.decode("ascii"), port)


def _origin(url: Any) -> Origin:
    return _origin_of(url.scheme, url.raw_host, url.port)


def _module_of(request: Any) -> Any:
    """Return the client library that a request belongs to."""
    return next(module for module in _MODULES if isinstance(request, module.Request))


def _client_error(error: BitqueryAuthError, request: Any) -> BitqueryAuthError:
    module = _module_of(request)
    return as_client_error(
        error, request, connection_error=module.ConnectError, request_error=module.RequestError
    )


def _is_repeatable(request: Any) -> bool:
    """Whether a body can be sent again: bytes and text are in memory, forms rewind their files."""
    if isinstance(request.stream, _module_of(request).ByteStream):
        return True
    fields = getattr(request.stream, "fields", None)
    return fields is not None and all(_can_rewind(getattr(each, "file", b"")) for each in fields)


def _can_rewind(file: Any) -> bool:
    with suppress(*UNSEEKABLE):
        return isinstance(file, (bytes, str)) or bool(file.seekable())
    return False


def _is_abandoned(response: Any) -> bool:
    """Whether a response is closed unread before the request is sent again."""
    return not response.is_closed and not is_small(response.headers.get("Content-Length"))


def _empty(response: Any) -> None:
    """Replace a closed stream by an empty one, since httpx reads each response of a flow."""
    response.stream = _module_of(response.request).ByteStream(b"")
    response.headers.pop("Content-Encoding", None)  # an empty body is not valid zstd
