"""What a hostile token endpoint answers: it is used or refused, and nothing of it comes out where it should not."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from bitquery_auth import BitqueryAuthError, ClientCredentials, InvalidTokenResponseError, TokenEndpointError
from bitquery_auth.sandbox._messages import Request
from tests.attacks.conftest import SECRET, TOKEN, ok
from tests.attacks.leaks import assert_hidden, own_locals, texts_of_error
from tests.faults.faults import answering
from tests.faults.proxy import Connection, Fault, FaultProxy

Source = Callable[..., ClientCredentials]


@pytest.fixture
def endpoint() -> Iterator[FaultProxy]:
    with FaultProxy(ok) as proxy:
        yield proxy


@pytest.fixture
def source_of(endpoint: FaultProxy) -> Source:
    """Give a source whose endpoint behaves like this."""

    def source(fault: Fault, **settings: Any) -> ClientCredentials:
        endpoint.mode = fault
        return ClientCredentials("the-id", SECRET, token_endpoint=f"{endpoint.url}/token", timeout=5, **settings)

    return source


def granting(**members: Any) -> Fault:
    return answering(200, {"access_token": TOKEN, "token_type": "bearer", "expires_in": 3600} | members)


@pytest.mark.parametrize(
    "token",
    [
        "a\r\nX-Evil: 1",
        "a\nb",
        "a\rb",
        "a\tb",
        "a\x00b",
        "\x1b[31mred",
        "caf\u00e9",
        "\u2028",
        "\ud800",
        " padded ",
        "",
        " ",
        None,
        True,
        7,
        ["a"],
        {"a": "b"},
    ],
)
def test_a_token_that_no_header_can_carry_is_refused(token: Any, source_of: Source) -> None:
    """Hazard S9."""
    source = source_of(granting(access_token=token))
    with pytest.raises(InvalidTokenResponseError) as caught:
        source.token()
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


BODIES = {
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"access_token":' * 50_000,
    "deep member": b'{"access_token": "t", "x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "5000 digits": b'{"access_token": "t", "expires_in": 1' + b"0" * 5000 + b"}",
    "not UTF-8": b'{"access_token": "caf\xe9"}',
    "two values": b'{"access_token": "t"} {"access_token": "u"}',
    "cut": b'{"access_token": "t"',
    "array": b'[{"access_token": "t"}]',
    "string": b'"t"',
    "null": b"null",
    "NaN": b"NaN",
    "nothing": b"",
    "form": b"access_token=t&expires_in=3600",
    "zeros": b"\x00" * 100_000,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_what_is_no_json_object_is_refused(body: bytes, source_of: Source) -> None:
    """Hazard F1."""
    with pytest.raises(InvalidTokenResponseError):
        source_of(answering(200, body)).token()


@pytest.mark.parametrize(
    "number",
    [
        "1e308",
        "1e999",
        "Infinity",
        "9" * 300,
        "9" * 400,
        "9" * 4000,
        '"1e999"',
        f'"{"9" * 5000}"',
        "1e18",
        "9999999999999999",
    ],
)
def test_a_lifetime_that_no_clock_can_hold_is_brought_down_to_one(number: str, source_of: Source) -> None:
    """Hazard E4."""
    token = source_of(answering(200, f'{{"access_token": "{TOKEN}", "expires_in": {number}}}'.encode())).token()
    assert token.expires_at is not None
    assert token.expires_at > datetime(2500, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "number", ["NaN", '"NaN"', '"Infinity"', "null", "[]", "{}", "true", '"soon"', '"0x10"', '"1_000"']
)
def test_a_lifetime_that_is_no_number_is_none(number: str, source_of: Source) -> None:
    """Hazard E4."""
    token = source_of(answering(200, f'{{"access_token": "{TOKEN}", "expires_in": {number}}}'.encode())).token()
    assert token.expires_at is None


@pytest.mark.parametrize("number", ["0", "-1", "-Infinity", "-1e308", "-" + "9" * 400, '"-1e999"'])
def test_a_lifetime_that_is_over_is_used_once(number: str, source_of: Source, endpoint: FaultProxy) -> None:
    """Hazard E4."""
    source = source_of(answering(200, f'{{"access_token": "{TOKEN}", "expires_in": {number}}}'.encode()))
    assert source.token().access_token == TOKEN
    assert len(endpoint.requests) == 1


def test_of_a_member_that_is_there_twice_the_last_counts(source_of: Source) -> None:
    body = b'{"access_token": "first", "access_token": "last", "expires_in": 1, "expires_in": 3600}'
    assert source_of(answering(200, body)).token().access_token == "last"


def test_an_error_in_a_duplicate_is_not_hidden_by_a_token(source_of: Source) -> None:
    with pytest.raises(TokenEndpointError):
        source_of(answering(200, b'{"access_token": "t", "error": "", "error": "access_denied"}')).token()


def test_unknown_members_are_no_harm(source_of: Source) -> None:
    token = source_of(granting(**{f"m{i}": "\x1b\n" for i in range(1000)})).token()
    assert token.access_token == TOKEN


ANSI = "\x1b[31mred\x07\x9b2J\r\nline \u202eeman\u202c \u2028 end"


@pytest.mark.parametrize("member", ["error", "error_description", "error_uri"])
def test_the_words_of_an_error_are_one_line_that_a_terminal_can_show(member: str, source_of: Source) -> None:
    """Hazard S5: log injection."""
    source = source_of(answering(400, {"error": "invalid_request"} | {member: ANSI * 500}))
    with pytest.raises(TokenEndpointError) as caught:
        source.token()
    for text in (str(caught.value), str(getattr(caught.value, member))):
        assert text.isprintable()
        assert len(text) < 1500


def _echoing(write: Callable[[Request], bytes]) -> Fault:
    def echo(connection: Connection) -> None:
        connection.send(write(connection.request))
        connection.close()

    return echo


def _json_answer(request: Request, status: int, members: dict[str, Any]) -> bytes:
    body = json.dumps(members).encode()
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def _sent(request: Request) -> str:
    """What holds the secret, as it was sent."""
    return request.headers.get("authorization", "") + request.body.decode()


ECHOES: dict[str, Callable[[Request], bytes]] = {
    "status line": lambda r: _sent(r).encode() + b"\r\n\r\n",
    "protocol": lambda r: b"HTTP/" + _sent(r).encode() + b" 200 OK\r\n\r\n",
    "status": lambda r: b"HTTP/1.1 " + _sent(r).encode() + b"\r\n\r\n",
    "reason": lambda r: b"HTTP/1.1 500 " + _sent(r).encode() + b"\r\nContent-Length: 0\r\n\r\n",
    "chunk length": lambda r: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + _sent(r).encode() + b"\r\n",
    "content length": lambda r: b"HTTP/1.1 200 OK\r\nContent-Length: " + _sent(r).encode() + b"\r\n\r\n",
    "content coding": lambda r: b"HTTP/1.1 200 OK\r\nContent-Encoding: " + _sent(r).encode() + b"\r\n\r\nx",
    "header without a colon": lambda r: b"HTTP/1.1 500 X\r\n" + _sent(r).encode() + b"\r\n\r\n",
    "location's host": lambda r: b"HTTP/1.1 302 X\r\nLocation: https://" + _sent(r).encode() + b".evil/\r\n\r\n",
    "location": lambda r: b"HTTP/1.1 302 X\r\nLocation: " + _sent(r).encode() + b"\r\n\r\n",
    "retry-after": lambda r: b"HTTP/1.1 503 X\r\nRetry-After: " + _sent(r).encode() + b"\r\nContent-Length: 0\r\n\r\n",
    "page": lambda r: b"HTTP/1.1 500 X\r\n\r\n<html>" + _sent(r).encode(),
    "page that is 200": lambda r: b"HTTP/1.1 200 X\r\n\r\n<html>" + _sent(r).encode(),
    "error": lambda r: _json_answer(r, 400, {"error": _sent(r)}),
    "error_description": lambda r: _json_answer(r, 401, {"error": "invalid_client", "error_description": _sent(r)}),
    "raw error_description": lambda r: _json_answer(r, 401, {"error": "e", "error_description": f"not {SECRET}!"}),
    "error_uri": lambda r: _json_answer(r, 400, {"error": "e", "error_uri": f"https://e.example/?{_sent(r)}"}),
    "token that no header can carry": lambda r: _json_answer(r, 200, {"access_token": f"{SECRET}\n"}),
    "token type that is of no use": lambda r: _json_answer(r, 200, {"access_token": "t", "token_type": "dpop"}),
}


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES.keys())
def test_a_secret_that_the_endpoint_throws_back_is_in_no_error(
    echo: Callable[[Request], bytes], method: Any, source_of: Source, caplog: pytest.LogCaptureFixture
) -> None:
    """Hazard S5: neither in its text, its causes, its attributes and tracebacks, nor in a log."""
    caplog.set_level("DEBUG", "bitquery_auth")
    source = source_of(_echoing(echo), token_endpoint_auth_method=method)
    with pytest.raises(BitqueryAuthError) as caught:
        source.token()
    sent = f"the-id:{quote(SECRET, safe='')}"  # what client_secret_basic puts into base64
    for text in (*texts_of_error(caught.value), *own_locals(caught.value), caplog.text):
        assert_hidden(text, SECRET, sent)


@pytest.mark.parametrize("secret", ["S3C/s3ntinel", "S3C@s3ntinel", "S3C/x@s3ntinel", "S3C?s3ntinel"])
@pytest.mark.parametrize("written", [str, quote, lambda secret: quote(secret, safe="")], ids=["raw", "path", "all"])
def test_no_part_of_a_secret_in_a_redirects_user_comes_out(
    written: Callable[[str], str], secret: str, endpoint: FaultProxy, caplog: pytest.LogCaptureFixture
) -> None:
    """Hazard S5: whatever a parser takes for the host."""
    caplog.set_level("DEBUG", "bitquery_auth")
    endpoint.mode = answering(302, Location=f"https://the-id:{written(secret)}@evil.example/token")
    with pytest.raises(TokenEndpointError) as caught:
        ClientCredentials("the-id", secret, token_endpoint=f"{endpoint.url}/token").token()
    for text in (*texts_of_error(caught.value), *own_locals(caught.value), caplog.text):
        assert_hidden(text, "S3C", "s3ntinel")


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_token_that_an_error_quotes_is_in_no_error(
    kind: str, status: int, source_of: Source, caplog: pytest.LogCaptureFixture
) -> None:
    """Hazard S5."""
    caplog.set_level("DEBUG", "bitquery_auth")
    words = {"error": "invalid_request", "error_description": f"{TOKEN} is not for you"}
    with pytest.raises(TokenEndpointError) as caught:
        source_of(answering(status, {kind: TOKEN} | words)).token()
    assert caught.value.error_description == "<hidden> is not for you"
    for text in (*texts_of_error(caught.value), *own_locals(caught.value), caplog.text):
        assert_hidden(text, TOKEN)


@pytest.mark.parametrize("start", [b"\x1b[31mHTTP", b"HTTP/1.1 \x1b[31m", b"HTTP/\x1b[31m 200 OK"])
def test_no_escape_sequence_of_what_is_no_http_comes_out(start: bytes, source_of: Source) -> None:
    """Hazard S5: log injection."""
    with pytest.raises(BitqueryAuthError) as caught:
        source_of(_echoing(lambda _: start + b"\x07\r\nline\r\n\r\n")).token()
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "target", ["https://\x1b[31mevil\x1b[0m.example/", "https://e\x07vil.example/", "https://" + "e" * 5000]
)
def test_no_escape_sequence_of_a_redirect_comes_out(target: str, source_of: Source) -> None:
    with pytest.raises(TokenEndpointError) as caught:
        source_of(answering(302, Location=target)).token()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1500


@pytest.mark.parametrize("echoed", [SECRET, TOKEN])
@pytest.mark.parametrize("member", ["token_type", "scope"])
def test_a_token_whose_other_members_repeat_it_does_not_show_it(member: str, echoed: str, source_of: Source) -> None:
    """Hazard S5: the repr of a token is made to be logged."""
    token = source_of(granting(**{member: f"api {echoed}"})).token()
    assert_hidden(repr(token), SECRET, TOKEN)


def test_a_token_that_is_the_secret_is_hidden_like_any_other(
    endpoint: FaultProxy, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    secret = "S3CRET.s3ntinel"
    endpoint.mode = granting(access_token=secret)
    source = ClientCredentials("the-id", secret, token_endpoint=f"{endpoint.url}/token")
    token = source.token()
    source.discard(token)
    assert_hidden(f"{token!r} {source!r} {caplog.text}", secret)


def test_an_answer_that_is_good_is_used(source_of: Source) -> None:
    """What the others are variations of."""
    assert source_of(granting()).token().access_token == TOKEN
