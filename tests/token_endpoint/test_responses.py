"""A successful response, parsed: what is used, what is rejected, and nothing in between."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitquery_auth import BitqueryAuthError, InvalidTokenResponseError, TokenEndpointError
from bitquery_auth._checks import MAX_SECONDS
from bitquery_auth._sources.token_response import (
    MAX_BYTES,
    ParsedToken,
    TokenResponse,
    parse_seconds,
    parse_token_response,
)
from tests.kit.examples import same_examples_in_every_run
from tests.kit.origin import Origin, answering

NOW = 1_800_000_000.0
ENDPOINT = "https://auth.example.com:8443/oauth2/token"
GOOD = {"access_token": "ory_at_x", "token_type": "bearer", "expires_in": 3599, "scope": "api"}


def response(body: Any, status: int = 200, **further: Any) -> TokenResponse:
    """Return a response with that body: bytes as they are, anything else as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return TokenResponse(status, further.pop("headers", {}), raw, ENDPOINT, **further)


def parsed(body: Any, status: int = 200, **further: Any) -> ParsedToken:
    """Parse a response with that body."""
    return parse_token_response(response(body, status, **further), NOW)


def test_a_good_response_is_its_members() -> None:
    assert parsed(GOOD) == ParsedToken("ory_at_x", "Bearer", "api", 3599.0)


@pytest.mark.parametrize("status", [200, 201, 203, 299])
def test_every_2xx_is_a_success(status: int) -> None:
    """Hazard F7."""
    assert parsed(GOOD, status).access_token == "ory_at_x"


@pytest.mark.parametrize("status", [100, 199, 300, 304, 399, 400, 401, 404, 429, 500, 503])
def test_a_token_in_a_response_that_is_not_2xx_is_not_used(status: int) -> None:
    """Hazard F1."""
    with pytest.raises(TokenEndpointError) as caught:
        parsed(GOOD, status)
    assert caught.value.status_code == status


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_is_read_in_every_encoding_of_unicode(encoding: str) -> None:
    assert parsed(json.dumps(GOOD).encode(encoding)).access_token == "ory_at_x"


# -- without a usable token ------------------------------------------------------------------------

NOT_AN_OBJECT = "it is not a JSON object"
NO_TOKEN = "it has no access_token"
NO_HEADER = "its access_token is not one that a header can carry"
MALFORMED: dict[str, tuple[Any, str]] = {
    "nothing": (b"", NOT_AN_OBJECT),
    "spaces": (b"   \n", NOT_AN_OBJECT),
    "HTML": (b"<html><body>Welcome</body></html>", NOT_AN_OBJECT),
    "plain text": (b"OK", NOT_AN_OBJECT),
    "a form": (b"access_token=x&token_type=bearer&expires_in=3600", NOT_AN_OBJECT),
    "cut JSON": (b'{"access_token": "x", "expires_', NOT_AN_OBJECT),
    "two objects": (b'{"access_token": "x"}{"access_token": "y"}', NOT_AN_OBJECT),
    "not UTF-8": (b'{"access_token": "\xff\xfe"}', NOT_AN_OBJECT),
    "NUL bytes": (b"\0\0\0\0", NOT_AN_OBJECT),
    "an array": ([GOOD], NOT_AN_OBJECT),
    "a string": ("ory_at_x", NOT_AN_OBJECT),
    "a number": (42, NOT_AN_OBJECT),
    "null": (None, NOT_AN_OBJECT),
    "true": (True, NOT_AN_OBJECT),
    "a number of 5000 digits": (
        b'{"access_token": "x", "expires_in": ' + b"9" * 5000 + b"}",
        NOT_AN_OBJECT,
    ),
    "nesting without end": (b"[" * 100_000, NOT_AN_OBJECT),
    "an empty object": ({}, NO_TOKEN),
    "no token": ({"token_type": "bearer", "expires_in": 3600}, NO_TOKEN),
    "another member": ({"token": "x", "id_token": "y"}, NO_TOKEN),
    "a nested object": ({"data": GOOD}, NO_TOKEN),
    "a null token": (GOOD | {"access_token": None}, NO_TOKEN),
    "an empty token": (GOOD | {"access_token": ""}, NO_TOKEN),
    "a number as token": (GOOD | {"access_token": 12345}, NO_TOKEN),
    "an array as token": (GOOD | {"access_token": ["x"]}, NO_TOKEN),
    "an object as token": (GOOD | {"access_token": {"value": "x"}}, NO_TOKEN),
    "true as token": (GOOD | {"access_token": True}, NO_TOKEN),
    "a blank token": (GOOD | {"access_token": "  "}, NO_HEADER),
    "a token with a line end": (GOOD | {"access_token": "x\r\nX-Evil: y"}, NO_HEADER),
    "a token with a trailing line end": (GOOD | {"access_token": "x\n"}, NO_HEADER),
    "a token with a space in front": (GOOD | {"access_token": " x"}, NO_HEADER),
    "a token with a tab": (GOOD | {"access_token": "x\ty"}, NO_HEADER),
    "a token with NUL": (GOOD | {"access_token": "x\0y"}, NO_HEADER),
    "a token that is not ASCII": (GOOD | {"access_token": "tökén"}, NO_HEADER),
    "a token with half a surrogate": (GOOD | {"access_token": "x\ud800"}, NO_HEADER),
}


@pytest.mark.parametrize(("body", "why"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_success_without_a_usable_token_is_one_typed_error_that_says_why(
    body: Any, why: str
) -> None:
    """Hazards F1, G7, S9: no exception of a parser, and nothing of the body in it."""
    with pytest.raises(InvalidTokenResponseError) as caught:
        parsed(body)
    assert str(caught.value) == (
        f"auth.example.com:8443 responded 200, but the response cannot be used: {why}. This is not "
        f"the response of a token endpoint: check token_endpoint."
    )
    assert not caught.value.retryable
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("body", [json.dumps(GOOD).encode(), b"["])
def test_a_response_that_was_cut_is_not_used(body: bytes) -> None:
    assert MAX_BYTES == 1024 * 1024
    with pytest.raises(InvalidTokenResponseError, match=r"it is longer than 1 MiB\."):
        parsed(body, is_truncated=True)


def test_the_member_and_the_hint_depend_on_the_endpoint() -> None:
    short = response({"token": "short"})
    assert parse_token_response(short, NOW, member="token").access_token == "short"
    for body, why in [(GOOD, "it has no token"), ({"token": "x\n"}, "its token is not one")]:
        with pytest.raises(InvalidTokenResponseError, match=rf"{why}.*\. Use the source itself\.$"):
            parse_token_response(response(body), NOW, member="token", hint="Use the source itself.")


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"access_token": ""}'])
def test_a_response_without_a_token_reaches_the_caller_of_a_source(
    body: bytes, source: Any, endpoint: Origin
) -> None:
    """Hazard F1: nothing of it is kept, and the next token is used."""
    good = endpoint.handler
    endpoint.handler = answering(200, body)
    with pytest.raises(InvalidTokenResponseError):
        source.token()
    endpoint.handler = good
    assert source.renew().access_token.startswith("ory_at_")


# -- members ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token_type", "read"),
    [
        ("Bearer", "Bearer"),
        ("bearer", "Bearer"),
        ("BEARER", "Bearer"),
        (None, "Bearer"),
        ("", "Bearer"),
        (5, "Bearer"),
        (["bearer"], "Bearer"),
        ("JWT", "JWT"),
        ("access_token", "access_token"),
    ],
)
def test_a_token_type_may_be_in_any_case_null_or_a_word_of_the_server(
    token_type: Any, read: str
) -> None:
    """Hazard F7."""
    assert parsed(GOOD | {"token_type": token_type}).token_type == read


def test_a_missing_token_type_is_bearer() -> None:
    """Hazard F7."""
    assert parsed({"access_token": "x"}).token_type == "Bearer"


@pytest.mark.parametrize("token_type", ["DPoP", "dpop", "mac", "MAC", "pop", "PoP"])
def test_a_token_type_that_needs_a_proof_is_rejected(token_type: str) -> None:
    """Hazard F7: the API would reject every request."""
    with pytest.raises(InvalidTokenResponseError, match="one that a bearer header cannot carry"):
        parsed(GOOD | {"token_type": token_type})


LONG = " ".join(f"scope-{number}" for number in range(500))


@pytest.mark.parametrize(
    ("scope", "read"),
    [
        ("api", "api"),
        ("a b", "a b"),
        ("a,B", "a,B"),
        ("", ""),
        (LONG, LONG),
        (None, None),
        (["api"], None),
        (5, None),
    ],
    ids=range(8),
)
def test_a_scope_is_kept_whole_and_is_unknown_if_it_is_not_text(
    scope: Any, read: str | None
) -> None:
    assert parsed(GOOD | {"scope": scope}).scope == read


@pytest.mark.parametrize(
    ("requested", "granted", "missing"),
    [
        ("a b", "b a", None),
        ("a b", "A,B", None),
        ("a b", "b, a, c", None),
        ("a b", "a", "'b'"),
        ("api", "", "'api'"),
        ("api", "apis", "'api'"),
        (f"{LONG} last", LONG, "'last'"),
    ],
    ids=range(7),
)
def test_scopes_are_compared_as_sets(
    requested: str,
    granted: str,
    missing: str | None,
    source_with: Any,
    endpoint: Origin,
    caplog: pytest.LogCaptureFixture,
) -> None:
    endpoint.handler = answering(200, json.dumps(GOOD | {"scope": granted}))
    assert source_with(scope=requested).token().scope == granted
    warnings = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert len(warnings) == (missing is not None)
    assert all(f"without the scope {missing}," in warning for warning in warnings)


def test_without_a_scope_in_the_response_it_is_the_one_that_was_requested(
    source_with: Any, endpoint: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    """RFC 6749 §5.1."""
    endpoint.handler = answering(200, json.dumps({"access_token": "x"}))
    assert source_with(scope="a b").token().scope == "a b"
    assert caplog.records == []


# -- lifetimes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (3600, 3600.0),
        (1, 1.0),
        (3599.5, 3599.5),
        ("3600", 3600.0),
        ("3599.5", 3599.5),
        (" 3600 ", 3600.0),
        ("+60", 60.0),
        ("60.", 60.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("36E2", 3600.0),
        ("5e-1", 0.5),
        (0, 0.0),
        ("0", 0.0),
        (0.0, 0.0),
        (-1, -1.0),
        ("-60", -60.0),
        (1_800_000_000_000, MAX_SECONDS),
        (-1_800_000_000_000, -MAX_SECONDS),
        ("9" * 400, MAX_SECONDS),
        ("-" + "9" * 400, -MAX_SECONDS),
        ("1e999", MAX_SECONDS),
        (10**400, MAX_SECONDS),
        (-(10**400), -MAX_SECONDS),
        (math.inf, MAX_SECONDS),
        (-math.inf, -MAX_SECONDS),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_seconds_may_be_a_number_or_its_text(value: object, seconds: float) -> None:
    """Hazard E4: what no clock can hold is clamped."""
    read = parse_seconds(value)
    assert read == seconds
    assert type(read) is float


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " ",
        "garbage",
        "3600s",
        "PT1H",
        "1,000",
        "1_000",
        "0x10",
        "nan",
        "inf",
        "Infinity",
        "-",
        ".",
        "e5",
        "1e",
        "1 2",
        "٣٦٠٠",
        "12\u00a0",
        math.nan,
        True,
        False,
        [3600],
        {"seconds": 3600},
    ],
)
def test_what_is_not_a_number_of_seconds_is_unknown(value: object) -> None:
    """Hazard E4."""
    assert parse_seconds(value) is None


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        ("", None),
        (', "expires_in": null', None),
        (', "expires_in": NaN', None),
        (', "expires_in": Infinity', MAX_SECONDS),
        (', "expires_in": 0', 0.0),
        (', "expires_in": "3600"', 3600.0),
        (', "expires_in": 3600, "expires_at": 1', 3600.0),
        (', "expires_at": 1800003600000', None),
        (', "expires_in": ' + "9" * 400, MAX_SECONDS),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_the_lifetime_is_expires_in_and_never_expires_at(raw: str, seconds: float | None) -> None:
    """Hazards E4, E5."""
    assert parsed(f'{{"access_token": "x"{raw}}}'.encode()).expires_in == seconds


@same_examples_in_every_run
@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12))
def test_every_value_is_seconds_that_a_clock_can_hold_or_unknown(value: object) -> None:
    """Hazard E4."""
    read = parse_seconds(value)
    assert read is None or -MAX_SECONDS <= read <= MAX_SECONDS


@same_examples_in_every_run
@given(st.integers(-(10**10), 10**10) | st.floats(-1e10, 1e10))
def test_a_number_and_its_text_are_the_same_seconds(number: float) -> None:
    """Hazard E4."""
    assert parse_seconds(number) == parse_seconds(repr(number)) == float(number)
    assert parse_seconds(json.dumps(number)) == float(number)


# -- everything else -------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
members = st.dictionaries(
    st.sampled_from([*GOOD, "error", "error_description", "error_uri"]), json_values
)
headers = st.dictionaries(st.sampled_from(["Retry-After", "Date", "Location"]), st.text())


@same_examples_in_every_run
@given(st.integers(100, 599), members | json_values | st.binary(max_size=40), headers)
def test_every_response_is_a_token_or_one_typed_error(
    status: int, body: Any, sent_headers: dict[str, str]
) -> None:
    """Hazard F1."""
    try:
        token = parsed(body, status, headers=sent_headers)
    except BitqueryAuthError as error:
        assert str(error).isprintable()  # noqa: PT017 - either outcome is right
    else:
        assert token.access_token.isascii()
        assert 200 <= status < 300
