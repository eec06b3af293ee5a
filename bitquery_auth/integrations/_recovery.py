"""How an auth carries out the recovery from a 401 where a function sends a request again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from bitquery_auth._auth.base import Auth
from bitquery_auth._errors import BitqueryAuthError
from bitquery_auth._hosts import Origin
from bitquery_auth._token import Token

R = TypeVar("R")


class RecoveringAuth(Auth):
    """An auth that can send a request again by itself, from a thread or in an event loop."""

    def _recover(
        self, origin: Origin, rejected: Token, resend: Callable[[Token], R] | None
    ) -> R | None:
        """Carry out what follows a 401.

        Args:
            origin: Where it came from.
            rejected: The token that the request carried.
            resend: Sends the request again with a token, and returns the response. None if it
                cannot or may not be sent again.

        Returns:
            The response to the request that was sent again, or None if none was.

        Raises:
            BitqueryAuthError: There is no token to send it again with.
        """
        recovery = self._recovery(origin, rejected, replay=resend is not None)
        result: Token | R | None = None
        response: R | None = None
        try:
            while True:
                token = recovery.send(result)
                if token is None or resend is None:
                    result = self._source.token()
                else:
                    result = response = resend(token)
        except StopIteration:
            pass
        except BitqueryAuthError:
            if resend is not None and response is None:
                raise
        return response

    async def _arecover(
        self, origin: Origin, rejected: Token, resend: Callable[[Token], Awaitable[R]] | None
    ) -> R | None:
        """Do what `_recover` does, without blocking the event loop."""
        recovery = self._recovery(origin, rejected, replay=resend is not None)
        result: Token | R | None = None
        response: R | None = None
        try:
            while True:
                token = recovery.send(result)
                if token is None or resend is None:
                    result = await self._atoken()
                else:
                    result = response = await resend(token)
        except StopIteration:
            pass
        except BitqueryAuthError:
            if resend is not None and response is None:
                raise
        return response
