"""A source that keeps its token: one fetch at a time, refresh ahead of expiry, backoff.

`expiry.decide` makes every decision; this module carries it out. It is the one place that shares
state between threads, and it needs no lock: the cached token and the backoff are immutable tuples
that only the fetch in progress replaces, and there is one such fetch (`single_flight`). A discarded
token is not removed but added to a set, since "compare and remove" is not atomic: a late 401 could
remove the successor of the token that it was about.
"""

from __future__ import annotations

import hmac
import json
import os
import random
import sys
import time
import weakref
from abc import ABC, abstractmethod
from typing import Any, Self

from bitquery_auth._checks import check_optional_seconds, check_seconds
from bitquery_auth._errors import (
    BitqueryAuthError,
    CallableFailedError,
    ConfigurationError,
    ProcessFrozenError,
    TokenRequestError,
    copy_error,
)
from bitquery_auth._log import logger
from bitquery_auth._secret import Secret
from bitquery_auth._sources.expiry import (
    FIRST_BACKOFF,
    Action,
    Backoff,
    CachedToken,
    FetchedToken,
    Instant,
    decide,
    schedule,
)
from bitquery_auth._sources.single_flight import Fetch
from bitquery_auth._token import Source, Token

Result = Token | BitqueryAuthError


def now() -> Instant:
    """Return the time on both clocks."""
    return Instant(time.monotonic(), time.time())


class CachingTokenSource(Source, ABC):
    """What the sources that fetch tokens have in common. A subclass says how one is fetched.

    Args:
        leeway: A token with fewer seconds left is replaced before it is used.
        renew_ahead: How many seconds before that it is refreshed in the background.
        max_wait: Seconds after which a caller no longer waits for a fetch of another caller,
            such as one that is stuck in the resolution of a name; None for no limit.
    """

    _arguments: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Keep the arguments, from which a pickle makes another one."""
        source = super().__new__(cls)
        source._arguments = args, kwargs
        return source

    def __init__(
        self,
        *,
        leeway: float,
        renew_ahead: float | None,
        max_wait: float | None = None,
    ) -> None:
        self.default_allowed_hosts = None
        self._leeway = check_seconds("leeway", leeway)
        self._renew_ahead = check_optional_seconds("renew_ahead", renew_ahead)
        self._max_wait = max_wait
        self._cached: CachedToken | None = None
        self._rejected: set[str] = set()
        self._backoff = Backoff()
        self._refresh_fails = False
        self._was_frozen = False
        self._last_fetch: Fetch[Result] = Fetch.none_yet()
        _every_source.add(self)

    @abstractmethod
    def _fetch(self, *, rejected: frozenset[str], force: bool) -> FetchedToken:
        """Fetch one token.

        Args:
            rejected: Tokens that were discarded since the last fetch.
            force: Whether only a token that nobody has yet will do.

        Raises:
            BitqueryAuthError: There is no token.
        """

    # -- what callers use ------------------------------------------------------------------------

    def token(self) -> Token:
        """Return a token that is valid now; fetch one, or wait for a fetch, only if necessary.

        Raises:
            BitqueryAuthError: There is no token; its subclasses say why.
        """
        return self._ready_token() or self._obtain(force=False)

    def renew(self) -> Token:
        """Return a new token, whatever is cached or a backoff says; join a fetch in progress.

        Many callers who want to replace one old token call ``discard(old)`` and `token` instead,
        which costs one token in all.

        Raises:
            BitqueryAuthError: There is no token.
        """
        return self._obtain(force=True)

    async def atoken(self) -> Token:
        """Return what `token` returns, without blocking the event loop (asyncio or trio)."""
        return self._ready_token() or await self._obtain_async(force=False)

    async def arenew(self) -> Token:
        """Return what `renew` returns, without blocking the event loop."""
        return await self._obtain_async(force=True)

    def discard(self, token: Token | str) -> None:
        """Forget this token and no other. No I/O: the next caller fetches.

        Args:
            token: A `Token` or its string.
        """
        access_token = token if isinstance(token, str) else token.access_token
        cached = self._current()
        if cached is not None and cached.token.access_token == access_token:
            self._rejected.add(Secret(access_token))
            logger.debug("token discarded: it was rejected or revoked: %s", self)

    def is_fresh(self, token: Token) -> bool:
        """Whether a token was requested after the last `discard`, as `TokenSource` describes it."""
        cached = self._cached
        return cached is None or cached.token is not token or cached.is_fresh

    # -- how a token is obtained -----------------------------------------------------------------

    def _ready_token(self) -> Token | None:
        """Return the cached token if it is not due for refresh: the path of nearly every call."""
        cached = self._cached
        if cached is None or self._rejected:
            return None
        monotonic, wall = cached.refresh_at
        return cached.token if time.monotonic() < monotonic and time.time() < wall else None

    def _current(self) -> CachedToken | None:
        """Return the cached token unless it was discarded."""
        cached = self._cached
        return None if cached is None or cached.token.access_token in self._rejected else cached

    def _valid_token(self, moment: Instant) -> Token | None:
        cached = self._current()
        return None if cached is None or cached.expires_at.has_passed(moment) else cached.token

    def _obtain(self, *, force: bool) -> Token:
        while True:
            step = self._next_step(force=force)
            if isinstance(step, Token):
                return step
            fetch, is_mine = step
            if is_mine:
                fetch.run()
            elif not fetch.wait(self._max_wait):
                return self._without_waiting(force=force)
            if (token := self._token_from(fetch, force=force)) is not None:
                return token

    async def _obtain_async(self, *, force: bool) -> Token:
        while True:
            step = self._next_step(force=force)
            if isinstance(step, Token):
                return step
            fetch, is_mine = step
            if is_mine:
                fetch.start()
            if not await fetch.wait_async(self._max_wait):
                return self._without_waiting(force=force)
            if is_mine and fetch.interrupted_by is not None:
                raise fetch.interrupted_by
            if (token := self._token_from(fetch, force=force)) is not None:
                return token

    def _next_step(self, *, force: bool) -> Token | tuple[Fetch[Result], bool]:
        """Return a token to use, or a fetch to wait for and whether the caller must run it."""
        while True:
            # In this order: a fetch that completes in between has already cached its token.
            self._last_fetch = last = self._last_fetch.latest
            fetching = not last.completed
            cached, backoff, moment = self._current(), self._backoff, now()
            action = decide(cached, backoff, moment, fetching=fetching, force=force)
            if action is Action.USE and cached is not None:
                return cached.token
            if action is Action.FAIL and backoff.error is not None:
                raise self._still_failing(backoff.error, moment)
            if action is Action.WAIT:
                if last.runs_on_this_thread:
                    raise ConfigurationError(_REENTERED)
                return last, False
            fetch = self._new_fetch(in_background=action is Action.REFRESH, force=force)
            if not last.follow_with(fetch):
                continue  # another caller was first
            if action is Action.REFRESH and cached is not None:
                fetch.start()
                return cached.token
            return fetch, True

    def _new_fetch(self, *, in_background: bool, force: bool) -> Fetch[Result]:
        fetch: Fetch[Result] = Fetch(
            lambda: self._run_fetch(fetch, force=force), in_background=in_background
        )
        return fetch

    def _token_from(self, fetch: Fetch[Result], *, force: bool) -> Token | None:
        """Return the token that a fetch brought, or None if the caller is to decide again."""
        result = fetch.result
        if result is None or isinstance(result, Token):
            return result
        if fetch.in_background:
            return None  # it was begun for nobody: callers share a fetch of their own
        moment = now()
        if not force and (valid := self._valid_token(moment)) is not None:
            return valid
        raise self._for_caller(result, moment)

    # -- what a fetch does -----------------------------------------------------------------------

    def _run_fetch(self, fetch: Fetch[Result], *, force: bool) -> Result | None:
        """Fetch, and note the outcome before any caller sees it."""
        rejected = frozenset(self._rejected)
        logger.debug("fetching a token (%s): %s", self._reason(rejected, force=force), self)
        error: BaseException
        try:
            return self._succeeded(self._fetch(rejected=rejected, force=force), rejected)
        except BaseException as caught:  # noqa: BLE001 - raised again, or kept for the caller
            error = caught
        if isinstance(error, BitqueryAuthError):
            return self._unsuccessful(error, fetch, force=force)
        # Not an outcome of the request: a soft time limit, KeyboardInterrupt, a bug. It belongs to
        # the caller who runs the fetch. The frames that it came through hold the secret.
        error.__context__ = None
        return self._interrupted(error.with_traceback(None), fetch)

    def _unsuccessful(
        self, error: BitqueryAuthError, fetch: Fetch[Result], *, force: bool
    ) -> Result | None:
        keeps_token = fetch.in_background or (not force and self._valid_token(now()) is not None)
        if isinstance(error, CallableFailedError) and error.__cause__ and not keeps_token:
            fetch.result = ConfigurationError(str(error))  # for those who wait: nobody repeats it
            raise error.__cause__
        is_first_freeze = isinstance(error, ProcessFrozenError) and not self._was_frozen
        self._was_frozen = is_first_freeze
        if is_first_freeze:  # only once, because a very slow resolver looks the same
            logger.debug("the process was frozen during a token request: %s", self)
            return None
        return self._failed(error, fetch)

    def _interrupted(self, error: BaseException, fetch: Fetch[Result]) -> Result:
        if fetch.in_background:
            name = type(error).__name__
            return self._failed(TokenRequestError(f"The token request failed: {name}."), fetch)
        raise error

    def _succeeded(self, fetched: FetchedToken, rejected: frozenset[str]) -> Token:
        if not self._rejected <= rejected:  # discarded while the request was under way
            fetched = fetched._replace(is_fresh=False)
        jitter = random.random()  # noqa: S311 - spreads load, protects nothing
        cached = schedule(
            fetched, leeway=self._leeway, renew_ahead=self._renew_ahead, jitter=jitter
        )
        moment = now()
        if cached.expires_at.has_passed(moment):
            # Expired on arrival: for those who waited. A valid token stays, and is not refreshed at
            # every request.
            self._backoff = Backoff(moment.plus(FIRST_BACKOFF))
        else:
            self._cached = cached
            self._rejected -= rejected
            self._backoff = Backoff()
        self._was_frozen = False
        recovered, self._refresh_fails = self._refresh_fails, False
        lifetime = "an unknown time" if fetched.lifetime is None else f"{fetched.lifetime:.0f} s"
        scope = "unknown" if fetched.token.scope is None else repr(fetched.token.scope)
        logger.debug("token received, valid for %s, scope %s: %s", lifetime, scope, self)
        if recovered:
            logger.info("renewing the token works again: %s", self)
        return fetched.token

    def _failed(self, error: BitqueryAuthError, fetch: Fetch[Result]) -> BitqueryAuthError:
        # Their frames hold the request, and with it the secret.
        error.__traceback__ = error.__context__ = None
        moment = now()
        valid = self._valid_token(moment)
        is_ours = isinstance(error, ConfigurationError)
        paused = not self._backoff.retry_at.has_passed(moment)
        if not is_ours or (valid is not None and not paused):
            # Callers without a token are not refused for a failure that was not theirs, unless the
            # server itself asked to wait.
            unshared = is_ours or (fetch.in_background and error.retry_after is None)
            self._backoff = self._backoff.after_failure(
                moment,
                random.random(),  # noqa: S311 - spreads load, protects nothing
                error=None if unshared else error,
                retry_after=error.retry_after,
            )
        if valid is not None and not self._refresh_fails:
            self._refresh_fails = True
            logger.warning(
                "the token could not be renewed and is used until %s: %s: %s",
                "the API rejects it"
                if valid.expires_at is None
                else f"{valid.expires_at:%F %T} UTC",
                self,
                error,
            )
        else:
            logger.debug("the token request failed: %s: %s", self, error)
        return error

    def _reason(self, rejected: frozenset[str], *, force: bool) -> str:
        if force:
            return "renew was called"
        if rejected:
            return "the last one was discarded"
        return "there is none" if self._cached is None else "the last one is about to expire"

    # -- errors for callers ----------------------------------------------------------------------

    def _for_caller(
        self, error: BitqueryAuthError, moment: Instant, note: str = ""
    ) -> BitqueryAuthError:
        copy = copy_error(error, note)
        if not isinstance(error, ConfigurationError):
            copy.retry_after = self._backoff.retry_at.seconds_from(moment)
        return copy

    def _still_failing(self, error: BitqueryAuthError, moment: Instant) -> BitqueryAuthError:
        seconds = self._backoff.retry_at.seconds_from(moment)
        until = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(moment.wall + seconds))
        return self._for_caller(
            error, moment, f" No further token request is made until {until} (in {seconds:.1f} s)."
        )

    def _without_waiting(self, *, force: bool) -> Token:
        """Return the valid token after too long a wait, or raise that there is no token."""
        if not force and (valid := self._valid_token(now())) is not None:
            return valid
        raise TokenRequestError(
            f"No token within {self._max_wait:.0f} s: the token request is still in progress; "
            f"the resolution of the host's name may be slow."
        )

    # -- pickles ---------------------------------------------------------------------------------

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the settings, and neither a token that was fetched nor what is in progress."""
        from bitquery_auth._sources.pickles import unpickle  # noqa: PLC0415 - rarely needed

        return unpickle, (type(self), *self._arguments, self.default_allowed_hosts)


_REENTERED = (
    "A source was asked for a token by the callable that its own token request called "
    "(client_secret or token_endpoint_auth_method). That callable must not use this source."
)


def fingerprint(key: str, values: Any) -> str:
    """Return a name for values that reveals nothing of them: an HMAC-SHA-256.

    Args:
        key: The client secret: a wrong secret must not lead to the token of the right one.
        values: Text, numbers, lists and mappings of them; anything else counts by its repr.
    """
    text = json.dumps(values, sort_keys=True, default=_name_of)
    return hmac.digest(key.encode(), text.encode(), "sha256").hex()


def _name_of(value: Any) -> str:
    """Name a value so that another process gives it the same name, where that is possible."""
    name = getattr(value, "__qualname__", "")
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    return f"{value.__module__}:{name}" if getattr(module, name, None) is value else repr(value)


# -- forks -----------------------------------------------------------------------------------------

_every_source: weakref.WeakSet[CachingTokenSource] = weakref.WeakSet()


def _after_fork_in_child() -> None:  # pragma: no cover - coverage does not follow the child
    for source in list(_every_source):
        source._last_fetch = Fetch.none_yet()  # noqa: SLF001 - its thread exists in the parent only


if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    os.register_at_fork(after_in_child=_after_fork_in_child)
