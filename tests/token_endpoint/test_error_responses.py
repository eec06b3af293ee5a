"""An error response: a message that says what to do, and shows nothing that was sent."""

import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitquery_auth import TokenEndpointError
from bitquery_auth._checks import MAX_SECONDS
from bitquery_auth._sources.token_response import (
    error_from_response,
    parse_retry_after,
    parse_token_response,
)
from tests.kit.examples import same_examples_in_every_run
from tests.token_endpoint.conftest import HOST, NOW, response_with

SECRET = "s3cret+/=~ é"
MEMBERS = ("error", "error_description", "error_uri")
WRONG_URL = "This is not the response of a token endpoint: check token_endpoint."
HYDRA = (
    "Client authentication failed (e.g., unknown client, no client authentication included, or "
    "unsupported authentication method). The OAuth 2.0 Client supports client authentication "
    "method '{}', but method '{}' was requested. You must configure the OAuth 2.0 client's "
    "'token_endpoint_auth_method' value to accept '{}'."
)


def error_of(body: Any, status: int = 400, **further: Any) -> TokenEndpointError:
    """Return the error that a response with that body becomes."""
    return error_from_response(response_with(body, status, **further), NOW)


def error_of_success(body: Any, status: int = 200, **further: Any) -> TokenEndpointError:
    """Return the error that a 2xx with that body becomes."""
    with pytest.raises(TokenEndpointError) as caught:
        parse_token_response(response_with(body, status, **further), NOW, hint="Use the source.")
    return caught.value


# -- what the message says -------------------------------------------------------------------------


def test_the_message_says_who_responded_what_and_what_to_do() -> None:
    """Hazard G7: the members of an OAuth error are attributes, too."""
    body = {"error": "invalid_scope", "error_description": "It is unknown.", "error_uri": "https:1"}
    error = error_of(body)
    assert str(error) == (
        f"{HOST} responded 400 invalid_scope: It is unknown. Request a scope that the "
        f"application may have: scope='api' at Bitquery, scope=None for none."
    )
    assert {name: getattr(error, name) for name in MEMBERS} == body
    assert error.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502 Bad Gateway</html>",
        [],
        None,
        {"message": "slow down"},
        {"error": None},
        {"error": ""},
        {"error": {"code": 1}, "error_description": "words", "error_uri": "place"},
        {"error": 5, "access_token": 5},
        {"error_description": "words", "error_uri": "place"},
    ],
)
def test_without_an_oauth_code_the_attributes_are_none(body: Any) -> None:
    """Hazard F1: nothing of a page is in the message, and an endpoint's own hint is."""
    error = error_of(body)
    assert [getattr(error, name) for name in MEMBERS] == [None] * 3
    assert str(error) == f"{HOST} responded 400. {WRONG_URL}"
    hinted = error_from_response(response_with(body, 400), NOW, "Use the source.")
    assert str(hinted) == f"{HOST} responded 400. Use the source."


REDIRECT = (
    "Redirects are not followed, because they would carry the credentials along: set the endpoint "
    "to the final URL."
)
LATER = "This may pass: try again later."
HINTS: list[tuple[int, Any, str]] = [
    (401, {"error": "invalid_client"}, "only applications of type Automatic have a secret"),
    (401, {"error": "unauthorized_client"}, "create one of type Automatic."),
    (400, {"error": "invalid_grant"}, "create one of type Automatic."),
    (400, {"error": "invalid_scope"}, "scope=None for none."),
    (418, {"error": "teapot"}, f"{HOST} responded 418 teapot."),
    (403, {"error": "access_denied"}, f"{HOST} responded 403 access_denied."),
    (403, b"error code: 1010", "a gateway may stand before the token endpoint"),
    (403, {"a": 1}, "require a header (token_headers)"),
    (429, b"", f"{HOST} responded 429. {LATER}"),
    (500, {"error": "server_error"}, f"{HOST} responded 500 server_error. {LATER}"),
    (599, b"<html>", f"{HOST} responded 599. {LATER}"),
    (428, b"", f"{HOST} responded 428. {WRONG_URL}"),
    (499, b"", f"{HOST} responded 499. {WRONG_URL}"),
    (300, b"", f"{HOST} responded 300. {REDIRECT}"),
    (399, {"error": "x"}, f"{HOST} responded 399 x. {REDIRECT}"),
]


@pytest.mark.parametrize(("status", "body", "hint"), HINTS)
def test_what_the_user_can_do_something_about_has_a_hint(status: int, body: Any, hint: str) -> None:
    """Hazards G7, K4."""
    message = str(error_of(body, status))
    assert hint in message
    assert message == hint or not hint.startswith(HOST)


@pytest.mark.parametrize("right", ["client_secret_basic", "client_secret_post", "none"])
def test_hydras_words_about_the_method_become_the_right_setting(right: str) -> None:
    """Hazard K4."""
    body = {"error": "invalid_client", "error_description": HYDRA.format(right, "x", "x")}
    assert str(error_of(body, 401)).endswith(f". Set token_endpoint_auth_method={right!r}.")
    body = {"error": "invalid_client", "error_description": "The client supports something else."}
    assert "token_endpoint_auth_method" not in str(error_of(body, 401))


@pytest.mark.parametrize("location", ["", "/elsewhere", f"https://user:{SECRET}@x.com/?x={SECRET}"])
def test_a_redirect_is_an_error_that_quotes_nothing_of_its_target(location: str) -> None:
    """Hazards S3, S5: the target may hold what was sent."""
    error = error_of(b"", 307, headers={"Location": location})
    assert str(error) == f"{HOST} responded 307. {REDIRECT}"
    assert (error.status_code, error.retryable) == (307, False)


# -- a success with an error in it -----------------------------------------------------------------


@pytest.mark.parametrize("code", ["invalid_client", {"code": 7}])
def test_a_success_with_an_error_in_it_is_an_error(code: Any) -> None:
    """Hazard F1."""
    body = {"error": code, "access_token": "x"}
    error = error_of_success(body, 201, headers={"Retry-After": "90"})
    assert (error.status_code, error.retryable, error.retry_after) == (201, False, 90.0)
    assert error.error == (code if isinstance(code, str) else None)
    assert str(error).endswith("Use the source.") is (error.error is None)


@pytest.mark.parametrize("error", [None, "", False, 0])
def test_a_success_with_an_empty_error_is_a_success(error: object) -> None:
    response = response_with({"error": error, "access_token": "x"}, 200)
    assert parse_token_response(response, NOW).access_token == "x"


# -- what a server quotes --------------------------------------------------------------------------


@pytest.mark.parametrize("parse", [error_of, error_of_success])
@pytest.mark.parametrize("member", MEMBERS)
def test_a_token_that_came_with_an_error_is_hidden(
    member: str, parse: Callable[[Any], TokenEndpointError]
) -> None:
    """Hazard S5: it may be valid."""
    body = {"error": "no", "access_token": "T0KEN+x", member: "not T0KEN+x or T0KEN%2Bx!"}
    error = parse(body)
    assert getattr(error, member) == "not <hidden> or <hidden>!"
    assert "T0KEN" not in f"{error} {error!r} {vars(error)}"


@pytest.mark.parametrize("bad", ["\r\n", "\x1b[2J", "\0", "\u2028", "\u202e", "\ud800", "\x85"])
def test_the_text_of_a_server_is_one_short_printable_line(bad: str) -> None:
    """Hazard S5: it forges no line of a log, and a secret at its end is hidden before the cut."""
    text = f"a{bad}b" + "e" * 9000
    error = error_of(dict.fromkeys(MEMBERS, text))
    assert str(error).isprintable()
    for name in MEMBERS:
        assert getattr(error, name).isprintable()
        assert getattr(error, name).startswith("a ")
        assert len(getattr(error, name)) == 500
    cut = error_of({"error": "x" * 495 + "topsecret"}, secrets=("topsecret",))
    assert "tops" not in str(cut)


words = st.text(max_size=30)
secrets = st.text("0123456789abcdefABCDEF-._~+/= é", min_size=8, max_size=40).map(str.strip)


@same_examples_in_every_run
@given(secrets.filter(lambda secret: len(secret) >= 8), words, st.text(max_size=600))
def test_a_secret_that_a_server_quotes_is_hidden_in_every_form(
    secret: str, before: str, after: str
) -> None:
    """Hazard S5."""
    for form in (secret, quote(secret, safe=""), quote_plus(secret)):
        text = f"{before}{form}{after}{form}"
        error = error_of({"error": "no", "error_description": text}, secrets=(secret,))
        assert form not in f"{error} {error!r} {vars(error)}"
    error = error_of(dict.fromkeys(MEMBERS, f"{quote_plus(secret)} is wrong"), secrets=(secret,))
    assert [getattr(error, name) for name in MEMBERS] == ["<hidden> is wrong"] * 3


# -- Retry-After -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("9" * 400, MAX_SECONDS),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        (formatdate(NOW - 90, usegmt=True), 0.0),
        ("Fri, 15 Jan 2027 09:01:30 +0100", 90.0),
        ("Friday, 15-Jan-27 08:01:30 GMT", 90.0),
        ("Fri Jan 15 08:01:30 2027", 90.0),
        *dict.fromkeys(["", " ", "soon", "-5", "1.5", "1e3", "²", "٣", "+5", "120 s"]).items(),
        *dict.fromkeys(["Fri, 32 Jan 2027 08:00:00 GMT", "0, 120"]).items(),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_retry_after_may_be_seconds_or_a_date(value: str, seconds: float | None) -> None:
    """Hazard F3: RFC 9110 §10.2.3, and the two obsolete forms of a date of §5.6.7."""
    assert error_of(b"{}", 429, headers={"Retry-After": value}).retry_after == seconds


@pytest.mark.parametrize("wrong_by", [-7200, 7200])
def test_a_date_counts_from_the_servers_own_clock(wrong_by: int) -> None:
    """Hazard F3: the clock of this machine may be wrong."""
    headers = {
        "Date": formatdate(NOW + wrong_by, usegmt=True),
        "Retry-After": formatdate(NOW + wrong_by + 90, usegmt=True),
    }
    assert parse_retry_after(headers, NOW) == 90.0


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_a_date_counts_from_this_machines_clock_if_the_server_sent_none(date: str) -> None:
    headers = {"Date": date, "Retry-After": formatdate(NOW + 90, usegmt=True)}
    assert parse_retry_after(headers, NOW) == 90.0


date_like = r"[A-Z][a-z]{2}, \d\d? [A-Z][a-z]{2} \d{1,5} \d\d:\d\d:\d\d( [+-]\d{4})?"


@same_examples_in_every_run
@given(st.text(max_size=40) | st.from_regex(date_like))
def test_every_value_of_retry_after_is_seconds_or_ignored(value: str) -> None:
    """Hazard F1."""
    read = parse_retry_after({"Retry-After": value, "Date": value}, NOW)
    assert read is None or read >= 0


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system cannot change its time zone")
@pytest.mark.parametrize("value", ["Fri Jan 15 08:01:30 2027", "Fri, 15 Jan 2027 08:01:30 GMT"])
def test_a_date_is_in_utc_wherever_the_machine_is(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard F3: RFC 9110 §5.6.7."""
    try:
        with monkeypatch.context() as elsewhere:
            elsewhere.setenv("TZ", "EST+5")
            time.tzset()
            assert parse_retry_after({"Retry-After": value}, NOW) == 90.0
    finally:
        time.tzset()
