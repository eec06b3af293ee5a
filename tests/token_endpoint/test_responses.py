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
    parse_seconds,
    parse_token_response,
)
from tests.kit.examples import same_examples_in_every_run
from tests.kit.origin import Origin, answering
from tests.token_endpoint.conftest import HOST, NOW, SourceOf, response_with

GOOD = {"access_token": "ory_at_x", "token_type": "bearer", "expires_in": 3599, "scope": "api"}


def parsed(body: Any, status: int = 200, **further: Any) -> ParsedToken:
    """Parse a response with that body."""
    return parse_token_response(response_with(body, status, **further), NOW)


@pytest.mark.parametrize("status", [200, 201, 299])
def test_every_2xx_is_a_success(status: int) -> None:
    """Hazard F7."""
    assert parsed(GOOD, status) == ParsedToken("ory_at_x", "Bearer", "api", 3599.0)


@pytest.mark.parametrize("status", [199, 300, 399, 400, 401, 404, 429, 503])
def test_a_token_in_a_response_that_is_not_2xx_is_not_used(status: int) -> None:
    """Hazard F1."""
    with pytest.raises(TokenEndpointError) as caught:
        parsed(GOOD, status)
    assert caught.value.status_code == status


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_is_read_in_every_encoding_of_unicode(encoding: str) -> None:
    assert parsed(json.dumps(GOOD).encode(encoding)).access_token == "ory_at_x"


# -- without a usable token ------------------------------------------------------------------------

HUGE_NUMBER = b'{"access_token": "x", "expires_in": ' + b"9" * 5000 + b"}"
UNUSABLE: dict[str, list[Any]] = {
    "it is not a JSON object": [
        *(b"", b"   \n", b"<html>Welcome</html>", b"access_token=x&expires_in=3600"),
        *(b'{"access_token": "x", "expires_', b'{"access_token": "x"}{"access_token": "y"}'),
        *(b'{"access_token": "\xff\xfe"}', b"\0\0\0\0", b"[" * 100_000, HUGE_NUMBER),
        *([GOOD], "ory_at_x", 42, None, True),
    ],
    "it has no access_token": [
        *({}, {"token": "x", "id_token": "y"}, {"data": GOOD}),
        *({"access_token": each} for each in (None, "", 12345, ["x"], {"value": "x"}, True)),
    ],
    "its access_token is not one that a header can carry": [
        {"access_token": each}
        for each in ("  ", "x\r\nX-Evil: y", "x\n", " x", "x y", "x\ty", "x\0y", "tök", "x\ud800")
    ],
}


@pytest.mark.parametrize(
    ("why", "body"),
    [
        pytest.param(why, body, id=f"{why}-{body!a:.40}")
        for why, bodies in UNUSABLE.items()
        for body in bodies
    ],
)
def test_a_success_without_a_usable_token_is_one_typed_error_that_says_why(
    why: str, body: Any
) -> None:
    """Hazards F1, G7, S9: no exception of a parser, and nothing of the body in it."""
    with pytest.raises(InvalidTokenResponseError) as caught:
        parsed(body)
    assert str(caught.value) == (
        f"{HOST} responded 200, but the response cannot be used: {why}. This is not the response "
        f"of a token endpoint: check token_endpoint."
    )
    assert not caught.value.retryable
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("body", [GOOD, b"["])
def test_a_response_that_was_cut_is_not_used(body: Any) -> None:
    assert MAX_BYTES == 1024 * 1024
    with pytest.raises(InvalidTokenResponseError, match=r"it is longer than 1 MiB\."):
        parsed(body, is_truncated=True)


def test_the_member_and_the_hint_depend_on_the_endpoint() -> None:
    short = response_with({"token": "short"}, 200)
    assert parse_token_response(short, NOW, member="token").access_token == "short"
    for body, why in [(GOOD, "it has no token"), ({"token": "x\n"}, "its token is not one")]:
        response = response_with(body, 200)
        with pytest.raises(InvalidTokenResponseError, match=rf"{why}.*\. Use the source itself\.$"):
            parse_token_response(response, NOW, member="token", hint="Use the source itself.")


# -- members ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "read"),
    [
        *((named, "Bearer") for named in ("Bearer", "BEARER", None, "", 5, ["bearer"])),
        *((named, named) for named in ("JWT", "access_token")),
        *((named, None) for named in ("DPoP", "mac", "MAC", "PoP")),  # they need a proof
    ],
)
def test_a_token_type_is_one_that_a_bearer_header_can_carry(named: Any, read: str | None) -> None:
    """Hazard F7: in any case, missing, or a word of the server."""
    assert parsed({"access_token": "x"}).token_type == "Bearer"
    if read is None:
        with pytest.raises(InvalidTokenResponseError, match="that a bearer header cannot carry"):
            parsed(GOOD | {"token_type": named})
    else:
        assert parsed(GOOD | {"token_type": named}).token_type == read


LONG = " ".join(f"scope-{number}" for number in range(500))


@pytest.mark.parametrize(
    ("scope", "read"),
    [*((text, text) for text in ("a b", "a,B", "", LONG)), (None, None), (["api"], None)],
    ids=range(6),
)
def test_a_scope_is_kept_whole_and_is_unknown_if_it_is_not_text(
    scope: Any, read: str | None
) -> None:
    assert parsed(GOOD | {"scope": scope}).scope == read


def test_a_scope_that_quotes_the_token_hides_it() -> None:
    """It is logged."""
    assert parsed(GOOD | {"scope": f"api {GOOD['access_token']}"}).scope == "api <hidden>"


@pytest.mark.parametrize(
    ("requested", "granted", "missing"),
    [
        ("a b", "b a", None),
        ("a b", "A,B", None),
        ("a b", "b, a, c", None),
        ("a b", None, None),  # as requested: RFC 6749 §5.1
        ("a b", "a", "'b'"),
        ("api", "", "'api'"),
        ("api", "apis", "'api'"),
        (f"{LONG} last", LONG, "'last'"),
    ],
    ids=range(8),
)
def test_scopes_are_compared_as_sets(
    requested: str,
    granted: str | None,
    missing: str | None,
    source_with: SourceOf,
    endpoint: Origin,
    caplog: pytest.LogCaptureFixture,
) -> None:
    endpoint.handler = answering(200, json.dumps(GOOD | {"scope": granted}))
    source = source_with(scope=requested)
    for _ in range(2):
        assert source.renew().scope == (requested if granted is None else granted)
    warnings = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert len(warnings) == (missing is not None)
    assert all(f"without the scope {missing}," in warning for warning in warnings)


# -- lifetimes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (" 3600 ", 3600.0),
        ("+60", 60.0),
        ("60.", 60.0),
        (".5", 0.5),
        ("36E2", 3600.0),
        ("0", 0.0),
        ("-60", -60.0),
        (1_800_000_000_000, MAX_SECONDS),
        ("-" + "9" * 400, -MAX_SECONDS),
        ("1e999", MAX_SECONDS),
        (10**400, MAX_SECONDS),
        (-(10**400), -MAX_SECONDS),
        (math.inf, MAX_SECONDS),
        *dict.fromkeys(["", " ", "garbage", "3600s", "PT1H", "1,000", "1_000", "0x10"]).items(),
        ("1" * 100_000 + "x", None),
        *dict.fromkeys(["nan", "inf", "-", ".", "e5", "1e", "1 2", "٣٦٠٠", "12\u00a0"]).items(),
        *((odd, None) for odd in (None, math.nan, True, False, [3600], {"seconds": 3600})),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_seconds_may_be_a_number_or_its_text_and_are_unknown_otherwise(
    value: object, seconds: float | None
) -> None:
    """Hazard E4: what no clock can hold is clamped."""
    assert parse_seconds(value) == seconds


@same_examples_in_every_run
@given(st.integers(-(10**10), 10**10) | st.floats(-1e10, 1e10))
def test_a_number_and_its_text_are_the_same_seconds(number: float) -> None:
    """Hazard E4."""
    read = parse_seconds(number)
    assert type(read) is float
    assert read == parse_seconds(repr(number)) == parse_seconds(json.dumps(number)) == number


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        ("", None),
        (', "expires_in": NaN', None),
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
        assert token.expires_in is None or abs(token.expires_in) <= MAX_SECONDS
