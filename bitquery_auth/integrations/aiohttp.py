"""The auth for aiohttp: a client middleware (aiohttp 3.12 and later), which is also the way into libraries built on it.

::

    auth = AiohttpAuth(ClientCredentials.from_env())
    async with aiohttp.ClientSession(middlewares=(auth,)) as session: ...

gql takes it as ``AIOHTTPTransport(url, client_session_args={"middlewares": (auth,)})``, web3 as
``AsyncHTTPProvider(url, request_kwargs={"middlewares": (auth,)})``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from operator import attrgetter
from typing import Any

import aiohttp

from bitquery_auth import _bitquery
from bitquery_auth._auth import DONE, Auth, Destination, Replay, advance
from bitquery_auth._errors import BitqueryAuthError, as_client_error, conceals
from bitquery_auth._hosts import Origin
from bitquery_auth._refusal import REDIRECTS, UNAUTHORIZED
from bitquery_auth._replay import DRAIN_BYTES, DRAIN_SECONDS, is_replayed
from bitquery_auth._token import Token, TokenSource

__all__ = ["AiohttpAuth"]

_MOST_CHAINS = 1024


def is_unauthorized(response: aiohttp.ClientResponse) -> bool:
    """Whether a response's status is 401: the default of ``is_auth_failure``."""
    return bool(response.status == UNAUTHORIZED)


class AiohttpAuth(Auth):
    """Puts the token of a source on requests to the hosts that may see it: a middleware for aiohttp's client.

    One auth serves any number of sessions, in any number of event loops. Bytes, text, JSON and forms are sent again
    after a refusal; files and generators are not: the refusal is handed over, and the next request works.

    Args:
        source: Where tokens come from.
        allowed_hosts: Hosts that may see the token: ``name``, ``*.name``, ``name:port``, ``[::1]``; no port means
            any. Other hosts get their requests without it. Required with a source of another token endpoint.
        header_name: The header that carries the token.
        scheme: What stands before the token in it; ``""``: nothing.
        is_auth_failure: Whether a response is a refusal, by status and headers; by default status 401.
        replay: Which refused requests are sent again: ``"all"``, ``"safe"`` (methods that change nothing) or
            ``"never"``. For the others the token is renewed, and the refusal handed over.
        insecure_http: Lets tokens go over plain http beyond loopback, with a warning.

    Raises:
        ConfigurationError: a setting is missing or wrong; the message names it.
    """

    _status_of = attrgetter("status")

    @conceals
    def __init__(
        self,
        source: TokenSource,
        *,
        allowed_hosts: Iterable[str] = _bitquery.HOSTS,
        header_name: str = "Authorization",
        scheme: str = "Bearer",
        is_auth_failure: Callable[[aiohttp.ClientResponse], bool] = is_unauthorized,
        replay: Replay = "all",
        insecure_http: bool = False,
    ) -> None:
        super().__init__(
            source,
            allowed_hosts=allowed_hosts,
            header_name=header_name,
            scheme=scheme,
            is_auth_failure=is_auth_failure,
            replay=replay,
            insecure_http=insecure_http,
        )
        self._chains: dict[Any, Origin | None] = {}

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send one hop of a request with the token, and once more with another if it is refused.

        Raises:
            BitqueryAuthError: there is no token to be had, or the request would send it readable; each is
                also an `aiohttp.ClientError`.
        """
        url = request.url
        key = (url.scheme, url.raw_host, url.port)
        # aiohttp calls a middleware for every hop of a redirect. Their requests share nothing public, but the timer.
        chain = request._timer  # noqa: SLF001 - tested with the lowest and the newest version
        origin = Origin.of(url.scheme, url.raw_host or "", url.port)
        at_home = self._chains.get(chain, origin) == origin
        try:
            destination = (self._destinations.get(key) or self._judge(key, origin)) if at_home else None
            if destination is None or not destination.is_allowed:
                response = await handler(request)
            else:
                response = await self._send(request, handler, destination)
        except BitqueryAuthError as error:
            raise as_client_error(error, aiohttp.ClientError, request) from error.__cause__
        if response.status in REDIRECTS:
            if len(self._chains) >= _MOST_CHAINS:  # of those that were not followed to their end
                self._chains.pop(next(iter(self._chains)), None)
            self._chains[chain] = origin if at_home else None  # None: led elsewhere, and should it lead back, as well
        else:
            self._chains.pop(chain, None)
        return response

    async def _send(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType, destination: Destination
    ) -> aiohttp.ClientResponse:
        token = await self._atoken()
        self._place(request, destination, token)
        response = await handler(request)
        if not self._is_refused(response, destination.origin):
            return response
        replay = is_replayed(self._replay, request.method) and _is_repeatable(request.body)
        steps = self._recovery(destination.origin, token, replay=replay)
        answer = response
        got: Any = None
        try:
            while (wanted := advance(steps, got)) is not DONE:
                if wanted is None:
                    got = await self._atoken()
                else:
                    await _drain(response)
                    self._place(request, destination, wanted)
                    answer = got = await handler(request)
        except BaseException as error:
            handed_over = not replay or answer is not response
            if not (handed_over and isinstance(error, BitqueryAuthError)):
                answer.close()
                raise
        return answer

    def _place(self, request: aiohttp.ClientRequest, destination: Destination, token: Token) -> None:
        if destination.in_query:
            request.url = request.url.update_query(token=token.access_token)
        else:  # this hop's headers: aiohttp makes those of the next from what the caller gave
            request.headers[self._header_name] = self._header_for(token)


def _is_repeatable(body: object) -> bool:
    """Whether a body can be sent again byte for byte: bytes, text, JSON and forms are held in memory."""
    return body == b"" or isinstance(body, aiohttp.BytesPayload)


async def _drain(response: aiohttp.ClientResponse) -> None:
    """Read a refusal to its end, within bounds, so that its connection is free for the second try; else close it."""
    left = DRAIN_BYTES
    if "Content-Encoding" not in response.headers:  # few bytes may unzip to many
        with suppress(TimeoutError, aiohttp.ClientError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while left > 0 and (chunk := await response.content.readany()):
                    left -= len(chunk)
    response.release()  # closes the connection of what was not read to its end
