"""`Secret` and `redact`, the only places that hide."""

from urllib.parse import quote, quote_plus

from hypothesis import given
from hypothesis import strategies as st

from bitquery_auth._secret import Secret, redact
from tests.kit.examples import same_examples_in_every_run


def test_a_secret_is_plain_text_that_shows_itself_in_no_repr() -> None:
    secret = Secret("s3ntinel")
    assert (str(secret), f"{secret}", secret) == ("s3ntinel",) * 3
    assert "s3ntinel" not in f"{secret!r} {[secret]!r} { ({'key': secret})!r}"


@same_examples_in_every_run
@given(st.text("abcXYZ019-._~+/= %&é", min_size=8, max_size=30), st.integers(0, 520))
def test_a_secret_is_hidden_in_every_form_before_the_text_is_cut(secret: str, start: int) -> None:
    for form in (secret, quote(secret, safe=""), quote_plus(secret)):
        text = redact(f"{'!' * start}{form}{'!' * 600}", [secret, ""])
        assert len(text) <= 500
        assert set(text) <= set("!<hidden>"), text


def test_the_text_of_a_server_becomes_one_printable_line() -> None:
    """It forges no line of a log, and moves no cursor of a terminal."""
    text = redact("\x1b[31mred\x07\x9b2J\r\nline \u202eeman\u202c \u2028 end\ud800")
    assert text.isprintable()
    assert text.split() == ["[31mred", "2J", "line", "eman", "end"]
