"""The auths for niquests: for its sessions, and for its async sessions.

niquests replaces urllib3 in its environment, and with it the urllib3 of requests, which makes the
token requests. They work nevertheless; but a token endpoint that sends byte after byte can exceed
their ``timeout``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import niquests
from niquests.auth import AsyncAuthBase
from niquests.cookies import extract_cookies_to_jar

from bitquery_auth._auth.base import Auth, is_small, with_shared_arguments
from bitquery_auth._auth.requests import RequestsAuth, is_rewound, origin_of, target_of
from bitquery_auth._errors import BitqueryAuthError, as_client_error
from bitquery_auth._hosts import Origin
from bitquery_auth._token import Token

__all__ = ["AsyncNiquestsAuth", "NiquestsAuth"]


@with_shared_arguments
class NiquestsAuth(RequestsAuth):
    """The auth for a `niquests.Session`: a `RequestsAuth` whose errors are niquests' as well.

    ::

        session = niquests.Session()
        session.auth = NiquestsAuth(ClientCredentials.from_env())
    """

    def __call__(self, r: Any) -> Any:
        """Attach the token to a request that is about to be sent.

        Raises:
            BitqueryAuthError: There is no token, or it would be sent unencrypted. Each is also a
                `niquests.RequestException`; where the token endpoint did not respond, a
                `niquests.ConnectionError`.
        """
        with _errors_of_niquests(r):
            return super().__call__(r)

    def _handle_rejected(self, response: Any, origin: Origin, options: dict[str, Any]) -> Any:
        with _errors_of_niquests(response.request):
            return super()._handle_rejected(response, origin, options)


@with_shared_arguments
class AsyncNiquestsAuth(Auth, AsyncAuthBase):
    """The auth for a `niquests.AsyncSession`.

    ::

        async with niquests.AsyncSession() as session:
            session.auth = AsyncNiquestsAuth(ClientCredentials.from_env())
    """

    async def __call__(self, r: Any) -> Any:
        """Attach the token to a request that is about to be sent.

        Raises:
            BitqueryAuthError: As for `NiquestsAuth`.
        """
        origin = origin_of(r.url)
        with _errors_of_niquests(r):
            if not self._may_carry_token(origin):
                self._remove_stale_header(r.headers)
                return r
            r.headers[self._header_name] = self._header_value(await self._atoken())

        async def recover(response: Any, **options: Any) -> Any:
            sent = response.request
            if origin_of(sent.url) != origin:  # a redirect led elsewhere, and may lead back
                sent.hooks["response"] = [
                    each for each in sent.hooks["response"] if each != recover
                ]
                return response
            if self._is_rejected(response, origin):
                with _errors_of_niquests(sent):
                    response = await self._handle_rejected(response, origin, options)
            if response.is_redirect:
                self._prepare_redirect(origin, target_of(response), sent, response.request)
            return response

        r.register_hook("response", recover)
        return r

    async def _handle_rejected(self, response: Any, origin: Origin, options: dict[str, Any]) -> Any:
        """Carry out what follows a 401, and return the response for the caller."""
        request = response.request
        token = self._sent.get(request.headers.get(self._header_name))
        if token is None:
            return response  # other credentials were put there on purpose
        resend = None
        if self._may_replay(request.method) and is_rewound(request):
            resend = partial(self._resend, response, options)
        try:
            second = await self._arecover(origin, token, resend)
        except BaseException:
            await response.close()
            raise
        return response if second is None else second

    async def _resend(self, response: Any, options: dict[str, Any], token: Token) -> Any:
        """Send a request again, as niquests' own digest auth does it."""
        if is_small(response.headers.get("Content-Length")):
            await response.content  # to the end, which frees the connection
        await response.close()
        request = response.request.copy()
        extract_cookies_to_jar(request._cookies, response.request, response.raw)  # noqa: SLF001 - there is no public way
        request.prepare_cookies(request._cookies)  # noqa: SLF001 - there is no public way
        request.headers[self._header_name] = self._header_value(token)
        second = await response.connection.send(request, **options)
        second.history.append(response)
        second.request = request
        return second


@contextmanager
def _errors_of_niquests(request: Any) -> Iterator[None]:
    try:
        yield
    except BitqueryAuthError as error:
        raise as_client_error(
            error,
            request,
            connection_error=niquests.ConnectionError,
            request_error=niquests.RequestException,
        ) from error.__cause__
