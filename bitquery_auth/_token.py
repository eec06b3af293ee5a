"""A token, where tokens come from, and the simplest place: one that was copied."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from inspect import iscoroutinefunction
from typing import Any, Protocol, Self, runtime_checkable

from bitquery_auth._checks import check_header_text, check_plain_text, check_text, unexpected
from bitquery_auth._errors import ConfigurationError, conceals

_QUOTES = "'\"`"


@dataclass(frozen=True, slots=True)
class Token:
    """An access token (RFC 6749 §1.4). Its repr does not show it.

    Args:
        access_token: The token itself: printable ASCII, as a header can carry it.
        token_type: How it is used (RFC 6749 §7.1); Bitquery's tokens are bearer tokens.
        scope: What it is good for, space-separated, or None where that is unknown.
        expires_at: When it ends, with a time zone; None: unknown.

    Raises:
        ConfigurationError: a value that no request could carry, or a time without a zone.
    """

    access_token: str = field(repr=False)
    token_type: str = field(default="Bearer", kw_only=True)
    scope: str | None = field(default=None, kw_only=True)
    expires_at: datetime | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        check_header_text("access_token", self.access_token)
        check_plain_text("token_type", self.token_type)
        if self.scope is not None and not (isinstance(self.scope, str) and self.scope.isprintable()):
            raise unexpected("scope", "a printable string or None")
        if self.expires_at is not None:
            try:
                ends = self.expires_at.astimezone(UTC) if self.expires_at.tzinfo is not None else None
            except (AttributeError, OverflowError):  # it is no datetime; UTC has no such day
                ends = None
            if ends is None:
                raise unexpected(
                    "expires_at", "None, or a datetime that has a time zone: datetime.now(timezone.utc) + …"
                )
            object.__setattr__(self, "expires_at", ends)

    @property
    def expires_in(self) -> float | None:
        """Seconds left until it ends, negative once it has ended; None where that is unknown."""
        return None if self.expires_at is None else self.expires_at.timestamp() - time.time()


# The constructor that the dataclass has made holds the token in its frame.
Token.__init__ = conceals(Token.__init__)  # type: ignore[method-assign]  # it is the same, wrapped


@runtime_checkable
class TokenSource(Protocol):
    """Where tokens come from: all that an auth asks of one. Both methods may be called from any thread.

    A source may also have ``async def atoken(self) -> Token``; async callers use it, and otherwise
    call `token` in a worker thread.
    """

    def token(self) -> Token:
        """Give a token that is good now, fetching one if need be."""
        ...

    def discard(self, token: Token | str) -> None:
        """Forget this token, which was refused, and no other. No I/O."""
        ...


def check_token_source(field: str, value: object) -> TokenSource:
    """Accept whatever has the methods of a `TokenSource`.

    Raises:
        ConfigurationError: it has not, as with a bare token or a pair of credentials.
    """
    if (
        isinstance(value, type)
        or not isinstance(value, TokenSource)
        or any(map(iscoroutinefunction, (value.token, value.discard)))
    ):
        raise ConfigurationError(
            f"{field} must be a token source, not {type(value).__name__}: ClientCredentials(id, secret), "
            f"StaticToken(token), or an object with token() and discard(token), neither of them async."
        )
    return value


class Shared:
    """Copies and deep copies of it are the object itself: whatever clones a session shares its token."""

    __slots__ = ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class StaticToken(Shared):
    """A token that was copied from the account page: given out as it is, for as long as it lasts.

    When the API refuses it, the refusal is handed to the caller: there is no way to a new one.

    Args:
        access_token: As copied: surrounding whitespace, quotes and a ``Bearer `` in front are taken off.

    Raises:
        ConfigurationError: nothing is left, or it holds what no header can carry.
    """

    __slots__ = ("__weakref__", "_token")

    @conceals
    def __init__(self, access_token: str) -> None:
        check_text("access_token", access_token)
        self._token = Token(_as_meant(access_token))

    def token(self) -> Token:
        """Give the token."""
        return self._token

    def renew(self) -> Token:
        """Give the token: a static one cannot be renewed."""
        return self._token

    def discard(self, token: Token | str) -> None:
        """Do nothing: a static token has no successor."""

    async def atoken(self) -> Token:
        """Give the token."""
        return self._token

    async def arenew(self) -> Token:
        """Give the token: a static one cannot be renewed."""
        return self._token

    def __repr__(self) -> str:
        return "StaticToken(<hidden>)"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._token.access_token,)


def _as_meant(pasted: str) -> str:
    """Take off what comes along when a token is copied from a page, a header or an .env file."""
    text = None
    while text != pasted:
        text = pasted
        bare = text.strip().strip(_QUOTES).strip()
        scheme, _, rest = bare.partition(" ")
        pasted = rest if scheme.lower() == "bearer" else bare
    return pasted
