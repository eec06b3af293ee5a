"""The auth for aiohttp: a client middleware, which libraries built on aiohttp take as well.

gql takes it as ``AIOHTTPTransport(url, client_session_args={"middlewares": (auth,)})``, web3 as
``AsyncHTTPProvider(url, request_kwargs={"middlewares": (auth,)})``.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import lru_cache, partial

import aiohttp
from yarl import URL

from bitquery_auth._auth.base import Auth, is_small, with_shared_arguments
from bitquery_auth._bitquery import takes_token_in_url, websocket_url
from bitquery_auth._errors import BitqueryAuthError, as_client_error
from bitquery_auth._hosts import NOWHERE, Origin
from bitquery_auth._memory import MAX_REMEMBERED
from bitquery_auth._token import Token

__all__ = ["AiohttpAuth"]

_last_request: ContextVar[tuple[object, Origin]] = ContextVar(
    "_last_request", default=(None, NOWHERE)
)
"""The timer of the last call in this context, and its origin; nowhere, once it was redirected.

aiohttp calls a middleware for each request of a chain of redirects. What these have in common is
the timer of the call, and they follow one another in one context.
"""


@with_shared_arguments
class AiohttpAuth(Auth):
    """The auth for aiohttp: a middleware of an `aiohttp.ClientSession`, or of one request.

    ::

        auth = AiohttpAuth(ClientCredentials.from_env())
        async with aiohttp.ClientSession(middlewares=(auth,)) as session: ...

    One auth serves any number of sessions and event loops. A rejected request is sent again if
    aiohttp can rewind its body: bytes, text, JSON, forms and files. A generator cannot be rewound,
    so the 401 is returned, and the next request has a new token. The token is in the URL of a
    WebSocket of Bitquery's (``session.ws_connect``), and in the header of all other requests.
    """

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send a request with the token, and again with another one if it is rejected.

        Raises:
            BitqueryAuthError: There is no token, or it would be sent unencrypted. Each is also an
                `aiohttp.ClientError`; where the token endpoint did not respond, an
                `aiohttp.ClientConnectionError`.
        """
        origin = _origin(request.url)
        try:
            if self._is_redirected(request, origin) or not self._may_carry_token(origin):
                token = None
            else:
                token = await self._atoken()
                self._attach(request, origin, token)
        except BitqueryAuthError as error:
            raise _client_error(error, request) from error.__cause__
        response = await handler(request)
        if token is None or not self._is_rejected(response, origin):
            return response
        resend = None
        if self._may_replay(request.method) and _is_repeatable(request.body):
            resend = partial(self._resend, request, handler, response, origin)
        try:
            return await self._arecover(origin, token, resend) or response
        except BitqueryAuthError as error:
            response.close()
            raise _client_error(error, request) from error.__cause__
        except BaseException:  # aiohttp closes nothing then
            response.close()
            raise

    def _is_redirected(self, request: aiohttp.ClientRequest, origin: Origin) -> bool:
        """Whether a redirect has left the origin of the call, even if another one led back."""
        timer = request._timer  # noqa: SLF001 - there is no public way to tell the calls apart
        last_timer, first = _last_request.get()
        if timer is not last_timer:
            first = origin
        elif first is not NOWHERE:
            self._note_redirect(first, origin)
        _last_request.set((timer, origin if origin == first else NOWHERE))
        return origin != first

    async def _resend(
        self,
        request: aiohttp.ClientRequest,
        handler: aiohttp.ClientHandlerType,
        rejected: aiohttp.ClientResponse,
        origin: Origin,
        token: Token,
    ) -> aiohttp.ClientResponse:
        if is_small(rejected.headers.get("Content-Length")):
            await rejected.read()  # to the end, which frees the connection
        rejected.close()
        request.update_cookies(rejected.cookies)  # some load balancers find their server by one
        self._attach(request, origin, token)
        return await handler(request)

    def _attach(self, request: aiohttp.ClientRequest, origin: Origin, token: Token) -> None:
        if takes_token_in_url(origin.scheme, origin.host):
            # The URL that aiohttp's errors show, request_info.real_url, is not changed by this.
            request.url = URL(websocket_url(str(request.url), token), encoded=True)
        else:
            request.headers[self._header_name] = self._header_value(token)


def _client_error(error: BitqueryAuthError, request: aiohttp.ClientRequest) -> BitqueryAuthError:
    return as_client_error(
        error,
        request,
        connection_error=aiohttp.ClientConnectionError,
        request_error=aiohttp.ClientError,
    )


def _is_repeatable(body: object) -> bool:
    """Whether aiohttp can send a body again: it rewinds files, and keeps the rest in memory."""
    if isinstance(body, aiohttp.MultipartWriter):
        return all(_is_repeatable(part) for part, *_ in body)
    return body == b"" or (
        isinstance(body, (aiohttp.BytesPayload, aiohttp.IOBasePayload)) and not body.consumed
    )


@lru_cache(maxsize=MAX_REMEMBERED)
def _origin_of(scheme: str, host: str, port: int | None) -> Origin:
    return Origin.of(scheme, host, port)


def _origin(url: URL) -> Origin:
    return _origin_of(url.scheme, url.raw_host or "", url.port)
