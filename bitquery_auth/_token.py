"""A token, where tokens come from, and the simplest source: a token that somebody copied."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, Self, cast, runtime_checkable

from bitquery_auth._checks import (
    check_access_token,
    check_plain_text,
    check_text,
    is_async,
    must_be,
)
from bitquery_auth._errors import ConfigurationError
from bitquery_auth._secret import Secret
from bitquery_auth._threads import call_in_worker_thread

_QUOTES = "'\"`"
_WRAPPING = re.compile(r"^\s*(authorization\s*:|bearer(\s+|$))|\s+$", re.IGNORECASE)
"""What stands around a token in a header, and is copied along."""

V1_KEY_PREFIX = "BQY"
V1_KEY_MESSAGE = (
    "holds a V1 key (BQY…), which the V2 API does not accept: create an application of type "
    "Automatic at account.bitquery.io and use its id and secret, or a token (ory_at_…) from that "
    "page."
)


class Token:
    """An access token (RFC 6749 §1.4). It is immutable, and its repr does not show it.

    Args:
        access_token: The token itself: printable ASCII without spaces, as a header can carry it.
        token_type: How it is used (RFC 6749 §7.1). Bitquery's tokens are bearer tokens.
        scope: The scopes that it was granted, or None if they are not known.
        expires_at: When it expires, with a time zone, or None if that is not known.

    Attributes:
        access_token: As given.
        token_type: As given.
        scope: As given.
        expires_at: The same moment in UTC.

    Raises:
        ConfigurationError: No request could carry the value, or the time has no zone.
    """

    # Not a dataclass: what that imports would be a tenth of the time to import this package.

    if TYPE_CHECKING:  # read-only: type checkers accept any assignment where a __setattr__ is

        @property
        def access_token(self) -> str: ...
        @property
        def token_type(self) -> str: ...
        @property
        def scope(self) -> str | None: ...
        @property
        def expires_at(self) -> datetime | None: ...

    else:
        __slots__ = ("access_token", "expires_at", "scope", "token_type")

        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError("a Token is immutable")

        def __delattr__(self, name: str) -> None:
            raise AttributeError("a Token is immutable")

    def __init__(
        self,
        access_token: str,
        *,
        token_type: str = "Bearer",  # noqa: S107 - a type, not a secret
        scope: str | None = None,
        expires_at: datetime | None = None,
    ) -> None:
        set_attribute = object.__setattr__
        set_attribute(self, "access_token", str(access_token))  # others cannot serialise a Secret
        set_attribute(self, "token_type", token_type)
        set_attribute(self, "scope", scope)
        set_attribute(self, "expires_at", expires_at)
        check_access_token("access_token", access_token)
        check_plain_text("token_type", token_type)
        if scope is not None and not (isinstance(scope, str) and scope.isprintable()):
            raise must_be("scope", "a printable string or None")
        if expires_at is not None:
            set_attribute(self, "expires_at", _in_utc(expires_at))

    @property
    def expires_in(self) -> float | None:
        """Seconds until it expires, negative if it has, None if that is not known."""
        return None if self.expires_at is None else self.expires_at.timestamp() - time.time()

    @property
    def is_expired(self) -> bool:
        """Whether it is known to have expired."""
        seconds = self.expires_in
        return seconds is not None and seconds <= 0

    def __eq__(self, other: object) -> bool:
        return self._fields() == other._fields() if isinstance(other, Token) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._fields())

    def __repr__(self) -> str:
        return (
            f"Token(<hidden>, token_type={self.token_type!r}, scope={self.scope!r}, "
            f"expires_at={self.expires_at!r})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _token, self._fields()

    def _fields(self) -> tuple[str, str, str | None, datetime | None]:
        return self.access_token, self.token_type, self.scope, self.expires_at


def _token(
    access_token: str, token_type: str, scope: str | None, expires_at: datetime | None
) -> Token:
    return Token(access_token, token_type=token_type, scope=scope, expires_at=expires_at)


def _in_utc(expires_at: datetime) -> datetime:
    try:
        if expires_at.tzinfo is not None:
            return expires_at.astimezone(UTC)
    except (AttributeError, OverflowError):  # not a datetime; UTC has no such day
        pass
    raise must_be(
        "expires_at",
        "None or a datetime with a time zone: datetime.now(timezone.utc) + timedelta(…)",
    )


@runtime_checkable
class TokenSource(Protocol):
    """Where tokens come from: all that an auth asks of a source, from any thread.

    A source may also have:

    - ``async def atoken(self) -> Token``, which async callers use; otherwise `token` is called in
      a worker thread;
    - ``is_fresh(token) -> bool``: whether a token was requested after the last `discard`. If the
      API rejects a token that is not, such as one from a store that others use as well, the auth
      discards it too instead of backing off;
    - ``default_allowed_hosts``, a tuple of host names: which hosts may see its tokens by default.
      An empty tuple means that an auth over this source must name them. Without it, they are
      Bitquery's.
    """

    def token(self) -> Token:
        """Return a token that is valid now; fetch one if necessary."""
        ...

    def discard(self, token: Token | str) -> None:
        """Forget this token, which was rejected, and no other. No I/O."""
        ...


def check_token_source(field: str, value: object) -> TokenSource:
    """Require an object with the methods of a `TokenSource`, and name the usual mistakes."""
    if isinstance(value, Source):
        return cast("TokenSource", value)
    if isinstance(value, type):
        raise ConfigurationError(
            f"{field} is the class {value.__name__} itself: write {value.__name__}(…), with its "
            f"arguments."
        )
    if isinstance(value, TokenSource) and not is_async(value.token) and not is_async(value.discard):
        return value
    if hasattr(value, "headers") and hasattr(value, "url"):
        raise ConfigurationError(
            "An auth class was given as auth= itself: write auth=RequestsAuth(source) for "
            "requests, auth=HTTPXAuth(source) for httpx."
        )
    if type(value).__name__.endswith("Auth"):
        raise ConfigurationError(
            f"{field} is an auth, {type(value).__name__}: write the token source in its place."
        )
    if callable(value):
        name = getattr(value, "__qualname__", type(value).__name__)
        raise ConfigurationError(f"{field} is the function {name} itself: call it, {name}().")
    raise ConfigurationError(
        f"{field} must be a token source, not {type(value).__name__}: ClientCredentials(id, "
        f"secret), StaticToken(token), or an object with token() and discard(token), neither of "
        f"them async."
    )


class CopyReturnsSelf:
    """A copy or deep copy of it is the object itself, so that clones of a session share a token."""

    __slots__ = ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class Source(CopyReturnsSelf):
    """What the token sources of this package have in common."""

    __slots__ = ("__weakref__", "default_allowed_hosts")

    default_allowed_hosts: tuple[str, ...] | None

    if not TYPE_CHECKING:  # a type checker must find this mistake, so it must not see the method

        def __call__(self, *_: object, **__: object) -> None:
            """Say what to write where a source was given as ``auth=``.

            Raises:
                ConfigurationError: Always.
            """
            raise ConfigurationError(
                "A token source is not an auth: write auth=RequestsAuth(source) for requests, "
                "auth=HTTPXAuth(source) for httpx and httpx2."
            )


class StaticToken(Source):
    """A token from the account page. It is used as it is, and nothing can renew it.

    A 401 from the API is returned to the caller::

        session.auth = RequestsAuth(StaticToken("ory_at_…"))

    Args:
        access_token: As copied: surrounding whitespace and quotes, ``Authorization:`` and
            ``Bearer`` are removed. A callable is asked at every `token`: for example, it reads a
            file that another program rotates.

    Raises:
        ConfigurationError: Nothing is left, it is a V1 key, or no header can carry it.
    """

    __slots__ = ("_given", "_token")

    def __init__(self, access_token: str | Callable[[], str]) -> None:
        self.default_allowed_hosts = None
        self._given: str | Callable[[], str]
        self._token: Token | None = None
        if callable(access_token):
            self._given = access_token
        else:
            self._given = access_token = Secret(check_text("access_token", access_token))
            self._token = _pasted_token(access_token)

    def token(self) -> Token:
        """Return the token.

        Raises:
            ConfigurationError: The callable returned something that is not a token.
        """
        if callable(self._given):
            return _pasted_token(Secret(check_text("What access_token returned", self._given())))
        return cast("Token", self._token)

    def renew(self) -> Token:
        """Return the token: a static one cannot be renewed."""
        return self.token()

    def discard(self, token: Token | str) -> None:
        """Do nothing: there is no other token."""

    async def atoken(self) -> Token:
        """Return the token, without blocking the event loop."""
        if callable(self._given):
            return await call_in_worker_thread(self.token)
        return self.token()

    async def arenew(self) -> Token:
        """Return the token: a static one cannot be renewed."""
        return await self.atoken()

    def __repr__(self) -> str:
        return "StaticToken(<hidden>)"

    def __reduce__(self) -> tuple[Any, ...]:
        return _static_token, (self._given, self.default_allowed_hosts)


def _static_token(
    access_token: str | Callable[[], str], default_allowed_hosts: tuple[str, ...] | None
) -> StaticToken:
    source = StaticToken(access_token)
    source.default_allowed_hosts = default_allowed_hosts
    return source


def _pasted_token(pasted: str) -> Token:
    """Remove what is copied along from a page, a header or an .env file, until nothing changes."""
    text = None
    while text != pasted:
        text = pasted
        pasted = Secret(_WRAPPING.sub("", text.strip().strip(_QUOTES)))
    if pasted.startswith(V1_KEY_PREFIX):
        raise ConfigurationError(f"access_token {V1_KEY_MESSAGE}")
    return Token(pasted)
