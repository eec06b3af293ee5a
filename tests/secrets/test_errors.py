"""No error shows a secret: not its text, nor a local variable of our frames (hazard S5)."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

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
from tests.kit.origin import Connection, Gate, Handler, Origin, Request, answering, on_the_wire
from tests.secrets.leaks import assert_hidden, own_locals, texts_of

SECRET = "S3CRET~s3ntinel/+ %"
TOKEN = "ory_at_T0KEN.s3ntinel"

unchecked: Any = bitquery_auth


def assert_hides(call: Callable[[], object], *secrets: str) -> None:
    """Fail if the error of a call shows one of these."""
    with pytest.raises(BitqueryAuthError) as caught:
        call()
    assert_hidden(own_locals(caught.value) + texts_of(caught.value), *secrets)


# -- requests to the token endpoint ----------------------------------------------------------------


def sent(request: Request) -> str:
    """What holds the secret, as it was sent."""
    return request.headers.get("authorization", "") + request.body.decode()


def quoting(status: int, members: Callable[[str], dict[str, Any]]) -> Handler:
    return lambda request: answering(status, json.dumps(members(sent(request))))(request)


def quoting_on_the_wire(template: str) -> Handler:
    """Respond with what is not HTTP: the errors of parsers quote what they could not parse."""

    @on_the_wire
    def quote_request(connection: Connection) -> None:
        connection.send(template.format(sent(connection.request)).encode())
        connection.close()

    return quote_request


RESPONSES: dict[str, Handler] = {
    "no response": lambda _: None,
    "error": quoting(400, lambda text: {"error": text}),
    "error_description": quoting(401, lambda text: {"error": "e", "error_description": text}),
    "error_uri": quoting(400, lambda text: {"error": "e", "error_uri": f"https://e/?{text}"}),
    "the secret alone": quoting(401, lambda _: {"error": "e", "error_description": f"{SECRET}!"}),
    "access_token": quoting(200, lambda text: {"access_token": f"{text}\n"}),
    "token_type": quoting(200, lambda text: {"access_token": "t", "token_type": "dpop", "x": text}),
    "page": lambda request: answering(500, f"<html>{sent(request)}")(request),
    "page that is 200": lambda request: answering(200, f"<html>{sent(request)}")(request),
    "location": lambda request: answering(302, Location=f"https://{sent(request)}.e/")(request),
    "retry-after": lambda request: answering(503, Retry_After=sent(request))(request),
    **{
        template: quoting_on_the_wire(f"{template}\r\n\r\n")
        for template in (
            "{}",
            "HTTP/{} 200 OK",
            "HTTP/1.1 {}",
            "HTTP/1.1 500 {}\r\nContent-Length: 0",
            "HTTP/1.1 200 OK\r\nContent-Length: {}",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\nContent-Encoding: {}\r\n\r\nx",
        )
    },
}


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
@pytest.mark.parametrize("handler", RESPONSES.values(), ids=RESPONSES)
def test_a_failed_fetch_hides_the_secret_also_if_the_endpoint_quotes_it(
    handler: Handler, method: Any, origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "bitquery_auth")
    origin.handler = handler
    basic = f"the-id:{quote(SECRET, safe='')}"
    for secret in (SECRET, lambda: SECRET):
        source = ClientCredentials(
            "the-id", secret, token_endpoint=origin.at(), token_endpoint_auth_method=method
        )
        assert_hides(source.token, SECRET, basic)
    assert_hidden(caplog.text, SECRET, basic)


@pytest.mark.parametrize("handler", [lambda _: None, answering(500)])
def test_a_failed_revocation_hides_the_secret_and_the_token(
    sandbox: Sandbox, origin: Origin, handler: Handler
) -> None:
    source = sandbox.credentials(revocation_endpoint=origin.at())
    token = source.token().access_token
    origin.handler = handler
    assert_hides(source.revoke, sandbox.client_secret, token)


def test_a_failed_exchange_for_a_short_term_token_hides_the_long_lived_one(origin: Origin) -> None:
    for handler in (lambda _: None, answering(400, f'{{"error": "{TOKEN}"}}')):
        origin.handler = handler
        assert_hides(ShortTermToken(StaticToken(TOKEN), endpoint=origin.at()).token, TOKEN)


def test_an_interrupt_is_raised_without_the_errors_that_the_token_request_was_handling() -> None:
    """Their frames hold the secret."""

    def read_secret() -> str:
        try:
            return str(int(SECRET))
        except ValueError:
            raise KeyboardInterrupt  # noqa: B904 - as one that arrives at this moment

    with pytest.raises(KeyboardInterrupt) as caught:
        ClientCredentials("id", read_secret).token()
    assert caught.value.__context__ is None


@pytest.mark.parametrize("method", ["token", "renew", "revoke"])
def test_what_a_callable_raises_keeps_its_own_cause(method: str) -> None:
    def read_secret() -> str:
        raise LookupError from OSError("locked")

    with pytest.raises(LookupError) as caught:
        getattr(ClientCredentials("id", read_secret), method)()
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("raised", [LookupError, KeyboardInterrupt])
@pytest.mark.parametrize("setting", ["client_secret", "token_endpoint_auth_method"])
def test_what_a_callable_raises_reaches_the_caller_alone_and_hides_the_secret(
    setting: str, raised: type[BaseException], sandbox: Sandbox, origin: Origin
) -> None:
    def fail(*_: Any) -> Any:
        raise raised

    origin.handler = Gate(sandbox)
    given: dict[str, Any] = {"client_secret": SECRET} | {setting: fail}
    source = ClientCredentials("id", token_endpoint=origin.at("/oauth2/token"), **given)
    with pytest.raises(raised) as caught:
        source.token()
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert_hidden(own_locals(caught.value), SECRET)


# -- construction ----------------------------------------------------------------------------------

WRONG: dict[str, Callable[[], object]] = {
    "a bad secret": lambda: ClientCredentials("id", f"{SECRET}\n"),
    "another bad setting": lambda: ClientCredentials("id", SECRET, timeout=0),
    "a secret in place of a source": lambda: unchecked.RequestsAuth(SECRET),
    "an id and a secret in place of a source": lambda: unchecked.HTTPXAuth("id", SECRET),
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
