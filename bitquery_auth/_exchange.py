"""One token request of the client-credentials grant (RFC 6749 §4.4), made through Authlib. Nothing else imports it.

Authlib's session builds and sends the request. It keeps nothing: how an answer is judged, and how
long a token is kept, is decided in `_answer` and `_renewal`, since Authlib stores answers without a
token, trusts the server's ``expires_at`` and forgets parameters when it renews.
"""

from __future__ import annotations

import base64
import hmac
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus, urlencode

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.auth import encode_client_secret_post

from bitquery_auth._answer import Answer
from bitquery_auth._checks import check_plain_text
from bitquery_auth._errors import BitqueryAuthError, ConfigurationError
from bitquery_auth._transport import Transport

T = TypeVar("T")

AuthMethod = Callable[[Any, str, str, Any, Any], tuple[str, Any, Any]]
"""``(auth, method, uri, headers, body) -> (uri, headers, body)``; ``auth`` has ``client_id`` and ``client_secret``."""


@dataclass(repr=False)
class Exchange:
    """Asks a token endpoint, as one client.

    Args:
        client_id: Sent as it is.
        client_secret: The secret, or a callable that is asked for it before each request.
        token_endpoint_auth_method: ``client_secret_post``, ``client_secret_basic`` or a callable.
        scope: Sent with every token request; None sends none.
        token_params: Further form fields of every token request.
        transport: How the requests travel.
    """

    client_id: str
    client_secret: str | Callable[[], str]
    token_endpoint_auth_method: str | AuthMethod
    scope: str | None
    token_params: Sequence[tuple[str, str]]
    transport: Transport

    def request_token(self, endpoint: str, secret: str) -> Answer:
        """Ask for a token.

        Raises:
            ConfigurationError: a callable failed.
            TokenRequestError: there was no answer.
        """

        def with_params(auth: Any, method: str, uri: str, headers: Any, body: Any) -> tuple[str, Any, Any]:
            # Added here since Authlib passes the form through a dict, in which a repeated field is lost.
            extended = f"{body}&{urlencode(self.token_params)}" if self.token_params else body
            return self._authenticate(auth, method, uri, headers, extended)

        session = self._session(secret, with_params)
        send = partial(session.fetch_token, endpoint, grant_type="client_credentials")
        return self.transport.ask(session, endpoint, send, secrets=_forms_of(self.client_id, secret))

    def revoke_token(self, endpoint: str, secret: str, access_token: str) -> Answer:
        """Ask for the revocation of a token (RFC 7009 §2.1), authenticated the same way.

        Raises:
            ConfigurationError: a callable failed.
            TokenRequestError: there was no answer.
        """
        session = self._session(secret, self._authenticate)
        send = partial(session.revoke_token, endpoint, access_token)
        return self.transport.ask(session, endpoint, send, secrets=(*_forms_of(self.client_id, secret), access_token))

    def fingerprint(self, endpoint: str, secret: str) -> str:
        """Name the tokens that these settings give: a key for a store, which tells nothing of them.

        It is keyed with the secret, so that whoever has a wrong one does not find the token of a right one.
        """
        method = self.token_endpoint_auth_method
        named = method if isinstance(method, str) else _name_of(method)
        shaping = [endpoint, self.client_id, named, self.scope, *self.token_params]
        return hmac.new(secret.encode(), json.dumps(shaping).encode(), "sha256").hexdigest()

    def _session(self, secret: str, authenticate: AuthMethod) -> Any:
        return _Session(
            self.client_id,
            secret,
            token_endpoint_auth_method=authenticate,
            revocation_endpoint_auth_method=authenticate,
            scope=self.scope,
        )

    def read_secret(self) -> str:
        """Give the secret as it is now: once for each fetch, so that a rotation does not fall in between.

        Raises:
            ConfigurationError: the callable failed, or gave none.
        """
        if isinstance(self.client_secret, str):
            return self.client_secret
        secret = _called("client_secret", self.client_secret)
        return check_plain_text("What the client_secret callable gave", secret)

    def _authenticate(self, auth: Any, method: str, uri: str, headers: Any, body: Any) -> tuple[str, Any, Any]:
        chosen = self.token_endpoint_auth_method
        authenticate = METHODS[chosen] if isinstance(chosen, str) else chosen
        prepared = _called("token_endpoint_auth_method", authenticate, auth, method, uri, headers, body)
        if not isinstance(prepared, tuple) or len(prepared) != 3:  # noqa: PLR2004 - as many as it was given
            raise ConfigurationError(
                "The callable given as token_endpoint_auth_method must return (uri, headers, body)."
            )
        return prepared


class _Session(OAuth2Session):  # type: ignore[misc]  # Authlib is not typed
    def parse_response_token(self, resp: requests.Response) -> requests.Response:
        """Hand the answer on as it came."""
        return resp


def _forms_of(client_id: str, secret: str) -> tuple[str, ...]:
    """How the secret may have been sent, and come back: as it is, in a form, in a Basic header."""
    return secret, quote(secret, safe=""), quote_plus(secret), _basic(client_id, secret)


def _basic(client_id: str, secret: str) -> str:
    return base64.b64encode(f"{quote(client_id, safe='')}:{quote(secret, safe='')}".encode()).decode()


def _name_of(function: Any) -> str:
    """Name a callable so that another process names it alike, where its module knows it by a name."""
    name = getattr(function, "__qualname__", "")
    known = getattr(sys.modules.get(getattr(function, "__module__", "")), name, None)
    return f"{function.__module__}:{name}" if known is function else repr(function)


def _called(field: str, function: Callable[..., T], *args: Any) -> T:
    try:
        return function(*args)
    except Exception as error:
        # Without this frame, whose arguments hold the secret.
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        why = f": {error}" if isinstance(error, BitqueryAuthError) else "."  # others' words may hold the secret
        raise ConfigurationError(f"The callable given as {field} raised {type(error).__name__}{why}") from error


def _client_secret_basic(auth: Any, _: str, uri: str, headers: Any, body: Any) -> tuple[str, Any, Any]:
    """Send the credentials as RFC 6749 §2.3.1 has it: both halves percent-encoded UTF-8, then base64.

    Authlib sends them raw and as latin-1, which servers misread as soon as there is a ``%``, ``+`` or ``é``.
    A space is ``%20``: one of five servers takes ``+`` literally.
    """
    headers["Authorization"] = f"Basic {_basic(auth.client_id, auth.client_secret)}"
    return uri, headers, body


METHODS: dict[str, AuthMethod] = {
    "client_secret_post": encode_client_secret_post,
    "client_secret_basic": _client_secret_basic,
}
