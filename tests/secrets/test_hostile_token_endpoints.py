"""A hostile token endpoint: what it sends is used or rejected, and never shown as it came."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from bitquery_auth import (
    BitqueryAuthError,
    ClientCredentials,
    InvalidTokenResponseError,
    TokenEndpointError,
)
from tests.kit.origin import Connection, Handler, Origin, Request, Response, on_the_wire
from tests.secrets.leaks import assert_hidden, own_locals, texts_of

SECRET = "S3CRET~s3ntinel/+ %"
ANSI = "\x1b[31mred\x07\x9b2J\r\nline \u202eeman\u202c \u2028 end"


@pytest.fixture
def source(origin: Origin) -> ClientCredentials:
    return ClientCredentials("the-id", SECRET, token_endpoint=origin.at())


def responding(status: int, body: bytes | dict[str, Any], **headers: str) -> Handler:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda _: Response(status, tuple(headers.items()), content)


def error_of(source: ClientCredentials) -> BitqueryAuthError:
    with pytest.raises(BitqueryAuthError) as caught:
        source.token()
    return caught.value


# -- responses that are not usable -----------------------------------------------------------------


@pytest.mark.parametrize(
    "token", ["a\r\nX-Evil: 1", "a\tb", "a b", "\x1b[31mred", "café", "\ud800", "", None, 7, ["a"]]
)
def test_a_token_that_no_header_can_carry_is_rejected(
    token: Any, source: ClientCredentials, origin: Origin
) -> None:
    """A line end would begin another header (hazard S9)."""
    origin.handler = responding(200, {"access_token": token, "expires_in": 3600})
    error = error_of(source)
    assert isinstance(error, InvalidTokenResponseError)
    assert str(error).isprintable()


BODIES = {
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"access_token":' * 50_000,
    "a deep member": b'{"access_token": "t", "x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "5000 digits": b'{"access_token": "t", "expires_in": 1' + b"0" * 5000 + b"}",
    "not UTF-8": b'{"access_token": "caf\xe9"}',
    "zeros": b"\x00" * 100_000,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_breaks_parsers_is_rejected(
    body: bytes, source: ClientCredentials, origin: Origin
) -> None:
    origin.handler = responding(200, body)
    assert isinstance(error_of(source), InvalidTokenResponseError)


# -- responses that quote the request --------------------------------------------------------------


def sent(request: Request) -> str:
    """What holds the secret, as it was sent."""
    return request.headers.get("authorization", "") + request.body.decode()


def quoting(status: int, members: Callable[[str], dict[str, Any]]) -> Handler:
    return lambda request: responding(status, members(sent(request)))(request)


QUOTES: dict[str, Handler] = {
    "error": quoting(400, lambda text: {"error": text}),
    "error_description": quoting(401, lambda text: {"error": "e", "error_description": text}),
    "error_uri": quoting(400, lambda text: {"error": "e", "error_uri": f"https://e/?{text}"}),
    "the secret alone": responding(401, {"error": "e", "error_description": f"not {SECRET}!"}),
    "access_token": quoting(200, lambda text: {"access_token": f"{text}\n"}),
    "token_type": quoting(200, lambda text: {"access_token": "t", "token_type": "dpop", "x": text}),
    "page": lambda request: Response(500, (), f"<html>{sent(request)}".encode()),
    "page that is 200": lambda request: Response(200, (), f"<html>{sent(request)}".encode()),
    "location": lambda request: Response(302, (("Location", f"https://{sent(request)}.e/"),)),
    "retry-after": lambda request: Response(503, (("Retry-After", sent(request)),)),
}


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
@pytest.mark.parametrize("handler", QUOTES.values(), ids=QUOTES)
def test_a_secret_that_the_endpoint_quotes_is_in_no_error(
    handler: Handler, method: Any, origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    """Some servers quote the form that they received (hazard S5)."""
    caplog.set_level("DEBUG")
    origin.handler = handler
    source = ClientCredentials(
        "the-id", SECRET, token_endpoint=origin.at(), token_endpoint_auth_method=method
    )
    error = error_of(source)
    basic = f"the-id:{quote(SECRET, safe='')}"
    assert_hidden(texts_of(error) + own_locals(error) + caplog.text, SECRET, basic)


NOT_HTTP = {
    "status line": "{}\r\n\r\n",
    "protocol": "HTTP/{} 200 OK\r\n\r\n",
    "status": "HTTP/1.1 {}\r\n\r\n",
    "reason": "HTTP/1.1 500 {}\r\nContent-Length: 0\r\n\r\n",
    "length": "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
    "length of a chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}\r\n",
    "coding": "HTTP/1.1 200 OK\r\nContent-Encoding: {}\r\n\r\nx",
}


@pytest.mark.parametrize("template", NOT_HTTP.values(), ids=NOT_HTTP)
def test_a_secret_that_is_quoted_in_what_is_not_http_is_in_no_error(
    template: str, source: ClientCredentials, origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    """The errors of HTTP parsers quote what they could not parse."""
    caplog.set_level("DEBUG", "bitquery_auth")

    @on_the_wire
    def quote_request(connection: Connection) -> None:
        connection.send(template.format(sent(connection.request)).encode())
        connection.close()

    origin.handler = quote_request
    error = error_of(source)
    assert_hidden(texts_of(error) + own_locals(error) + caplog.text, SECRET)


# -- responses that would forge a log line ---------------------------------------------------------


@pytest.mark.parametrize("member", ["error", "error_description", "error_uri"])
def test_the_text_of_an_error_is_one_short_line_that_a_terminal_can_show(
    member: str, source: ClientCredentials, origin: Origin
) -> None:
    origin.handler = responding(400, {"error": "invalid_request", member: ANSI * 500})
    error = error_of(source)
    assert isinstance(error, TokenEndpointError)
    for text in (str(error), str(getattr(error, member))):
        assert text.isprintable()
        assert len(text) < 1500


@pytest.mark.parametrize("location", ["https://\x1b[31mevil.example/", "https://" + "e" * 5000])
def test_the_target_of_a_redirect_forges_no_log_line(
    location: str, source: ClientCredentials, origin: Origin
) -> None:
    origin.handler = responding(302, b"", Location=location)
    text = str(error_of(source))
    assert text.isprintable()
    assert len(text) < 1500
