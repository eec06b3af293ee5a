"""A token and its expiry, a static token as it was pasted, and what counts as a source."""

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

TOKEN = "ory_at_J4-x.~+/="


def test_a_token_has_what_it_was_made_of() -> None:
    expires_at = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
    token = Token(TOKEN, token_type="JWT", scope="api", expires_at=expires_at)
    assert (token.access_token, token.token_type) == (TOKEN, "JWT")
    assert (token.scope, token.expires_at) == ("api", expires_at)


def test_a_token_is_a_bearer_token_of_unknown_expiry_and_scope() -> None:
    token = Token(TOKEN)
    assert (token.token_type, token.scope) == ("Bearer", None)
    assert (token.expires_at, token.expires_in, token.is_expired) == (None, None, False)


def test_the_expiry_of_a_token_is_in_utc() -> None:
    berlin = timezone(timedelta(hours=1))
    token = Token(TOKEN, expires_at=datetime(2027, 1, 15, 9, 0, tzinfo=berlin))
    assert token.expires_at == datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
    assert token.expires_at is not None
    assert token.expires_at.tzinfo is UTC


def test_the_expiry_of_a_token_needs_a_time_zone() -> None:
    with pytest.raises(ConfigurationError, match=r"expires_at .*a time zone"):
        Token(TOKEN, expires_at=datetime(2027, 1, 15, 9, 0))  # noqa: DTZ001 - that is the mistake


FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(("day", "hours"), [(LAST, -1), (LAST, -23), (FIRST, 1), (FIRST, 14)])
def test_the_expiry_of_a_token_is_a_day_that_utc_has(day: datetime, hours: int) -> None:
    """Hazard E4: no OverflowError, which no handler expects."""
    with pytest.raises(ConfigurationError, match="expires_at") as caught:
        Token(TOKEN, expires_at=day.replace(tzinfo=timezone(timedelta(hours=hours))))
    assert caught.value.__context__ is None


@pytest.mark.parametrize("day", [FIRST, LAST])
def test_a_token_may_expire_on_the_first_and_on_the_last_day_of_utc(day: datetime) -> None:
    assert Token(TOKEN, expires_at=day).expires_in is not None


@pytest.mark.parametrize("seconds", [-3600, -1, 1, 90, 3600])
def test_the_seconds_left_count_from_now_and_are_negative_after_the_expiry(seconds: int) -> None:
    """Hazard E9."""
    before = time.time()
    token = Token(TOKEN, expires_at=datetime.fromtimestamp(before + seconds, UTC))
    left = token.expires_in
    passed = time.time() - before
    assert left is not None
    assert seconds - passed - 0.001 <= left <= seconds + 0.001
    assert token.is_expired is (seconds < 0 or passed >= seconds)


def test_a_token_cannot_be_changed() -> None:
    """Hazard C5."""
    token = Token(TOKEN)
    with pytest.raises(AttributeError, match="immutable"):
        token.access_token = "other"
    with pytest.raises(AttributeError, match="immutable"):
        del token.scope
    assert token == Token(TOKEN)


def test_tokens_with_the_same_members_are_equal() -> None:
    assert Token(TOKEN) == Token(TOKEN)
    assert hash(Token(TOKEN)) == hash(Token(TOKEN))
    assert Token(TOKEN) != Token(TOKEN, scope="api")
    assert Token(TOKEN) != TOKEN


def test_all_arguments_of_a_token_but_the_first_have_names() -> None:
    with pytest.raises(TypeError):
        Token(TOKEN, "Bearer")  # type: ignore[call-arg]  # that is the mistake


@pytest.mark.parametrize("bad", ["", " ", "a b", "a\n", "a\r\nX: y", "tökén", "a\0"])
def test_a_token_that_no_header_can_carry_is_rejected(bad: str) -> None:
    """Hazard S9."""
    with pytest.raises(ConfigurationError, match="access_token"):
        Token(bad)


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format])
def test_a_token_does_not_show_itself(show: Any) -> None:
    """Hazard S5."""
    assert TOKEN not in show(Token(TOKEN))
    assert TOKEN not in show(StaticToken(TOKEN))
    assert TOKEN not in show([Token(TOKEN), StaticToken(TOKEN)])


def test_a_token_survives_pickle_and_copy() -> None:
    """Hazard P1."""
    token = Token(TOKEN, scope="api", expires_at=datetime(2027, 1, 15, tzinfo=UTC))
    assert pickle.loads(pickle.dumps(token)) == token
    assert copy.copy(token) == copy.deepcopy(token) == token


def test_an_expired_token_that_was_pickled_is_still_expired() -> None:
    """Hazard E9."""
    token = Token(TOKEN, expires_at=datetime(2001, 1, 1, tzinfo=UTC))
    restored = pickle.loads(pickle.dumps(token))
    assert restored.is_expired
    assert restored.expires_in < 0


# -- a static token --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pasted",
    [
        TOKEN,
        f"  {TOKEN}\n",
        f"{TOKEN}\r\n",
        f'"{TOKEN}"',
        f"'{TOKEN}'",
        f"`{TOKEN}`",
        f' "{TOKEN}" \n',
        f"\"'{TOKEN}'\"",
        f"Bearer {TOKEN}",
        f"bearer {TOKEN}",
        f"BEARER   {TOKEN}",
        f"Bearer Bearer {TOKEN}",
        f"Authorization: Bearer {TOKEN}",
        f'"Bearer {TOKEN}"',
        f'Bearer "{TOKEN}"',
        f"' Bearer ' {TOKEN}",
    ],
)
def test_what_was_copied_along_with_a_static_token_is_removed(pasted: str) -> None:
    assert StaticToken(pasted).token() == Token(TOKEN)


@pytest.mark.parametrize("token", ["Bearerx", "bearer-token", "a'b"])
def test_what_belongs_to_a_static_token_is_kept(token: str) -> None:
    assert StaticToken(token).token().access_token == token


around = st.text(" \t\n'\"`", max_size=6)


@same_examples_in_every_run
@given(st.from_regex(r"[!-~]{1,40}", fullmatch=True), around, around)
def test_quotes_and_spaces_around_a_static_token_make_no_difference(
    token: str, before: str, after: str
) -> None:
    bare = token.strip("'\"`")
    if bare and not bare.startswith("BQY"):
        assert StaticToken(f"{before}{bare}{after}").token().access_token == bare


@pytest.mark.parametrize("bad", ["", "  ", "''", "Bearer ", "xBearer y", "x Bearer", "BQYabc"])
def test_a_static_token_that_cannot_be_used_is_rejected_at_once(bad: str) -> None:
    with pytest.raises(ConfigurationError, match="access_token"):
        StaticToken(bad)


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
    assert not isinstance(TOKEN, TokenSource)
