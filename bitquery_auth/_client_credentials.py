"""The client-credentials grant as a token source: its settings, checked, and what is made of an answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from bitquery_auth import _bitquery
from bitquery_auth._answer import judge, refusal
from bitquery_auth._checks import (
    check_callable,
    check_endpoint,
    check_optional_seconds,
    check_plain_text,
    check_scope,
    check_secret,
    check_token_params,
    sends_in_the_clear,
    unexpected,
)
from bitquery_auth._environment import settings_from_env
from bitquery_auth._errors import BitqueryAuthError, ConfigurationError, conceals, copy_of
from bitquery_auth._exchange import METHODS, AuthMethod, Exchange
from bitquery_auth._flight import call_in_thread
from bitquery_auth._renewal import Grant, Wanted
from bitquery_auth._reuse import ReuseTokenSource, logger, now
from bitquery_auth._store import TokenStore, check_token_store, fetch_through
from bitquery_auth._transport import Transport

Method = Literal["client_secret_post", "client_secret_basic"]


class _ByEndpoint:
    """A default that depends on the token endpoint."""

    def __repr__(self) -> str:
        return "<by token_endpoint>"


_BY_ENDPOINT: Any = _ByEndpoint()


class ClientCredentials(ReuseTokenSource):
    """Tokens from the client-credentials grant (RFC 6749 §4.4), kept and renewed. Thread-safe, task-safe, fork-safe.

    Construction checks every setting and does no I/O. All times are in seconds.

    Args:
        client_id: The application's id.
        client_secret: Its secret, or a callable that is asked for it before each token request.
        token_endpoint: https, or http on loopback.
        revocation_endpoint: For `revoke` (RFC 7009); by default Bitquery's with Bitquery's token endpoint, else None.
        token_endpoint_auth_method: ``"client_secret_post"`` (form body), ``"client_secret_basic"`` (RFC 6749
            §2.3.1), or a callable ``(auth, method, uri, headers, body) -> (uri, headers, body)`` whose ``auth`` has
            ``client_id`` and ``client_secret``.
        scope: Sent with every token request; by default ``"api"`` at Bitquery's endpoint, else None: none is sent.
        token_params: Further form fields of every token request; a sequence repeats its field.
        leeway: This close to its end a token is replaced before use; never more than a fifth of its lifetime.
        renew_ahead: How long before that it is renewed in the background; None: a tenth of the lifetime, at most
            300 s; 0: never.
        default_lifetime: Assumed where the server names none; None: until the API refuses the token.
        timeout: For one token request in total, name resolution excepted.
        verify: As in requests, of token requests only.
        cert: As in requests, of token requests only.
        proxies: As in requests, of token requests only.
        trust_env: Whether token requests heed the environment's proxies and certificates. A netrc is never read.
        insecure_http: Lets a token endpoint be http beyond loopback, with a warning.
        store: Where processes or machines share the token; None: each process has its own.

    Raises:
        ConfigurationError: a setting is missing or wrong; the message names it.
    """

    @conceals
    def __init__(
        self,
        client_id: str,
        client_secret: str | Callable[[], str],
        *,
        token_endpoint: str = _bitquery.TOKEN_ENDPOINT,
        revocation_endpoint: str | None = _BY_ENDPOINT,
        token_endpoint_auth_method: Method | AuthMethod = "client_secret_post",  # noqa: S107 - a method, no secret
        scope: str | None = _BY_ENDPOINT,
        token_params: Mapping[str, str | Sequence[str]] | None = None,
        leeway: float = 60.0,
        renew_ahead: float | None = None,
        default_lifetime: float | None = None,
        timeout: float = 30.0,
        verify: bool | str = True,
        cert: str | tuple[str, str] | None = None,
        proxies: Mapping[str, str] | None = None,
        trust_env: bool = True,
        insecure_http: bool = False,
        store: TokenStore | None = None,
    ) -> None:
        given = {name: value for name, value in locals().items() if name not in {"self", "__class__"}}
        check_plain_text("client_id", client_id)
        check_secret("client_secret", client_secret)
        self._token_endpoint = check_endpoint("token_endpoint", token_endpoint, insecure_http=insecure_http)
        at_bitquery = _bitquery.is_bitquery_url(token_endpoint)
        if revocation_endpoint is _BY_ENDPOINT:
            revocation_endpoint = _bitquery.REVOCATION_ENDPOINT if at_bitquery else None
        elif revocation_endpoint is not None:
            check_endpoint("revocation_endpoint", revocation_endpoint, insecure_http=insecure_http)
        self._revocation_endpoint = revocation_endpoint
        if callable(token_endpoint_auth_method):
            check_callable("token_endpoint_auth_method", token_endpoint_auth_method)
        elif token_endpoint_auth_method not in tuple(METHODS):  # in the dict itself, what has no hash would raise
            raise unexpected("token_endpoint_auth_method", f"one of {', '.join(METHODS)}, or a callable")
        if scope is _BY_ENDPOINT:
            scope = _bitquery.SCOPE if at_bitquery else None
        self._scope = check_scope("scope", scope)
        params = check_token_params("token_params", token_params)
        if token_endpoint_auth_method == "client_secret_post":  # noqa: S105 - a method; it has the id in the form itself
            if any(name == "client_id" and value != client_id for name, value in params):
                raise ConfigurationError("token_params must not hold another 'client_id' than client_id itself.")
            params = tuple(field for field in params if field[0] != "client_id")
        settings = {name: value for name, value in given.items() if value is not _BY_ENDPOINT}
        super().__init__(settings, leeway=leeway, renew_ahead=renew_ahead)
        self._default_lifetime = check_optional_seconds("default_lifetime", default_lifetime, positive=True)
        self._store = check_token_store("store", store)
        transport = Transport(timeout=timeout, verify=verify, cert=cert, proxies=proxies, trust_env=trust_env)
        self._exchange = Exchange(client_id, client_secret, token_endpoint_auth_method, self._scope, params, transport)
        if sends_in_the_clear(self._token_endpoint) or sends_in_the_clear(self._revocation_endpoint):
            logger.warning("%s: the client secret crosses the network readable (insecure_http)", self)

    @classmethod
    def from_env(cls, prefix: str = "BITQUERY_") -> ClientCredentials:
        """Take the settings from the environment.

        Args:
            prefix: Of the variables ``CLIENT_ID`` and ``CLIENT_SECRET``, and optionally ``TOKEN_ENDPOINT``,
                ``REVOCATION_ENDPOINT``, ``TOKEN_ENDPOINT_AUTH_METHOD`` and ``SCOPE``. Blank counts as missing.

        Raises:
            ConfigurationError: it names every variable that is missing, and no value.
        """
        return cls(**settings_from_env(prefix))

    @property
    def token_endpoint(self) -> str:
        """Where the tokens come from."""
        return self._token_endpoint

    def revoke(self) -> bool:
        """Revoke the token that is kept, here or else in the store, and forget it (RFC 7009).

        Returns:
            Whether there was one.

        Raises:
            ConfigurationError: there is no `revocation_endpoint`.
            TokenRequestError: there was no answer; the token is kept.
            TokenEndpointError: the answer was no; the token is kept.
        """
        if self._revocation_endpoint is None:
            raise ConfigurationError(
                "revocation_endpoint is not set: give the server's, to revoke tokens there (RFC 7009)."
            )
        secret = self._exchange.read_secret()
        key = self._exchange.fingerprint(self._token_endpoint, secret)
        kept = self._ledger.kept
        token = None if kept is None else kept.token
        if token is None and self._store is not None:
            with self._store.in_use():
                token = self._store.get(key)
        if token is None:
            return False
        failure: BitqueryAuthError | None = None
        try:
            answer = self._exchange.revoke_token(self._revocation_endpoint, secret, token.access_token)
            if not answer.successful:
                failure = refusal(answer, time.time(), "Check revocation_endpoint.")
        except BitqueryAuthError as error:
            failure = copy_of(error)
        del secret
        if failure is not None:
            raise failure  # from here: the frames it came through hold what was sent
        self.discard(token)
        if self._store is not None:
            with self._store.in_use(), self._store.lock(key, self._exchange.transport.timeout):
                self._store.discard(key, token.access_token)
        return True

    async def arevoke(self) -> bool:
        """Do what `revoke` does, without blocking the event loop."""
        return await call_in_thread(self.revoke)

    def _fetch(self, wanted: Wanted) -> Grant:
        secret = self._exchange.read_secret()
        if self._store is None:
            return self._ask(secret)
        key = self._exchange.fingerprint(self._token_endpoint, secret)
        ask = partial(self._ask, secret)
        timeout = self._exchange.transport.timeout
        return fetch_through(
            self._store, key, wanted, ask, now, default_lifetime=self._default_lifetime, timeout=timeout
        )

    def _ask(self, secret: str) -> Grant:
        asked = now()
        granted = judge(self._exchange.request_token(self._token_endpoint, secret), asked.wall)
        scope = self._scope if granted.scope is None else granted.scope  # none in the answer: as asked (RFC 6749 §5.1)
        if lacking := set((self._scope or "").split()) - set((scope or "").split()):
            logger.warning(
                "%s: the token was granted without the scope %r: the API will probably refuse it (401 or 403). "
                "Let the application have that scope, or ask for another.",
                self,
                " ".join(sorted(lacking)),
            )
        lifetime = self._default_lifetime if granted.expires_in is None else granted.expires_in
        return Grant.of(granted.access_token, asked, lifetime, token_type=granted.token_type, scope=scope)

    def __repr__(self) -> str:
        client_id, endpoint = map(self._settings.get, ("client_id", "token_endpoint"))
        return f"{type(self).__name__}(client_id={client_id!r}, token_endpoint={endpoint!r})"
