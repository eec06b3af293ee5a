"""A token and its expiry, and a static token as it was pasted."""

import copy
import pickle
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitquery_auth import ConfigurationError, StaticToken, Token, TokenSource
from tests.kit.examples import same_examples_in_every_run
from tests.settings.conftest import SENTINEL, message_of

TOKEN = "ory_at_J4-x.~+/="
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def test_a_token_has_what_it_was_made_of_and_its_expiry_in_utc() -> None:
    berlin = timezone(timedelta(hours=1))
    expires_at = datetime(2027, 1, 15, 9, 0, tzinfo=berlin)
    token = Token(TOKEN, token_type="JWT", scope="api", expires_at=expires_at)
    assert (token.access_token, token.token_type, token.scope) == (TOKEN, "JWT", "api")
    assert token.expires_at == datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
    assert token.expires_at is not None
    assert token.expires_at.tzinfo is UTC


def test_a_token_is_a_bearer_token_of_unknown_expiry_and_scope() -> None:
    token = Token(TOKEN)
    assert (token.token_type, token.scope) == ("Bearer", None)
    assert (token.expires_at, token.expires_in, token.is_expired) == (None, None, False)


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"access_token": " "}, "blank"),
        ({"access_token": f"{SENTINEL}\r\nX-Evil: 1"}, "printable ASCII"),
        ({"access_token": f"{SENTINEL}\n"}, "no space around"),
        ({"access_token": f"{SENTINEL}é"}, "printable ASCII"),
        ({"access_token": f"{SENTINEL} {SENTINEL}"}, "holds a space"),
        ({"token_type": f"{SENTINEL}\n"}, "line end"),
        ({"scope": f"{SENTINEL}\r\nX: y"}, "printable"),
        ({"expires_at": "2027-01-15"}, "time zone"),
        ({"expires_at": datetime(2027, 1, 15, 9, 0)}, "time zone"),  # noqa: DTZ001 - that is it
    ],
    ids=ascii,
)
def test_a_token_that_no_header_can_carry_is_an_error(settings: dict[str, Any], rule: str) -> None:
    """Hazard S9: a line end would begin another header."""
    message = message_of(lambda: Token(**{"access_token": "x", **settings}))
    assert next(iter(settings)) in message
    assert rule in message


@same_examples_in_every_run
@given(st.text(max_size=20))
def test_every_access_token_is_either_sendable_or_an_error(value: str) -> None:
    try:
        access_token = Token(value).access_token
    except ConfigurationError:
        return
    assert access_token == value
    assert all(0x21 <= byte < 0x7F for byte in value.encode("ascii"))


@pytest.mark.parametrize(("day", "hours"), [(LAST, -1), (LAST, -23), (FIRST, 1), (FIRST, 14)])
def test_the_expiry_of_a_token_is_a_day_that_utc_has(day: datetime, hours: int) -> None:
    """Hazard E4: no OverflowError, which no handler expects."""
    assert Token(TOKEN, expires_at=day).expires_in is not None
    with pytest.raises(ConfigurationError, match="expires_at") as caught:
        Token(TOKEN, expires_at=day.replace(tzinfo=timezone(timedelta(hours=hours))))
    assert caught.value.__context__ is None


@pytest.mark.parametrize("seconds", [-3600, -1, 90, 3600])
def test_the_seconds_left_count_from_now_and_are_negative_after_the_expiry(seconds: int) -> None:
    """Hazard E9: also after a pickle."""
    before = time.time()
    token = Token(TOKEN, expires_at=datetime.fromtimestamp(before + seconds, UTC))
    copies: list[Token] = [token, pickle.loads(pickle.dumps(token))]
    for each in copies:
        left = each.expires_in
        assert left is not None
        assert seconds - (time.time() - before) - 0.001 <= left <= seconds + 0.001
        assert each.is_expired is (seconds < 0)


def test_a_token_cannot_be_changed() -> None:
    """Hazard C5."""
    token: Any = Token(TOKEN)  # a type checker would find both
    with pytest.raises(AttributeError, match="immutable"):
        token.access_token = "other"
    with pytest.raises(AttributeError, match="immutable"):
        del token.scope
    assert token == Token(TOKEN)


def test_tokens_with_the_same_members_are_equal_also_after_pickle_and_copy() -> None:
    """Hazard P1."""
    token = Token(TOKEN, scope="api", expires_at=LAST)
    twin = Token(TOKEN, scope="api", expires_at=LAST)
    assert token == twin
    assert hash(token) == hash(twin)
    assert token != Token(TOKEN, expires_at=LAST)
    assert Token(TOKEN) != TOKEN
    assert pickle.loads(pickle.dumps(token)) == token
    assert copy.copy(token) == copy.deepcopy(token) == token


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format])
def test_a_token_does_not_show_itself(show: Any) -> None:
    """Hazard S5."""
    for shown in (Token(TOKEN), StaticToken(TOKEN), [Token(TOKEN), StaticToken(TOKEN)]):
        assert TOKEN not in show(shown)


# -- a static token --------------------------------------------------------------------------------

PASTED = [  # what people copy from a page, a header or an .env file
    f"  {TOKEN}\r\n",
    f"`{TOKEN}`",
    f"\"'{TOKEN}'\"",
    f"BEARER   {TOKEN}",
    f"Bearer Bearer {TOKEN}",
    f"`authorization: bearer {TOKEN}`",
    f'"Bearer {TOKEN}"',
    f'Bearer "{TOKEN}"',
    f"' Bearer ' {TOKEN}",
]


@pytest.mark.parametrize("pasted", PASTED)
def test_what_was_copied_along_with_a_static_token_is_removed(pasted: str) -> None:
    for given_as in (pasted, lambda: pasted):
        assert StaticToken(given_as).token() == Token(TOKEN)


around = st.text(" \t\n'\"`", max_size=6)


@same_examples_in_every_run
@given(st.from_regex(r"[!-~]{1,40}", fullmatch=True), around, around)
def test_quotes_and_spaces_around_a_static_token_make_no_difference(
    token: str, before: str, after: str
) -> None:
    bare = token.strip("'\"`")
    if bare and not bare.startswith("BQY"):
        assert StaticToken(f"{before}{bare}{after}").token().access_token == bare


@pytest.mark.parametrize("token", ["Bearerx", "bearer-token", "a'b"])
def test_what_belongs_to_a_static_token_is_kept(token: str) -> None:
    assert StaticToken(token).token().access_token == token


@pytest.mark.parametrize(
    ("pasted", "rule"),
    [
        ("", "blank"),
        ("''", "blank"),
        ("Bearer ", "blank"),
        (f"{SENTINEL}\nx", "printable ASCII"),
        (f"{SENTINEL} Bearer", "holds a space"),
        (f"x{SENTINEL} y", "holds a space"),
        (f"BQY{SENTINEL}", "V1 key"),
    ],
)
def test_what_cannot_be_a_static_token_is_an_error(pasted: str, rule: str) -> None:
    assert rule in message_of(lambda: StaticToken(pasted))
    assert rule in message_of(StaticToken(lambda: pasted).token)


def test_nothing_renews_a_static_token() -> None:
    source = StaticToken(TOKEN)
    source.discard(source.token())
    source.discard(TOKEN)
    assert source.token() is source.renew()
    assert source.token().access_token == TOKEN


def test_a_callable_is_asked_for_a_static_token_every_time(tmp_path: Path) -> None:
    """Example: a file that another program rotates."""
    file = tmp_path / "token"
    source = StaticToken(file.read_text)
    for token in ("first", "second"):
        file.write_text(f"{token}\n")
        assert source.token() == Token(token)


def test_a_copy_of_a_static_token_is_itself_and_a_pickle_has_the_same_token() -> None:
    """Hazard P1."""
    source = StaticToken(f"Bearer {TOKEN}")
    assert copy.copy(source) is source
    assert copy.deepcopy(source) is source
    restored = pickle.loads(pickle.dumps(source))
    assert type(restored) is StaticToken
    assert restored.token() == source.token()


def test_every_object_with_both_methods_is_a_source() -> None:
    class Own:
        def token(self) -> Token:
            return Token(TOKEN)

        def discard(self, token: Token | str) -> None:
            pass

    assert isinstance(Own(), TokenSource)
    assert isinstance(StaticToken(TOKEN), TokenSource)
    assert not isinstance(Token(TOKEN), TokenSource)
