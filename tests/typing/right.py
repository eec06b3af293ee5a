"""How the public names look to a type checker: read by mypy and pyright, and never run."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from ssl import create_default_context
from typing import Any, assert_type

import httpx
import httpx2
import requests

from bitquery_auth import (
    BitqueryAuthError,
    ClientCredentials,
    ConfigurationError,
    HTTPXAuth,
    InvalidTokenResponseError,
    RequestsAuth,
    ShortTermToken,
    StaticToken,
    Token,
    TokenEndpointError,
    TokenRequestError,
    TokenSource,
    TokenStore,
    __version__,
    from_env,
    websocket_url,
)

version: str = __version__


def sign(auth: Any, method: str, uri: str, headers: Any, body: Any) -> tuple[str, Any, Any]:
    return uri, headers, body


class OwnStore:
    def get(self, key: str) -> Token | None:
        return None

    def set(self, key: str, token: Token) -> None: ...

    def discard(self, key: str, access_token: str) -> None: ...

    def lock(self, key: str, timeout: float) -> AbstractContextManager[object]:
        return nullcontext()


store: TokenStore = OwnStore()

credentials = ClientCredentials(
    "id",
    lambda: "secret",
    token_endpoint="https://auth.example.com/token",
    revocation_endpoint=None,
    token_endpoint_auth_method="client_secret_basic",
    scope=None,
    token_headers={"x-api-key": "key"},
    token_params={"audience": "x", "resource": ["a", "b"]},
    leeway=0,
    renew_ahead=None,
    default_lifetime=3600,
    timeout=5.5,
    verify="/etc/ca.pem",
    cert=("/etc/client.pem", "/etc/client.key"),
    proxies={"https": "http://proxy.example:3128", "all://": None},
    trust_env=False,
    insecure_http=False,
    store=store,
)
ClientCredentials("id", "secret", token_endpoint_auth_method=sign)
ClientCredentials("id", "key", token_endpoint_auth_method="private_key_jwt")
ClientCredentials("id", "", token_endpoint_auth_method="tls_client_auth", cert="/etc/client.pem")
ClientCredentials("id", "secret", verify=create_default_context())

assert_type(credentials.discard("token"), None)
assert_type(credentials.discard(credentials.token()), None)
assert_type(credentials.revoke(), bool)
assert_type(credentials.token_endpoint, str)
assert_type(ClientCredentials.from_env(prefix="MY_", timeout=5), ClientCredentials)
assert_type(from_env(store=store), ClientCredentials | StaticToken)

static = StaticToken(lambda: "token")
short = ShortTermToken(
    static, lifetime=60, endpoint="https://streaming.bitquery.io/graphql", leeway=5
)


class OwnSource:
    def token(self) -> Token:
        return Token("token")

    def discard(self, token: Token | str) -> None: ...


sources: list[TokenSource] = [from_env(), OwnSource()]


async def awaited() -> None:
    assert_type(await credentials.arevoke(), bool)
    for source in (credentials, static, short):
        sources.append(source)
        assert_type(source.token(), Token)
        assert_type(source.renew(), Token)
        assert_type(await source.atoken(), Token)
        assert_type(await source.arenew(), Token)


token = Token("token", token_type="Bearer", scope="api", expires_at=datetime.now(UTC))
assert_type(token.access_token, str)
assert_type(token.token_type, str)
assert_type(token.scope, str | None)
assert_type(token.expires_at, datetime | None)
assert_type(token.expires_in, float | None)


def is_rejected(response: requests.Response) -> bool:
    return response.status_code == 419


by_requests = RequestsAuth(
    credentials,
    allowed_hosts=("api.example.com",),
    header_name="X-Token",
    scheme="",
    is_auth_failure=is_rejected,
    replay="safe",
    insecure_http=False,
)
by_httpx = HTTPXAuth(OwnSource(), allowed_hosts=["api.example.com"], replay="never")

session = requests.Session()
session.auth = by_requests
requests.get("https://api.example.com", auth=by_requests, timeout=5)
assert_type(by_requests(requests.PreparedRequest()), requests.PreparedRequest)

assert_type(httpx.Client(auth=by_httpx), httpx.Client)
assert_type(httpx.AsyncClient(auth=by_httpx), httpx.AsyncClient)
assert_type(httpx2.Client(auth=by_httpx), httpx2.Client)
assert_type(httpx2.AsyncClient(auth=by_httpx), httpx2.AsyncClient)
httpx.get("https://api.example.com", auth=by_httpx)
httpx2.get("https://api.example.com", auth=by_httpx)

assert_type(websocket_url("wss://streaming.bitquery.io/graphql", token), str)
assert_type(websocket_url("wss://streaming.bitquery.io/graphql", "token"), str)


def what_to_do(call: Callable[[], Token]) -> str:
    try:
        call()
    except TokenEndpointError as error:
        assert_type(error.error, str | None)
        assert_type(error.error_description, str | None)
        assert_type(error.error_uri, str | None)
        assert_type(error.status_code, int)
        return str(error)
    except (ConfigurationError, TokenRequestError, InvalidTokenResponseError) as error:
        assert_type(error.retryable, bool)
        return str(error)
    except BitqueryAuthError as error:
        assert_type(error.retryable, bool)
        assert_type(error.retry_after, float | None)
        return str(error)
    return ""


configuration: ValueError = ConfigurationError("words")
