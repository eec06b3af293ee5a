"""Numbers of seconds as servers send them: ``expires_in``, and ``Retry-After`` in both its forms."""

import json
import math
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitquery_auth._answer import Answer, judge, refusal, seconds_in
from bitquery_auth._checks import MAX_SECONDS
from bitquery_auth._errors import TokenEndpointError

NOW = 1_800_000_000.0
ENDPOINT = "https://auth.example.com/token"


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
def test_a_number_is_read_in_every_form_it_comes_in(value: object, seconds: float) -> None:
    """Hazard E4: int, float, numeric string; what no clock holds is brought down to what one can."""
    read = seconds_in(value)
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
def test_what_is_no_number_is_none(value: object) -> None:
    """Hazard E4."""
    assert seconds_in(value) is None


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
def test_an_answer_gives_its_own_lifetime_and_no_end_of_the_servers(raw: str, seconds: float | None) -> None:
    """Hazards E4, E5: expires_at, in milliseconds or not, is not looked at."""
    body = f'{{"access_token": "x"{raw}}}'.encode()
    assert judge(Answer(200, {}, body, ENDPOINT), NOW).expires_in == seconds


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12))
def test_whatever_it_is_it_becomes_a_number_that_a_clock_holds_or_none(value: object) -> None:
    """Hazard E4."""
    read = seconds_in(value)
    assert read is None or -MAX_SECONDS <= read <= MAX_SECONDS


@given(st.integers(-(10**10), 10**10) | st.floats(-1e10, 1e10))
def test_a_number_and_its_text_are_the_same(number: float) -> None:
    """Hazard E4."""
    assert seconds_in(number) == seconds_in(repr(number)) == seconds_in(json.dumps(number)) == float(number)


def retry_after(value: str) -> float | None:
    return refusal(Answer(429, {"Retry-After": value}, b"{}", ENDPOINT), NOW).retry_after


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 120 ", 120.0),
        ("9" * 400, MAX_SECONDS),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        (formatdate(NOW - 90, usegmt=True), 0.0),
        ("Fri, 15 Jan 2027 08:01:30 +0000", 90.0),
        ("Fri, 15 Jan 2027 09:01:30 +0100", 90.0),
        ("Friday, 15-Jan-27 08:01:30 GMT", 90.0),
        ("Fri Jan 15 08:01:30 2027", 90.0),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_retry_after_is_read_as_seconds_and_as_a_date(value: str, seconds: float) -> None:
    """Hazard F3: RFC 9110 §10.2.3, and the two old forms of a date that §5.6.7 says to read."""
    assert retry_after(value) == seconds


@pytest.mark.parametrize(
    "value",
    ["", " ", "soon", "-5", "1.5", "1e3", "²", "٣", "+5", "120 s", "Fri, 32 Jan 2027 08:00:00 GMT", "0, 120"],
)
def test_a_retry_after_that_says_nothing_is_none(value: str) -> None:
    assert retry_after(value) is None


@pytest.mark.parametrize(("status", "body"), [(503, b""), (200, b'{"error": "slow_down"}')])
def test_a_date_is_counted_from_the_time_of_the_answer(status: int, body: bytes) -> None:
    answer = Answer(status, {"Retry-After": formatdate(NOW + 90, usegmt=True)}, body, ENDPOINT)
    with pytest.raises(TokenEndpointError) as caught:
        judge(answer, NOW)
    assert caught.value.retry_after == 90.0


def test_a_missing_retry_after_is_none() -> None:
    assert refusal(Answer(503, {}, b"", ENDPOINT), NOW).retry_after is None


@given(st.text(max_size=40) | st.from_regex(r"[A-Z][a-z]{2}, \d\d? [A-Z][a-z]{2} \d{1,5} \d\d:\d\d:\d\d( [+-]\d{4})?"))
def test_whatever_retry_after_says_it_is_a_number_or_none(value: str) -> None:
    """Hazard F1."""
    read = retry_after(value)
    assert read is None or read >= 0


@pytest.fixture
def move_to() -> Iterator[Callable[[str], None]]:
    """Let the machine stand in another time zone."""
    patch = pytest.MonkeyPatch()

    def move(zone: str) -> None:
        patch.setenv("TZ", zone)
        time.tzset()

    yield move
    patch.undo()
    time.tzset()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system keeps its time zone to itself")
@pytest.mark.parametrize("value", ["Fri Jan 15 08:01:30 2027", "Fri, 15 Jan 2027 08:01:30 GMT"])
def test_a_date_is_one_of_greenwich_wherever_the_machine_stands(move_to: Callable[[str], None], value: str) -> None:
    """Hazard F3: RFC 9110 §5.6.7; the asctime form does not say so itself."""
    move_to("EST+5")
    assert retry_after(value) == 90.0
