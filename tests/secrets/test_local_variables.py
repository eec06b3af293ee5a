"""Crash reporters send the local variables of every frame: those of our frames hide secrets."""

from collections.abc import Callable
from typing import Any

import pytest

import bitquery_auth
from bitquery_auth import (
    BitqueryAuthError,
    ClientCredentials,
    RedisTokenStore,
    ShortTermToken,
    StaticToken,
    from_env,
)
from bitquery_auth.sandbox import Sandbox
from tests.kit.origin import Gate, Origin, answering
from tests.secrets.leaks import assert_hidden, own_locals, texts_of

SECRET = "S3CRET~s3ntinel/+ %"
TOKEN = "ory_at_T0KEN.s3ntinel"

unchecked: Any = bitquery_auth


def assert_hides(call: Callable[[], object], *secrets: str) -> None:
    """Fail if the error of a call shows one of these."""
    with pytest.raises((BitqueryAuthError, KeyboardInterrupt)) as caught:
        call()
    assert_hidden(own_locals(caught.value) + texts_of(caught.value), *secrets)


# -- requests to the token endpoint ----------------------------------------------------------------


@pytest.fixture
def settings(sandbox: Sandbox, origin: Origin) -> dict[str, Any]:
    """Settings of a source whose endpoints are at `origin`, which the sandbox answers for."""
    origin.handler = Gate(sandbox)
    return {
        "token_endpoint": origin.at("/oauth2/token"),
        "revocation_endpoint": origin.at("/oauth2/revoke"),
    }


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
@pytest.mark.parametrize("response", [None, answering(401, '{"error": "invalid_client"}')])
def test_a_failed_fetch_hides_the_secret(
    response: Any, method: Any, settings: dict[str, Any], origin: Origin
) -> None:
    origin.handler = response or (lambda _: None)
    for secret in (SECRET, lambda: SECRET):
        source = ClientCredentials("id", secret, token_endpoint_auth_method=method, **settings)
        assert_hides(source.token, SECRET)


def test_a_failed_revocation_hides_the_secret_and_the_token(
    sandbox: Sandbox, settings: dict[str, Any], origin: Origin
) -> None:
    source = sandbox.credentials(**settings)
    token = source.token().access_token
    for handler in (lambda _: None, answering(500)):
        origin.handler = handler
        assert_hides(source.revoke, sandbox.client_secret, token)


def test_a_failed_exchange_for_a_short_term_token_hides_the_long_lived_one(origin: Origin) -> None:
    origin.handler = lambda _: None
    assert_hides(ShortTermToken(StaticToken(TOKEN), endpoint=origin.at()).token, TOKEN)


@pytest.mark.parametrize("raised", [LookupError, KeyboardInterrupt])
@pytest.mark.parametrize("setting", ["client_secret", "token_endpoint_auth_method"])
def test_what_a_callable_raises_reaches_the_caller_alone_and_hides_the_secret(
    setting: str, raised: type[BaseException], settings: dict[str, Any]
) -> None:
    def fail(*_: Any) -> Any:
        raise raised

    given: dict[str, Any] = {"client_secret": SECRET} | settings | {setting: fail}
    source = ClientCredentials("id", **given)
    with pytest.raises(raised) as caught:
        source.token()
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert_hidden(own_locals(caught.value), SECRET)


# -- construction ----------------------------------------------------------------------------------

WRONG: dict[str, Callable[[], object]] = {
    "a bad secret": lambda: ClientCredentials("id", f"{SECRET}\n"),
    "another bad setting": lambda: ClientCredentials("id", SECRET, timeout=0),
    "a static token with a line end": lambda: StaticToken(f"{TOKEN}\nX-Evil: 1"),
    "a token for a URL of another kind": lambda: unchecked.websocket_url("https://h/", TOKEN),
    "a password in a URL that is not Redis's": lambda: RedisTokenStore(f"redis://:{SECRET}@h:port"),
}


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
def test_a_failed_construction_hides_its_arguments(call: Callable[[], object]) -> None:
    assert_hides(call, SECRET, TOKEN)


@pytest.mark.parametrize(
    "variables",
    [
        {"CLIENT_ID": "id", "CLIENT_SECRET": SECRET, "TOKEN_ENDPOINT": "https://[oops"},
        {"CLIENT_ID": "id", "CLIENT_SECRET": f"{SECRET}\nx"},
        {"API_KEY": SECRET},
        {"TOKEN": f"{TOKEN}\x01{TOKEN}"},
    ],
    ids=list,
)
def test_a_wrong_environment_hides_its_values(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"BITQUERY_{name}", value)
    assert_hides(from_env, SECRET, TOKEN)
