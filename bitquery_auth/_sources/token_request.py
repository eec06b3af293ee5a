"""One token request of the client-credentials grant (RFC 6749 §4.4), made through Authlib.

This is the only module that imports Authlib. Authlib builds the request and authenticates it; our
transport sends it. Authlib keeps nothing: it would store responses without a token, trust the
server's ``expires_at`` and drop parameters when it renews.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from bitquery_auth._checks import check_plain_text, check_text, must_be
from bitquery_auth._errors import CallableFailedError, ConfigurationError, raised_by_signal_handler
from bitquery_auth._imports import import_for_fetch
from bitquery_auth._secret import Secret
from bitquery_auth._sources.cache import fingerprint

if TYPE_CHECKING:
    import requests

    from bitquery_auth._sources.token_response import TokenResponse
    from bitquery_auth._sources.transport import Transport

T = TypeVar("T")

AuthMethod = Callable[[Any, str, str, Any, Any], tuple[str, Any, Any]]
"""``(auth, method, uri, headers, body) -> (uri, headers, body)``.

``auth`` has ``client_id`` and ``client_secret``, ``headers`` is a dict.
"""


# -- client authentication methods (RFC 6749 §2.3) ---------------------------------------------------


class NamedMethod(NamedTuple):
    """A client authentication method that has a name in RFC 7591 §2.

    Args:
        authenticate: Puts the credentials on a request.
        check_secret: Checks the secret, which may be a key of several lines; None: there is none.
    """

    authenticate: AuthMethod
    check_secret: Callable[[str, object], str] | None = check_plain_text


def _client_secret_post(
    auth: Any, method: str, uri: str, headers: Any, body: Any
) -> tuple[str, Any, Any]:
    authlib = import_for_fetch("authlib.oauth2.auth")
    return authlib.encode_client_secret_post(auth, method, uri, headers, body)  # type: ignore[no-any-return]  # Authlib has no types


def _client_secret_basic(
    auth: Any, _: str, uri: str, headers: Any, body: Any
) -> tuple[str, Any, Any]:
    """Send the credentials as RFC 6749 §2.3.1 says: percent-encoded UTF-8, then base64.

    Authlib sends them raw and as latin-1, which servers misread as soon as there is a ``%``, ``+``
    or ``é``. A space is ``%20``: one of five servers takes ``+`` literally.
    """
    headers["Authorization"] = f"Basic {_basic_credentials(auth.client_id, auth.client_secret)}"
    return uri, headers, body


def _basic_credentials(client_id: str, secret: str) -> str:
    return base64.b64encode(
        f"{quote(client_id, safe='')}:{quote(secret, safe='')}".encode()
    ).decode()


def _client_secret_jwt(
    auth: Any, method: str, uri: str, headers: Any, body: Any
) -> tuple[str, Any, Any]:
    """Sign an assertion with the secret (RFC 7523 §2.2)."""
    signer = import_for_fetch("authlib.oauth2.rfc7523").ClientSecretJWT()
    return signer(auth, method, uri, headers, body)  # type: ignore[no-any-return]  # Authlib has no types


def _private_key_jwt(
    auth: Any, method: str, uri: str, headers: Any, body: Any
) -> tuple[str, Any, Any]:
    """Sign an assertion with the private key (RFC 7523 §2.2)."""
    signer = import_for_fetch("authlib.oauth2.rfc7523").PrivateKeyJWT()
    return signer(auth, method, uri, headers, body)  # type: ignore[no-any-return]  # Authlib has no types


def _tls_client_auth(
    auth: Any, method: str, uri: str, headers: Any, body: Any
) -> tuple[str, Any, Any]:
    """Send the client id only: the certificate of the connection proves it (RFC 8705 §2.1)."""
    authlib = import_for_fetch("authlib.oauth2.auth")
    return authlib.encode_none(auth, method, uri, headers, body)  # type: ignore[no-any-return]  # Authlib has no types


METHODS: dict[str, NamedMethod] = {
    "client_secret_post": NamedMethod(_client_secret_post),
    "client_secret_basic": NamedMethod(_client_secret_basic),
    "client_secret_jwt": NamedMethod(_client_secret_jwt),
    "private_key_jwt": NamedMethod(_private_key_jwt, check_text),
    "tls_client_auth": NamedMethod(_tls_client_auth, None),
}


def check_auth_method(field: str, value: object) -> NamedMethod:
    """Require the name of a method, or a callable."""
    if isinstance(value, str) and value in METHODS:
        return METHODS[value]
    if callable(value):
        return NamedMethod(value)
    raise must_be(field, f"one of {', '.join(METHODS)}, or a callable")


# -- the request -------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False, kw_only=True)
class TokenEndpointClient:
    """Makes the requests of one client to its authorization server.

    Args:
        client_id: The client's id.
        client_secret: Its secret, or a callable that returns it and is called before each request.
        auth_method: Name of a method, or a callable.
        scope: Sent with every token request; None sends none.
        token_headers: Further headers of every request.
        token_params: Further form fields of every token request.
        transport: The arguments of a `Transport`, which is loaded by the first request.
    """

    client_id: str
    client_secret: str | Callable[[], str]
    auth_method: str | AuthMethod
    scope: str | None
    token_headers: Mapping[str, str]
    token_params: Sequence[tuple[str, str]]
    transport: Mapping[str, Any]

    def read_secret(self) -> str:
        """Read the secret: once per fetch, so that request and cache key use the same one.

        Raises:
            CallableFailedError: The callable raised.
            ConfigurationError: It returned something that is not a secret.
        """
        if isinstance(self.client_secret, str):
            return self.client_secret
        check = check_auth_method("token_endpoint_auth_method", self.auth_method).check_secret
        secret = Secret(
            check_text("What client_secret returned", _call("client_secret", self.client_secret))
        )
        return secret if check is None else Secret(check("What client_secret returned", secret))

    def request_token(self, endpoint: str, secret: str) -> TokenResponse:
        """Request a token.

        Raises:
            CallableFailedError: The callable given as authentication method raised.
            TokenRequestError: There was no response.
        """
        client = self._authlib_client(secret, self.token_params)
        return client.fetch_token(endpoint, grant_type="client_credentials")  # type: ignore[no-any-return]  # Authlib has no types

    def revoke_token(self, endpoint: str, secret: str, access_token: str) -> TokenResponse:
        """Request the revocation of a token (RFC 7009 §2.1), with the same authentication.

        Raises:
            CallableFailedError: The callable given as authentication method raised.
            TokenRequestError: There was no response.
        """
        client = self._authlib_client(secret, (), further_secrets=(access_token,))
        return client.revoke_token(endpoint, token=access_token)  # type: ignore[no-any-return]  # Authlib has no types

    def cache_key(self, endpoint: str, secret: str) -> str:
        """Return the key of these tokens in a store: it depends on every setting that shapes them."""
        values = [endpoint, self.client_id, self.auth_method, self.scope, *self.token_params]
        return fingerprint(secret, values)

    def _authlib_client(
        self,
        secret: str,
        params: Sequence[tuple[str, str]],
        *,
        further_secrets: Iterable[str] = (),
    ) -> Any:
        """Return Authlib's client over a session that sends through our transport."""
        requests = import_for_fetch("requests")
        transport = open_transport(self.transport)
        secrets = (secret, _basic_credentials(self.client_id, secret), *further_secrets)

        def post(url: str, *, data: Any, auth: Any, headers: Any, **_: Any) -> TokenResponse:
            request = requests.Request("POST", url, data=data, headers=headers, auth=auth)
            return transport.send(request, secrets)

        def authenticate(request: requests.PreparedRequest) -> requests.PreparedRequest:
            # Added here, since Authlib passes the form through a dict, which loses repeated fields.
            body = f"{request.body}&{urlencode(params)}" if params else request.body
            headers = dict(request.headers) | dict(self.token_headers)
            request.url, headers, request.body = self._authenticate(
                secret, str(request.method), str(request.url), headers, body
            )
            request.headers.clear()
            request.headers.update(headers)
            return request

        client = import_for_fetch("authlib.oauth2.client").OAuth2Client(
            SimpleNamespace(post=post), self.client_id, secret, scope=self.scope
        )
        client.client_auth = lambda _: authenticate
        client.parse_response_token = lambda response: response
        return client

    def _authenticate(
        self, secret: str, method: str, uri: str, headers: dict[str, str], body: Any
    ) -> tuple[str, Any, Any]:
        named = check_auth_method("token_endpoint_auth_method", self.auth_method)
        client = import_for_fetch("authlib.oauth2.auth").ClientAuth(
            self.client_id, secret, named.authenticate
        )
        if isinstance(self.auth_method, str):
            prepared = client.prepare(method, uri, headers, body)
        else:
            field = "token_endpoint_auth_method"
            prepared = _call(field, client.prepare, method, uri, headers, body)
        try:
            new_uri, new_headers, new_body = prepared
        except (TypeError, ValueError):
            raise ConfigurationError(
                "The callable given as token_endpoint_auth_method must return (uri, headers, body)."
            ) from None
        return new_uri, new_headers, new_body


def open_transport(settings: Mapping[str, Any]) -> Transport:
    """Return the transport for the settings that `check_transport` returned."""
    transport: Transport = import_for_fetch("bitquery_auth._sources.transport").Transport(
        **settings
    )
    return transport


def _call(field: str, function: Callable[..., T], *args: Any) -> T:
    handled = sys.exception()
    try:
        return function(*args)
    except Exception as error:
        if raised_by_signal_handler(error, handled) is not None:
            raise
        raise CallableFailedError(
            f"The callable given as {field} raised {type(error).__name__}."
        ) from error
