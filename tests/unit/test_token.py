"""A token and its end; a static token as it was meant when it was pasted; what counts as a source."""

import copy
import dataclasses
import pickle
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitquery_auth import ConfigurationError, StaticToken, Token, TokenSource

TOKEN = "ory_at_J4-x.~+/="


def test_a_token_has_what_it_was_given() -> None:
    ends = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
    token = Token(TOKEN, token_type="JWT", scope="api", expires_at=ends)
    assert (token.access_token, token.token_type, token.scope, token.expires_at) == (TOKEN, "JWT", "api", ends)


def test_a_token_is_a_bearer_token_of_unknown_end_and_scope() -> None:
    token = Token(TOKEN)
    assert (token.token_type, token.scope, token.expires_at, token.expires_in) == ("Bearer", None, None, None)


def test_a_tokens_end_is_given_in_utc() -> None:
    berlin = timezone(timedelta(hours=1))
    token = Token(TOKEN, expires_at=datetime(2027, 1, 15, 9, 0, tzinfo=berlin))
    assert token.expires_at == datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
    assert token.expires_at is not None
    assert token.expires_at.tzinfo is UTC


def test_a_tokens_end_needs_a_time_zone() -> None:
    with pytest.raises(ConfigurationError, match=r"expires_at .*a time zone"):
        Token(TOKEN, expires_at=datetime(2027, 1, 15, 9, 0))  # noqa: DTZ001 - that is the point


FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(("day", "hours"), [(LAST, -1), (LAST, -23), (FIRST, 1), (FIRST, 14)])
def test_a_tokens_end_is_a_day_that_utc_has(day: datetime, hours: int) -> None:
    """Hazard E4: no OverflowError, which no handler expects."""
    with pytest.raises(ConfigurationError, match="expires_at") as caught:
        Token(TOKEN, expires_at=day.replace(tzinfo=timezone(timedelta(hours=hours))))
    assert caught.value.__context__ is None


@pytest.mark.parametrize("day", [FIRST, LAST])
def test_the_first_and_the_last_day_of_utc_are_ends(day: datetime) -> None:
    assert Token(TOKEN, expires_at=day).expires_in is not None


@pytest.mark.parametrize("seconds", [-3600, -1, 1, 90, 3600])
def test_the_seconds_left_are_counted_from_now(seconds: int) -> None:
    """Hazard E9: negative once it has ended."""
    before = time.time()
    left = Token(TOKEN, expires_at=datetime.fromtimestamp(before + seconds, UTC)).expires_in
    passed = time.time() - before
    assert left is not None
    assert seconds - passed - 0.001 <= left <= seconds + 0.001


def test_a_token_is_frozen() -> None:
    """Hazard C5."""
    token = Token(TOKEN)
    with pytest.raises(dataclasses.FrozenInstanceError):
        token.access_token = "other"  # type: ignore[misc]


def test_tokens_with_the_same_members_are_equal() -> None:
    assert Token(TOKEN) == Token(TOKEN)
    assert hash(Token(TOKEN)) == hash(Token(TOKEN))
    assert Token(TOKEN) != Token(TOKEN, scope="api")


def test_all_but_the_token_is_named() -> None:
    with pytest.raises(TypeError):
        Token(TOKEN, "Bearer")  # type: ignore[call-arg]


@pytest.mark.parametrize("shown", [repr, str, "{}".format, "{!r}".format])
def test_a_token_does_not_show_itself(shown: Any) -> None:
    """Hazard S5."""
    assert TOKEN not in shown(Token(TOKEN))
    assert TOKEN not in shown(StaticToken(TOKEN))
    assert TOKEN not in shown([Token(TOKEN), StaticToken(TOKEN)])


def test_a_token_survives_pickle_and_copy() -> None:
    """Hazard P1."""
    token = Token(TOKEN, scope="api", expires_at=datetime(2027, 1, 15, tzinfo=UTC))
    assert pickle.loads(pickle.dumps(token)) == token
    assert copy.copy(token) == copy.deepcopy(token) == token


def test_an_ended_token_that_was_pickled_has_still_ended() -> None:
    """Hazard E9."""
    token = pickle.loads(pickle.dumps(Token(TOKEN, expires_at=datetime(2001, 1, 1, tzinfo=UTC))))
    assert token.expires_in < 0


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
        f'"Bearer {TOKEN}"',
        f'Bearer "{TOKEN}"',
        f"' Bearer ' {TOKEN}",
    ],
)
def test_a_static_token_is_taken_as_it_was_meant(pasted: str) -> None:
    source = StaticToken(pasted)
    assert source.token() == Token(TOKEN)


@pytest.mark.parametrize("token", ["Bearerx", "xBearer y", "bearer-token", "a'b", "x Bearer"])
def test_what_belongs_to_a_static_token_stays(token: str) -> None:
    assert StaticToken(token).token().access_token == token


@given(st.from_regex(r"[!-~]{1,40}", fullmatch=True), st.text(" \t\n'\"`", max_size=6), st.text(" \n'\"`", max_size=6))
def test_what_stands_around_a_static_token_makes_no_difference(token: str, before: str, after: str) -> None:
    bare = token.strip("'\"`")
    if bare:
        assert StaticToken(f"{before}{bare}{after}").token().access_token == bare


def test_a_static_token_has_no_successor() -> None:
    source = StaticToken(TOKEN)
    source.discard(source.token())
    source.discard(TOKEN)
    assert source.token() is source.renew()
    assert source.token().access_token == TOKEN


def test_a_copy_of_a_static_token_is_itself_and_a_pickle_gives_the_same_token() -> None:
    """Hazard P1."""
    source = StaticToken(f"Bearer {TOKEN}")
    assert copy.copy(source) is source
    assert copy.deepcopy(source) is source
    restored = pickle.loads(pickle.dumps(source))
    assert type(restored) is StaticToken
    assert restored.token() == source.token()


def test_whatever_has_both_methods_is_a_source() -> None:
    class Own:
        def token(self) -> Token:
            return Token(TOKEN)

        def discard(self, token: Token | str) -> None:
            pass

    assert isinstance(Own(), TokenSource)
    assert isinstance(StaticToken(TOKEN), TokenSource)
    assert not isinstance(Token(TOKEN), TokenSource)
    assert not isinstance(TOKEN, TokenSource)
