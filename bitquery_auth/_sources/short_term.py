"""Short-term tokens: a long-lived token, exchanged at the API for one that expires soon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bitquery_auth import _bitquery
from bitquery_auth._checks import (
    DEFAULT_TIMEOUT,
    check_endpoint,
    check_seconds,
    check_transport,
    is_unencrypted,
)
from bitquery_auth._errors import ConfigurationError
from bitquery_auth._hosts import AllowedHosts, Origin
from bitquery_auth._import_lock import importing
from bitquery_auth._log import logger
from bitquery_auth._sources.cache import CachingTokenSource, now
from bitquery_auth._sources.expiry import DEFAULT_LEEWAY, FetchedToken
from bitquery_auth._sources.token_request import open_transport
from bitquery_auth._sources.token_response import TokenResponse, parse_token_response
from bitquery_auth._token import Token, TokenSource, check_token_source

if TYPE_CHECKING:
    from ssl import SSLContext

_REJECTED = (
    "The API rejects the source's token: it has expired or was revoked, or the application "
    "may not use this API."
)
_NOT_OFFERED = (
    "The API seems no longer to offer short-term tokens at this endpoint: use the source itself, "
    "with a short lifetime set for the application."
)


def _may_use_bitquery(allowed_hosts: tuple[str, ...] | None) -> bool:
    """Whether tokens whose auths allow these hosts by default may go to Bitquery's API."""
    endpoint = urlsplit(_bitquery.GRAPHQL_ENDPOINT)
    origin = Origin.of(endpoint.scheme, endpoint.netloc, None)
    return allowed_hosts is None or (
        allowed_hosts != () and AllowedHosts(allowed_hosts).allow(origin)
    )


class ShortTermToken(CachingTokenSource):
    """Tokens that expire soon, each exchanged for another source's token at Bitquery's API.

    ``POST {"expires_in": lifetime}`` with the long-lived token as Bearer returns ``{"token": …}``
    (Bitquery's guide "Short-term Access Tokens"). It is cached and renewed like any other, and
    expires with `lifetime` or with the long-lived token, whichever is first::

        session.auth = RequestsAuth(ShortTermToken(ClientCredentials.from_env(), lifetime=600))

    Args:
        source: Where the long-lived tokens come from.
        lifetime: Whole seconds that a short-term token is to be valid.
        endpoint: The API's URL: https, or http on loopback. None means Bitquery's; required with a
            source of another token endpoint.
        leeway, renew_ahead, timeout, verify, cert, proxies, trust_env, insecure_http: As for
            `ClientCredentials`.

    Raises:
        ConfigurationError: A setting is missing or wrong. The message names it.
    """

    _source: Any = None  # for the repr of an instance whose construction failed

    def __init__(
        self,
        source: TokenSource,
        *,
        lifetime: int = 3600,
        endpoint: str | None = None,
        leeway: float = DEFAULT_LEEWAY,
        renew_ahead: float | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        verify: bool | str | SSLContext = True,
        cert: str | tuple[str, str] | None = None,
        proxies: Mapping[str, str | None] | None = None,
        trust_env: bool = True,
        insecure_http: bool = False,
    ) -> None:
        transport = check_transport(
            timeout=timeout, verify=verify, cert=cert, proxies=proxies, trust_env=trust_env
        )
        # A caller may wait for the long-lived token, and then for the exchange.
        max_wait = 2 * transport["timeout"] + 1
        super().__init__(leeway=leeway, renew_ahead=renew_ahead, max_wait=max_wait)
        self._source = check_token_source("source", source)
        self.default_allowed_hosts = getattr(source, "default_allowed_hosts", None)
        if endpoint is None:
            if not _may_use_bitquery(self.default_allowed_hosts):
                raise ConfigurationError(
                    "endpoint is required with a source whose tokens are not for "
                    f"{_bitquery.GRAPHQL_ENDPOINT}: set it to the URL of their API."
                )
            endpoint = _bitquery.GRAPHQL_ENDPOINT
        self._lifetime = int(check_seconds("lifetime", lifetime, positive=True)) or 1
        self._endpoint = check_endpoint("endpoint", endpoint, insecure_http=insecure_http)
        if self.default_allowed_hosts is None and not _bitquery.is_bitquery_url(endpoint):
            self.default_allowed_hosts = ()
        self._transport = transport
        if is_unencrypted(endpoint):
            logger.warning("tokens are sent unencrypted (insecure_http): %s", self)

    def _fetch(self, *, rejected: frozenset[str], force: bool) -> FetchedToken:  # noqa: ARG002 - of sources with a store
        long_token = self._source.token()
        requested_at = now()
        response = self._exchange(long_token)
        if response.status_code in _bitquery.AUTH_FAILURE_STATUSES:
            self._source.discard(long_token)
            first, long_token = long_token, self._source.token()
            if long_token.access_token != first.access_token:
                requested_at = now()
                response = self._exchange(long_token)
        is_rejected = response.status_code in _bitquery.AUTH_FAILURE_STATUSES
        hint = _REJECTED if is_rejected else _NOT_OFFERED
        parsed = parse_token_response(response, now().wall, member="token", hint=hint)
        lifetime: float = self._lifetime
        if (expires_at := long_token.expires_at) is not None:
            lifetime = min(lifetime, expires_at.timestamp() - requested_at.wall)
        return FetchedToken.of(parsed.access_token, requested_at, lifetime, scope=long_token.scope)

    def _exchange(self, long_token: Token) -> TokenResponse:
        with importing:
            import requests  # noqa: PLC0415 - loaded by the first fetch

        request = requests.Request(
            "POST",
            self._endpoint,
            json={"expires_in": self._lifetime},
            headers={"Authorization": f"Bearer {long_token.access_token}"},
        )
        return open_transport(self._transport).send(request, (long_token.access_token,))

    def __repr__(self) -> str:
        if self._source is None:
            return f"{type(self).__name__}(<not initialised>)"
        return (
            f"{type(self).__name__}({self._source!r}, lifetime={self._lifetime}, "
            f"endpoint={self._endpoint!r})"
        )
