"""One token request of the client-credentials grant (RFC 6749 §4.4), made through Authlib.

This is the only module that imports Authlib. Authlib builds the request and authenticates it; our
transport sends it. Authlib keeps nothing: it would store responses without a token, trust the
server's ``expires_at`` and drop parameters when it renews.
"""

from __future__ import annotations

import json
import sys
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, cast
from urllib.parse import quote, urlencode

from bitquery_auth._checks import (
    check_endpoint,
    check_headers,
    check_plain_text,
    check_scope,
    check_text,
    check_token_params,
    must_be,
)
from bitquery_auth._errors import CallableFailedError, ConfigurationError, raised_by_signal_handler
from bitquery_auth._import_lock import importing
from bitquery_auth._secret import Secret
from bitquery_auth._sources.cache import fingerprint, now

if TYPE_CHECKING:
    from bitquery_auth._sources.token_response import ParsedToken, TokenResponse
    from bitquery_auth._sources.transport import Transport

T = TypeVar("T")

AuthMethod = Callable[[Any, str, str, Any, Any], tuple[str, Any, Any]]
"""``(auth, method, uri, headers, body) -> (uri, headers, body)``.

``auth`` has ``client_id`` and ``client_secret``, ``headers`` is a dict.
"""


# -- client authentication methods (RFC 6749 §2.3) -------------------------------------------------


class NamedMethod(NamedTuple):
    """A client authentication method that has a name in RFC 7591 §2.

    Args:
        authenticate: Puts the credentials on a request.
        check_secret: Checks the secret, which may be a key of several lines; None without one.
        sends_client_id: Whether it puts the client id into the form.
    """

    authenticate: AuthMethod
    check_secret: Callable[[str, object], str] | None = check_plain_text
    sends_client_id: bool = False


def _client_secret_post(
    auth: Any, method: str, uri: str, headers: Any, body: Any
) -> tuple[str, Any, Any]:
    with importing:
        from authlib.oauth2.auth import encode_client_secret_post  # noqa: PLC0415 - loaded by the first fetch

    return encode_client_secret_post(auth, method, uri, headers, body)  # type: ignore[no-any-return]  # Authlib has no types


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
    pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
    return b2a_base64(pair.encode(), newline=False).decode()


def _client_secret_jwt(
    auth: Any, method: str, uri: str, headers: Any, body: Any
) -> tuple[str, Any, Any]:
    """Sign an assertion with the secret (RFC 7523 §2.2)."""
    with importing:
        from authlib.oauth2.rfc7523 import ClientSecretJWT  # noqa: PLC0415 - loaded by the first fetch

    return ClientSecretJWT()(auth, method, uri, headers, body)  # type: ignore[no-any-return]  # Authlib has no types


def _private_key_jwt(
    auth: Any, method: str, uri: str, headers: Any, body: Any
) -> tuple[str, Any, Any]:
    """Sign an assertion with the private key (RFC 7523 §2.2)."""
    with importing:
        from authlib.oauth2.rfc7523 import PrivateKeyJWT  # noqa: PLC0415 - loaded by the first fetch

    try:
        key, algorithm = _signing_key(auth.client_secret)
        client = SimpleNamespace(client_id=auth.client_id, client_secret=key)
        return PrivateKeyJWT(alg=algorithm)(client, method, uri, headers, body)  # type: ignore[no-any-return]  # Authlib has no types
    except (ValueError, TypeError, KeyError, AttributeError):  # of those who read the key
        raise ConfigurationError(
            "client_secret must be the private key for private_key_jwt, RSA or EC: the text of a "
            "PEM file without a password, or of a JWK."
        ) from None


def _joserfc_key(key: Any, kind: Any) -> Any:
    with importing:
        from joserfc.errors import JoseError  # noqa: PLC0415 - loaded by the first fetch
        from joserfc.jwk import import_key  # noqa: PLC0415 - loaded by the first fetch

    try:
        return import_key(key, kind)
    except JoseError as error:
        raise ValueError("not a key") from error


_EC_ALGORITHMS = {256: "ES256", 384: "ES384", 521: "ES512"}


def _signing_key(text: str) -> tuple[Any, str]:
    """Return a private key as Authlib takes it, and the algorithm to sign with (RFC 7518 §3.1).

    Raises:
        ValueError, TypeError, KeyError, AttributeError: It is not a private key.
    """
    if text.lstrip().startswith("{"):
        key = json.loads(text)
        kind, _ = key["kty"], key["d"]  # a public key has no d
        size = int(key["crv"].removeprefix("P-")) if kind == "EC" else 0
    else:
        with importing:
            from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - loaded by the first fetch
                load_pem_private_key,
            )

        key = text
        parsed: Any = load_pem_private_key(text.encode(), None)
        kind = "EC" if hasattr(parsed, "curve") else "RSA"
        size = parsed.key_size
    algorithm = _EC_ALGORITHMS[size] if kind == "EC" else {"RSA": "RS256"}[kind]
    # Authlib 1.7 and later expects an object in place of text.
    if find_spec("authlib._joserfc_helpers") is not None:
        key = _joserfc_key(key, kind)
    return key, algorithm


def _tls_client_auth(
    auth: Any, method: str, uri: str, headers: Any, body: Any
) -> tuple[str, Any, Any]:
    """Send the client id only: the certificate of the connection proves it (RFC 8705 §2.1)."""
    with importing:
        from authlib.oauth2.auth import encode_none  # noqa: PLC0415 - loaded by the first fetch

    return encode_none(auth, method, uri, headers, body)  # type: ignore[no-any-return]  # Authlib has no types


MethodName = Literal[
    "client_secret_post",
    "client_secret_basic",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
]

METHODS: dict[MethodName, NamedMethod] = {
    "client_secret_post": NamedMethod(_client_secret_post, sends_client_id=True),
    "client_secret_basic": NamedMethod(_client_secret_basic),
    "client_secret_jwt": NamedMethod(_client_secret_jwt),
    "private_key_jwt": NamedMethod(_private_key_jwt, check_text),
    "tls_client_auth": NamedMethod(_tls_client_auth, None, sends_client_id=True),
}


def check_auth_method(field: str, value: object) -> NamedMethod:
    """Require the name of a method, or a callable."""
    if isinstance(value, str) and value in METHODS:
        return METHODS[value]
    if callable(value):
        return NamedMethod(cast("AuthMethod", value))
    raise must_be(field, f"one of {', '.join(METHODS)}, or a callable")


# -- the request -----------------------------------------------------------------------------------


class TokenEndpointClient:
    """Makes the requests of one client to its authorization server.

    The arguments are those of `ClientCredentials`, except:

    Args:
        transport: The arguments of a `Transport`, which the first request loads.

    Raises:
        ConfigurationError: A setting is missing or wrong.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str | Callable[[], str],
        *,
        token_endpoint: str,
        revocation_endpoint: str | None,
        auth_method: str | AuthMethod,
        scope: str | None,
        token_headers: Mapping[str, str] | None,
        token_params: Mapping[str, str | Sequence[str]] | None,
        transport: Mapping[str, Any],
        insecure_http: bool,
    ) -> None:
        self.client_id = check_plain_text("client_id", client_id)
        self._auth_method = auth_method
        self._method = check_auth_method("token_endpoint_auth_method", auth_method)
        if not callable(client_secret):
            client_secret = self._check_secret("client_secret", client_secret)
        self._client_secret = client_secret
        self.token_endpoint = check_endpoint(
            "token_endpoint", token_endpoint, insecure_http=insecure_http
        )
        if revocation_endpoint is not None:
            check_endpoint("revocation_endpoint", revocation_endpoint, insecure_http=insecure_http)
        self.revocation_endpoint = revocation_endpoint
        self.scope = check_scope("scope", scope)
        self._token_headers = check_headers("token_headers", token_headers)
        self._token_params = self._without_client_id(
            check_token_params("token_params", token_params)
        )
        self._transport = transport

    def _check_secret(self, field: str, value: object) -> str:
        if self._method.check_secret is None:
            return Secret(value or "")
        return Secret(self._method.check_secret(field, value))

    def _without_client_id(self, params: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
        """Leave ``client_id`` to the methods that send it in the form themselves."""
        if not self._method.sends_client_id:
            return params
        if any(name == "client_id" and value != self.client_id for name, value in params):
            raise ConfigurationError(
                "token_params must not hold another 'client_id' than client_id itself."
            )
        return tuple(field for field in params if field[0] != "client_id")

    def read_secret(self) -> str:
        """Read the secret: once per fetch, so that request and cache key use the same one.

        Raises:
            CallableFailedError: The callable raised.
            ConfigurationError: It returned something that is not a secret.
        """
        if not callable(self._client_secret):
            return self._client_secret
        returned = _call("client_secret", self._client_secret)
        if isinstance(returned, str):
            returned = Secret(returned)  # from here on, no frame shows it
        return self._check_secret("What client_secret returned", returned)

    def request_token(self, secret: str) -> ParsedToken:
        """Request a token.

        Raises:
            CallableFailedError: The callable given as authentication method raised.
            TokenRequestError: There was no response.
            TokenEndpointError: The response was an error.
            InvalidTokenResponseError: The response held no usable token.
        """
        with importing:
            from bitquery_auth._sources.token_response import parse_token_response  # noqa: PLC0415 - loaded by the first fetch

        client = self._authlib_client(secret, self._token_params)
        response = client.fetch_token(self.token_endpoint, grant_type="client_credentials")
        return parse_token_response(response, now().wall)

    def revoke_token(self, secret: str, access_token: str) -> None:
        """Request the revocation of a token (RFC 7009 §2.1), with the same authentication.

        Raises:
            CallableFailedError: The callable given as authentication method raised.
            TokenRequestError: There was no response.
            TokenEndpointError: The response was an error.
        """
        with importing:
            from bitquery_auth._sources.token_response import error_from_response  # noqa: PLC0415 - loaded by the first fetch

        client = self._authlib_client(secret, (), further_secrets=(access_token,))
        response = client.revoke_token(self.revocation_endpoint, token=access_token)
        if not response.is_success:
            raise error_from_response(response, now().wall, "Check revocation_endpoint.")

    def cache_key(self, secret: str) -> str:
        """Return the key of these tokens in a store, made of every setting that shapes them."""
        shaping = [self.token_endpoint, self.client_id, self._auth_method, self.scope]
        headers = sorted(self._token_headers.items())  # a gateway may choose a tenant by one
        return fingerprint(secret, [*shaping, self._token_params, headers])

    def _authlib_client(
        self,
        secret: str,
        params: Sequence[tuple[str, str]],
        *,
        further_secrets: Iterable[str] = (),
    ) -> Any:
        """Return Authlib's client over a session that sends through our transport."""
        with importing:
            import requests  # noqa: PLC0415 - loaded by the first fetch
            from authlib.oauth2.client import OAuth2Client  # noqa: PLC0415 - loaded by the first fetch

        transport = open_transport(self._transport)
        secrets = (
            secret,
            Secret(_basic_credentials(self.client_id, secret)),
            *map(Secret, self._token_headers.values()),
            *map(Secret, further_secrets),
        )

        def post(url: str, *, data: Any, auth: Any, headers: Any, **_: Any) -> TokenResponse:
            request = requests.Request("POST", url, data=data, headers=headers, auth=auth)
            return transport.send(request, secrets)

        def authenticate(request: Any) -> Any:  # a requests.PreparedRequest
            # Added here, since Authlib passes the form through a dict, which loses repeated fields.
            body = f"{request.body}&{urlencode(params)}" if params else request.body
            headers = dict(request.headers) | self._token_headers
            request.url, headers, request.body = self._authenticate(
                secret, request.method, request.url, headers, body
            )
            request.headers.clear()
            request.headers.update(headers)
            return request

        client: Any = OAuth2Client(
            SimpleNamespace(post=post), self.client_id, secret, scope=self.scope
        )
        client.client_auth = lambda _: authenticate
        client.parse_response_token = lambda response: response
        return client

    def _authenticate(
        self, secret: str, method: str, uri: str, headers: dict[str, str], body: Any
    ) -> tuple[str, Any, Any]:
        with importing:
            from authlib.oauth2.auth import ClientAuth  # noqa: PLC0415 - loaded by the first fetch

        client = ClientAuth(self.client_id, secret, self._method.authenticate)
        prepare = partial(client.prepare, method, uri, headers, body)
        if isinstance(self._auth_method, str):
            return prepare()  # type: ignore[no-any-return]  # Authlib has no types
        prepared = _call("token_endpoint_auth_method", prepare)
        try:
            new_uri, new_headers, new_body = prepared
        except (TypeError, ValueError):
            raise ConfigurationError(
                "The callable given as token_endpoint_auth_method must return (uri, headers, body)."
            ) from None
        return new_uri, new_headers, new_body


def open_transport(settings: Mapping[str, Any]) -> Transport:
    """Return the transport for the settings that `check_transport` returned."""
    with importing:
        from bitquery_auth._sources.transport import Transport  # noqa: PLC0415 - loaded by the first fetch

    return Transport(**settings)


def _call(field: str, function: Callable[..., T], *args: Any) -> T:
    handled = sys.exception()
    try:
        return function(*args)
    except Exception as error:
        if raised_by_signal_handler(error, handled) is not None:
            raise
        message = f"The callable given as {field} raised {type(error).__name__}."
        if isinstance(error, ConfigurationError):  # of a file that a variable names
            message = str(error)
        raise CallableFailedError(message) from error
