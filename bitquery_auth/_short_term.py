"""Short-term tokens: a long-lived token, exchanged at the API for one that ends soon."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus

import requests

from bitquery_auth import _bitquery
from bitquery_auth._answer import Answer, judge
from bitquery_auth._checks import check_endpoint, check_seconds, sends_in_the_clear
from bitquery_auth._errors import ConfigurationError, conceals
from bitquery_auth._renewal import Grant, Wanted
from bitquery_auth._reuse import ReuseTokenSource, logger, now
from bitquery_auth._token import Token, TokenSource, check_token_source
from bitquery_auth._transport import Transport

_REFUSED = (
    "The API refuses the source's token, too: it has ended or was revoked, or the application may not use this API."
)
_NO_LONGER_OFFERED = (
    "The API seems no longer to offer short-term tokens at this endpoint: use the source itself, "
    "with a short lifetime set for the application."
)


class ShortTermToken(ReuseTokenSource):
    """Tokens that end soon, each exchanged for another source's token (Bitquery's guide, "Short-term Access Tokens").

    ``POST {"expires_in": lifetime}`` to the API with the long token as Bearer; ``{"token": …}`` comes back.
    It is kept and renewed like any other, and ends with `lifetime` or with the long token, whichever is first.

    Args:
        source: Where the long tokens come from.
        lifetime: Whole seconds that a short token is to live.
        endpoint: The API's URL: https, or http on loopback. Required with a source of another token endpoint.
        leeway, renew_ahead, timeout, verify, cert, proxies, trust_env, insecure_http: As of `ClientCredentials`.

    Raises:
        ConfigurationError: a setting is wrong; the message names it.
    """

    @conceals
    def __init__(
        self,
        source: TokenSource,
        *,
        lifetime: int = 3600,
        endpoint: str = _bitquery.GRAPHQL_ENDPOINT,
        leeway: float = 60.0,
        renew_ahead: float | None = None,
        timeout: float = 30.0,
        verify: bool | str = True,
        cert: str | tuple[str, str] | None = None,
        proxies: Mapping[str, str] | None = None,
        trust_env: bool = True,
        insecure_http: bool = False,
    ) -> None:
        settings = {name: value for name, value in locals().items() if name not in {"self", "__class__"}}
        check_token_source("source", source)
        if endpoint is _bitquery.GRAPHQL_ENDPOINT and _bitquery.is_elsewhere(source):
            raise ConfigurationError(
                "endpoint is required with a source whose token_endpoint is not Bitquery's: give that API's URL."
            )
        super().__init__(settings, leeway=leeway, renew_ahead=renew_ahead)
        self._source = source
        self._lifetime = int(check_seconds("lifetime", lifetime, positive=True)) or 1
        self._endpoint = check_endpoint("endpoint", endpoint, insecure_http=insecure_http)
        self._transport = Transport(timeout=timeout, verify=verify, cert=cert, proxies=proxies, trust_env=trust_env)
        if sends_in_the_clear(endpoint):
            logger.warning("%s: tokens cross the network readable (insecure_http)", self)

    @property
    def token_endpoint(self) -> str:
        """Where the tokens come from."""
        return self._endpoint

    def _fetch(self, wanted: Wanted) -> Grant:  # noqa: ARG002 - it has no store
        asked = now()
        long_token = self._source.token()
        answer = self._exchange(long_token)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            self._source.discard(long_token)
            refused, long_token = long_token, self._source.token()
            if long_token.access_token != refused.access_token:
                answer = self._exchange(long_token)
        advice = _REFUSED if answer.status_code == HTTPStatus.UNAUTHORIZED else _NO_LONGER_OFFERED
        granted = judge(answer, time.time(), member="token", advice=advice)
        ends = long_token.expires_at
        lifetime = self._lifetime if ends is None else min(self._lifetime, ends.timestamp() - asked.wall)
        return Grant.of(granted.access_token, asked, lifetime, scope=long_token.scope)

    def _exchange(self, long_token: Token) -> Answer:
        session = requests.Session()
        session.auth = lambda request: request  # with no auth of its own, requests replaces the header by a netrc's
        session.headers["Authorization"] = f"Bearer {long_token.access_token}"
        send = partial(session.post, self._endpoint, json={"expires_in": self._lifetime})
        return self._transport.ask(session, self._endpoint, send, secrets=(long_token.access_token,))

    def __repr__(self) -> str:
        source, lifetime, endpoint = map(self._settings.get, ("source", "lifetime", "endpoint"))
        return f"{type(self).__name__}({source!r}, lifetime={lifetime}, endpoint={endpoint!r})"
