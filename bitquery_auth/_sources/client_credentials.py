"""The client-credentials grant as a token source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bitquery_auth import _bitquery
from bitquery_auth._checks import (
    DEFAULT_TIMEOUT,
    check_optional_seconds,
    check_transport,
    is_unencrypted,
)
from bitquery_auth._environment import PREFIX, read_allowed_hosts, read_settings
from bitquery_auth._errors import (
    BitqueryAuthError,
    CallableFailedError,
    ConfigurationError,
    copy_error,
)
from bitquery_auth._log import logger
from bitquery_auth._secret import Secret
from bitquery_auth._sources.cache import CachingTokenSource, now
from bitquery_auth._sources.expiry import DEFAULT_LEEWAY, FetchedToken
from bitquery_auth._sources.token_request import AuthMethod, MethodName, TokenEndpointClient
from bitquery_auth._stores.sharing import check_token_store
from bitquery_auth._threads import call_in_worker_thread
from bitquery_auth._token import Token

if TYPE_CHECKING:
    from ssl import SSLContext

    from bitquery_auth._stores.protocol import TokenStore


class _ByEndpoint:
    """The type of a default that depends on the token endpoint."""

    def __repr__(self) -> str:
        return "<Bitquery's, at Bitquery's token_endpoint>"


_BY_ENDPOINT = _ByEndpoint()


class ClientCredentials(CachingTokenSource):
    """Tokens from the client-credentials grant (RFC 6749 §4.4), cached and renewed.

    One object serves any number of auths, threads, event loops and forked processes::

        source = ClientCredentials("my-client-id", "my-client-secret")
        session.auth = RequestsAuth(source)

    Construction checks every setting and does no I/O. All times are in seconds.

    Args:
        client_id: The id of the application.
        client_secret: Its secret, or a callable that returns it and is called before each token
            request. For ``private_key_jwt`` the private key as PEM or JWK text; for
            ``tls_client_auth`` it is not used: pass ``""``.
        token_endpoint: https, or http on loopback.
        revocation_endpoint: For `revoke` (RFC 7009). By default Bitquery's with Bitquery's token
            endpoint, otherwise None.
        token_endpoint_auth_method: ``"client_secret_post"`` (form body), ``"client_secret_basic"``
            (RFC 6749 §2.3.1), ``"client_secret_jwt"``, ``"private_key_jwt"`` (RFC 7523 §2.2),
            ``"tls_client_auth"`` (RFC 8705, with `cert`), or a callable ``(auth, method, uri,
            headers, body) -> (uri, headers, body)`` whose ``auth`` has ``client_id`` and
            ``client_secret``.
        scope: Sent with every token request. By default ``"api"`` at Bitquery's endpoint, otherwise
            None, which sends none.
        token_headers: Further headers of every token request, such as a gateway's ``x-api-key``.
        token_params: Further form fields of every token request; a sequence repeats its field.
        leeway: A token with less time left is replaced before it is used; never more than a fifth
            of its lifetime, or of what was left of it when it was read from the store.
        renew_ahead: How long before `leeway` it is refreshed in the background. None means a tenth
            of its lifetime, at most 300 s; 0 means never.
        default_lifetime: Assumed where the response has no ``expires_in``. None means until the API
            rejects the token.
        timeout: For one token request in all, except name resolution.
        verify: As in requests, or an `ssl.SSLContext`; of token requests only.
        cert: As in requests; of token requests only.
        proxies: As in requests, or with the keys of httpx; of token requests only. What is given
            wins over the environment, and None switches a proxy off.
        trust_env: Whether token requests use the proxies and certificates that the environment
            names. A netrc is never read.
        insecure_http: Allows a token endpoint over http beyond loopback, with a warning.
        store: Where processes or machines share the token. None means that each process has its
            own.

    Raises:
        ConfigurationError: A setting is missing or wrong. The message names it.
    """

    _client: Any = None  # for the repr of an instance whose construction failed

    def __init__(
        self,
        client_id: str,
        client_secret: str | Callable[[], str],
        *,
        token_endpoint: str = _bitquery.TOKEN_ENDPOINT,
        revocation_endpoint: str | _ByEndpoint | None = _BY_ENDPOINT,
        token_endpoint_auth_method: MethodName | AuthMethod = "client_secret_post",  # noqa: S107 - a method, not a secret
        scope: str | _ByEndpoint | None = _BY_ENDPOINT,
        token_headers: Mapping[str, str] | None = None,
        token_params: Mapping[str, str | Sequence[str]] | None = None,
        leeway: float = DEFAULT_LEEWAY,
        renew_ahead: float | None = None,
        default_lifetime: float | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        verify: bool | str | SSLContext = True,
        cert: str | tuple[str, str] | None = None,
        proxies: Mapping[str, str | None] | None = None,
        trust_env: bool = True,
        insecure_http: bool = False,
        store: TokenStore | None = None,
    ) -> None:
        if isinstance(client_secret, str):
            client_secret = Secret(client_secret)  # from here on, no frame shows it
        transport = check_transport(
            timeout=timeout, verify=verify, cert=cert, proxies=proxies, trust_env=trust_env
        )
        self._timeout = transport["timeout"]
        # A caller may wait for others who use the store, and then for a request.
        max_wait = self._timeout * (1 if store is None else 2) + 1
        super().__init__(leeway=leeway, renew_ahead=renew_ahead, max_wait=max_wait)
        at_bitquery = _bitquery.is_bitquery_url(token_endpoint)
        if not at_bitquery:
            self.default_allowed_hosts = ()
        if isinstance(revocation_endpoint, _ByEndpoint):
            revocation_endpoint = _bitquery.REVOCATION_ENDPOINT if at_bitquery else None
        if isinstance(scope, _ByEndpoint):
            scope = _bitquery.SCOPE if at_bitquery else None
        self._client = TokenEndpointClient(
            client_id,
            client_secret,
            token_endpoint=token_endpoint,
            revocation_endpoint=revocation_endpoint,
            auth_method=token_endpoint_auth_method,
            scope=scope,
            token_headers=token_headers,
            token_params=token_params,
            transport=transport,
            insecure_http=insecure_http,
        )
        self._default_lifetime = check_optional_seconds(
            "default_lifetime", default_lifetime, positive=True
        )
        self._store = check_token_store("store", store)
        self._warned_of_scope = False
        if is_unencrypted(token_endpoint) or is_unencrypted(revocation_endpoint):
            logger.warning("the client secret is sent unencrypted (insecure_http): %s", self)

    @classmethod
    def from_env(cls, prefix: str = PREFIX, **settings: Any) -> ClientCredentials:
        """Take settings from the environment.

        Args:
            prefix: Of the variables ``CLIENT_ID`` and ``CLIENT_SECRET`` (or
                ``CLIENT_SECRET_FILE``), and optionally ``TOKEN_ENDPOINT``,
                ``REVOCATION_ENDPOINT``, ``TOKEN_ENDPOINT_AUTH_METHOD`` and ``SCOPE``. A blank one
                counts as not set. The host of ``ENDPOINT``, the URL of the API, is the default of
                ``allowed_hosts``.
            settings: Settings that win over the environment.

        Raises:
            ConfigurationError: The message names every variable that is missing, and no value.
        """
        source = cls(**read_settings(prefix, settings))
        source.default_allowed_hosts = read_allowed_hosts(prefix) or source.default_allowed_hosts
        return source

    @property
    def token_endpoint(self) -> str:
        """The URL that tokens are requested from."""
        return str(self._client.token_endpoint)

    def revoke(self) -> bool:
        """Revoke the cached token, or else the one in the store, and forget it (RFC 7009).

        Returns:
            Whether there was one.

        Raises:
            ConfigurationError: There is no `revocation_endpoint`.
            TokenRequestError: There was no response; the token is kept.
            TokenEndpointError: The response was an error; the token is kept.
        """
        if self._client.revocation_endpoint is None:
            raise ConfigurationError(
                "revocation_endpoint is not set: set it to the URL of the server's revocation "
                "endpoint (RFC 7009 §2)."
            )
        try:
            secret = self._client.read_secret()
        except CallableFailedError as error:
            raised = error.__cause__ or error
            raise raised from raised.__cause__  # the callable's own exception, with its own cause
        key = self._client.cache_key(secret)
        cached = self._current()
        token = None if cached is None else cached.token
        if token is None and self._store is not None:
            token = self._store.get(key)
        if token is None:
            return False
        if (failure := self._revocation_failure(secret, token)) is not None:
            raise failure
        self.discard(token)
        if self._store is not None:
            self._store.discard(key, token.access_token, lock_timeout=self._timeout)
        return True

    async def arevoke(self) -> bool:
        """Do what `revoke` does, without blocking the event loop."""
        return await call_in_worker_thread(self.revoke)

    def _revocation_failure(self, secret: str, token: Token) -> BaseException | None:
        try:
            self._client.revoke_token(secret, token.access_token)
        except BitqueryAuthError as error:
            return copy_error(error)  # without the frames that hold the secret
        except BaseException as error:  # noqa: BLE001 - raised again by the caller
            return error.with_traceback(None)
        return None

    def _fetch(self, *, rejected: frozenset[str], force: bool) -> FetchedToken:
        secret = self._client.read_secret()
        if self._store is None:
            return self._request(secret)
        cached = self._cached
        return self._store.get_or_fetch(
            self._client.cache_key(secret),
            lambda: self._request(secret),
            discarded=rejected,
            replaced=None if cached is None else cached.token.access_token,
            force=force,
            default_lifetime=self._default_lifetime,
            lock_timeout=self._timeout,
            now=now,
        )

    def _request(self, secret: str) -> FetchedToken:
        requested_at = now()
        parsed = self._client.request_token(secret)
        requested = self._client.scope
        # No scope in the response means the one that was requested (RFC 6749 §5.1).
        scope = requested if parsed.scope is None else parsed.scope
        missing = _scopes(requested) - _scopes(scope)
        if missing and not self._warned_of_scope:
            self._warned_of_scope = True
            logger.warning(
                "the token was granted without the scope %r, so the API will probably reject it "
                "(401 or 403): grant the application that scope, or request a different one: %s",
                " ".join(sorted(missing)),
                self,
            )
        lifetime = self._default_lifetime if parsed.expires_in is None else parsed.expires_in
        return FetchedToken.of(
            parsed.access_token, requested_at, lifetime, token_type=parsed.token_type, scope=scope
        )

    def __repr__(self) -> str:
        if self._client is None:
            return f"{type(self).__name__}(<not initialised>)"
        client_id, endpoint = self._client.client_id, self._client.token_endpoint
        return f"{type(self).__name__}(client_id={client_id!r}, token_endpoint={endpoint!r})"


def _scopes(scope: str | None) -> set[str]:
    """Return the scopes of a scope string in lower case. Some servers put commas between them."""
    return set((scope or "").replace(",", " ").lower().split())
