"""The checks of settings: what each takes, what it refuses, and that no refusal shows the value."""

import math
from collections import UserDict
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitquery_auth import _checks as checks
from bitquery_auth._checks import MAX_SECONDS
from bitquery_auth._errors import ConfigurationError

endpoint = partial(checks.check_endpoint, "field", insecure_http=False)

# Every value that is refused has this in it, where it can.
SENTINEL = "S3NTINEL"


def refusal_of(check: Callable[[str, Any], object], value: object) -> str:
    """The message of the ConfigurationError, which names the field and shows no value."""
    with pytest.raises(ConfigurationError) as caught:
        check("the_field", value)
    message = str(caught.value)
    assert message.startswith("the_field")
    assert message.endswith(".")
    assert SENTINEL.lower() not in message.lower()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return message


@pytest.mark.parametrize("value", ["x", " x ", "é", "x\n"])
def test_text_is_anything_that_is_not_blank(value: str) -> None:
    assert checks.check_text("field", value) == value


@pytest.mark.parametrize("value", ["", " ", "\t\n", "\u3000"])
@pytest.mark.parametrize(
    "check", [checks.check_text, checks.check_plain_text, checks.check_header_text, checks.check_header_name]
)
def test_blank_text_is_refused(check: Callable[[str, Any], object], value: str) -> None:
    """Hazard G8: an unset variable often is the reason."""
    assert "is blank: give its value (an unset environment variable often is the reason)" in refusal_of(check, value)


@pytest.mark.parametrize(
    ("value", "kind"), [(None, "None"), (5, "int"), (b"S3NTINEL", "bytes"), (["S3NTINEL"], "list"), (True, "bool")]
)
@pytest.mark.parametrize(
    "check",
    [
        checks.check_text,
        checks.check_plain_text,
        checks.check_header_text,
        checks.check_header_name,
        partial(checks.check_endpoint, insecure_http=False),
    ],
)
def test_what_is_no_text_is_refused_by_its_type(check: Callable[[str, Any], object], value: object, kind: str) -> None:
    assert f"must be a string, not {kind}." in refusal_of(check, value)


@pytest.mark.parametrize("value", ["a+ c:=/é€", " spaced ", "\U0001f511"])
def test_plain_text_is_anything_printable(value: str) -> None:
    """Hazard K2."""
    assert checks.check_plain_text("field", value) == value


@pytest.mark.parametrize("value", [f"{SENTINEL}\n", f"{SENTINEL}\r\nX: y", f"\0{SENTINEL}", f"{SENTINEL}\u2028"])
def test_plain_text_holds_no_control_characters(value: str) -> None:
    """Hazard S9."""
    assert "control character or a line end" in refusal_of(checks.check_plain_text, value)


@pytest.mark.parametrize("value", ["ory_at_x.y-z~+/=", "two words", "~!@#"])
def test_a_header_carries_printable_ascii(value: str) -> None:
    assert checks.check_header_text("field", value) == value


@pytest.mark.parametrize(
    "value", [f"{SENTINEL}\r\nX: y", f" {SENTINEL}", f"{SENTINEL} ", f"{SENTINEL}é", f"{SENTINEL}\t", f"{SENTINEL}\x7f"]
)
def test_a_header_carries_nothing_else(value: str) -> None:
    """Hazard S9."""
    assert "printable ASCII with no space around it" in refusal_of(checks.check_header_text, value)


@given(st.text(max_size=20))
def test_what_a_header_carries_can_be_sent(value: str) -> None:
    """Hazard S9."""
    try:
        checked = checks.check_header_text("field", value)
    except ConfigurationError:
        return
    assert checked.encode("ascii").strip() == value.encode()
    assert all(0x20 <= byte < 0x7F for byte in value.encode())


@pytest.mark.parametrize("value", ["Authorization", "X-API-Key", "x_1", "!#$%&'*+-.^_`|~09azAZ"])
def test_a_header_name_is_a_token(value: str) -> None:
    assert checks.check_header_name("field", value) == value


@pytest.mark.parametrize(
    "value", [f"{SENTINEL}: x", f"{SENTINEL} y", f"{SENTINEL}\r\n", f"{SENTINEL}é", f"{SENTINEL}²", f'"{SENTINEL}"']
)
def test_a_header_name_is_nothing_else(value: str) -> None:
    """Hazard S9."""
    assert "must be the name of a header" in refusal_of(checks.check_header_name, value)


@pytest.mark.parametrize("value", [None, "api", "a b c", "read:all urn:x#y!"])
def test_a_scope_is_none_or_words_with_single_spaces(value: str | None) -> None:
    assert checks.check_scope("field", value) == value


@pytest.mark.parametrize("value", [f"{SENTINEL}  b", f'{SENTINEL} "b"', f"{SENTINEL}\\b"])
def test_a_scope_is_nothing_else(value: str) -> None:
    assert "its scopes separated by single spaces; None sends none" in refusal_of(checks.check_scope, value)


@pytest.mark.parametrize("value", ["", f" {SENTINEL}", f"{SENTINEL}\n", [SENTINEL], ("a", SENTINEL), 5])
def test_a_scope_is_text_that_can_be_sent(value: object) -> None:
    refusal_of(checks.check_scope, value)


@pytest.mark.parametrize(("value", "seconds"), [(0, 0.0), (0.0, 0.0), (1, 1.0), (0.5, 0.5), (MAX_SECONDS, MAX_SECONDS)])
def test_seconds_are_numbers_from_zero_on(value: float, seconds: float) -> None:
    """Hazard E8: zero is a value."""
    checked = checks.check_seconds("field", value)
    assert checked == seconds
    assert type(checked) is float


@pytest.mark.parametrize("value", [MAX_SECONDS + 1, 1e300, 10**30, pytest.param(10**400, id="400 digits"), math.inf])
def test_more_seconds_than_a_clock_holds_are_brought_down(value: float) -> None:
    assert checks.check_seconds("field", value) == MAX_SECONDS
    assert MAX_SECONDS == 31_536_000_000


@pytest.mark.parametrize("value", [-1, -0.001, -math.inf, math.nan])
def test_negative_seconds_are_refused(value: float) -> None:
    assert "must be a number of seconds, at least zero" in refusal_of(checks.check_seconds, value)


@pytest.mark.parametrize("value", [0, 0.0, -0.0, -1, math.nan])
def test_where_zero_makes_no_sense_it_is_refused(value: float) -> None:
    assert "more than zero" in refusal_of(partial(checks.check_seconds, positive=True), value)
    assert "more than zero" in refusal_of(partial(checks.check_optional_seconds, positive=True), value)


@pytest.mark.parametrize(
    ("value", "kind"), [("60", "str"), (None, "None"), (True, "bool"), (Decimal(5), "Decimal"), ([1], "list")]
)
def test_seconds_are_numbers(value: object, kind: str) -> None:
    assert f"must be a number of seconds, not {kind}." in refusal_of(checks.check_seconds, value)


def test_optional_seconds_may_be_none_and_are_checked_else() -> None:
    """Hazard E8."""
    assert checks.check_optional_seconds("field", None) is None
    assert checks.check_optional_seconds("field", 0) == 0.0
    assert checks.check_optional_seconds("field", 0.001, positive=True) == 0.001
    assert "at least zero" in refusal_of(checks.check_optional_seconds, -1)


@pytest.mark.parametrize("value", [True, False])
def test_a_flag_is_true_or_false(value: bool) -> None:  # noqa: FBT001
    assert checks.check_flag("field", value) is value


@pytest.mark.parametrize(("value", "kind"), [(1, "int"), (0, "int"), (SENTINEL, "str"), (None, "None"), ("", "str")])
def test_a_flag_is_nothing_that_merely_counts_as_one(value: object, kind: str) -> None:
    assert f"must be True or False, not {kind}." in refusal_of(checks.check_flag, value)


@pytest.mark.parametrize("value", [None, {}])
def test_no_form_fields_are_none(value: dict[str, str] | None) -> None:
    assert checks.check_token_params("field", value) == ()


def test_form_fields_keep_their_order_and_a_sequence_repeats_its_field() -> None:
    """Hazard K6."""
    params = {"resource": ["https://b", "https://a"], "audience": "x", "empty": "", "again": ("1",)}
    assert checks.check_token_params("field", UserDict(params)) == (
        ("resource", "https://b"),
        ("resource", "https://a"),
        ("audience", "x"),
        ("empty", ""),
        ("again", "1"),
    )


@pytest.mark.parametrize("value", [f"audience={SENTINEL}", [("audience", SENTINEL)], 5])
def test_form_fields_are_a_mapping(value: object) -> None:
    assert "must be a mapping of form fields, such as {'audience': '…'}" in refusal_of(checks.check_token_params, value)


@pytest.mark.parametrize("name", [5, None, "", f"{SENTINEL}\n", b"audience", ("a",)])
def test_a_form_fields_name_is_printable(name: object) -> None:
    message = refusal_of(checks.check_token_params, {name: SENTINEL})
    assert "has a field whose name is not a printable string" in message


@pytest.mark.parametrize("name", ["grant_type", "scope", "client_secret"])
def test_form_fields_with_a_setting_of_their_own_are_refused(name: str) -> None:
    message = refusal_of(checks.check_token_params, {name: SENTINEL})
    assert f"must not hold {name!r}: it has a setting of its own" in message


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        b"S3NTINEL",
        [],
        (),
        [SENTINEL, 5],
        [[SENTINEL]],
        {SENTINEL},
        {"x": SENTINEL},
        f"{SENTINEL}\n",
        [SENTINEL, "\x00"],
        "\ud800",
    ],
)
def test_a_form_fields_value_is_text_or_a_sequence_of_texts(value: object) -> None:
    message = refusal_of(checks.check_token_params, {"resource": value})
    assert message == "the_field['resource'] must be a printable string or a sequence of such."


def test_what_is_none_of_the_allowed_values_is_told_which_they_are() -> None:
    assert str(checks.unexpected("replay", "one of all, safe, never")) == "replay must be one of all, safe, never."
