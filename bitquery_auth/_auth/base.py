"""What the auths share: settings, which requests carry the token, recovery from a 401.

The auth of a client attaches the token and sends requests. What follows a rejected token is one
generator here, `Auth._recovery`. `Auth._recover` carries it out where a function sends a request
again; in httpx, a flow does.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Awaitable, Callable, Generator, Hashable, Iterable
from functools import partial
from typing import Any, Literal, Never, TypeVar, get_args

from bitquery_auth import _bitquery
from bitquery_auth._checks import (
    check_header_name,
    check_header_text,
    check_predicate,
    must_be,
)
from bitquery_auth._errors import BitqueryAuthError, ConfigurationError
from bitquery_auth._hosts import AllowedHosts, Origin
from bitquery_auth._log import logger
from bitquery_auth._memory import MAX_REMEMBERED, remember
from bitquery_auth._secret import Secret
from bitquery_auth._threads import call_in_worker_thread
from bitquery_auth._token import CopyReturnsSelf, Token, TokenSource, check_token_source

R = TypeVar("R")
Replay = Literal["all", "safe", "never"]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing on the server (RFC 9110 §9.2.1)."""

REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
LOWEST_REDIRECT_STATUS = min(REDIRECT_STATUSES)
MAX_READ_BYTES = 65536
"""Bytes of a rejected response that are read, since that keeps its connection open."""

_NO_TOKEN_YET = object()

UNSEEKABLE = (OSError, ValueError, TypeError, AttributeError, NotImplementedError)
"""What a body raises that cannot be rewound: a file that is closed, or only looks like one."""

FIRST_RECOVERY_PAUSE = 1.0
LONGEST_RECOVERY_PAUSE = 300.0


def status_of(response: Any) -> Any:
    """Return the status of a response of any client."""
    try:
        return response.status_code
    except AttributeError:
        return response.status  # as aiohttp calls it


def is_auth_failure(response: Any) -> bool:
    """Whether a response rejects the token: the default of the setting of the same name."""
    is_failure: bool = status_of(response) in _bitquery.AUTH_FAILURE_STATUSES
    return is_failure


def is_small(content_length: str | None) -> bool:
    """Whether the body of a rejected response is read, so that its connection can be used again."""
    length = content_length or ""
    return length.isdecimal() and int(length[:9]) <= MAX_READ_BYTES


class RecoveryBackoff:
    """Whether a 401 from an API leads to a new token: not while the API rejects those as well.

    One object per source and origin. Two threads that note the same failure at once note the same.
    """

    __slots__ = ("_pause", "_until", "noted", "replacement")

    def __init__(self) -> None:
        self._until = 0.0
        self._pause = FIRST_RECOVERY_PAUSE
        self.replacement: str | None = None  # the token that was fetched because of the last 401
        self.noted: dict[Hashable, object] = {}  # what was logged

    def may_recover(self, now: float) -> bool:
        """Whether a new token may be fetched.

        Args:
            now: Monotonic seconds.
        """
        return now >= self._until

    def record_failure(self, now: float) -> float:
        """Pause recovery because a new token was rejected, too: each time twice as long.

        Returns:
            Seconds of the pause, or zero if another caller has just begun it.
        """
        self.replacement = None
        if now < self._until:
            return 0.0
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_RECOVERY_PAUSE)
        self._until = now + pause
        return pause


class Auth(CopyReturnsSelf):
    """Attaches the token of a source to requests, and replaces it when the API rejects it.

    Args:
        source: Where tokens come from.
        allowed_hosts: Hosts that may see the token: ``name``, ``*.name``, ``name:port``, ``[::1]``.
            Without a port, any port is allowed. Requests to other hosts are sent without it. By
            default Bitquery's hosts; required with a source of another token endpoint.
        header_name: The header that carries the token.
        scheme: What stands before the token in it; ``""`` sends the bare token.
        is_auth_failure: ``(response) -> bool``: whether a response rejects the token, by status and
            headers. By default, whether its status is 401.
        replay: Which rejected requests are sent again: ``"all"``, ``"safe"`` (methods that change
            nothing) or ``"never"``. For the others the token is replaced, and the 401 is returned.
        insecure_http: Allows tokens over plain http beyond loopback, with a warning.

    Raises:
        ConfigurationError: A setting is missing or wrong. The message names it.
    """

    _source: Any = None  # for the repr of an instance whose construction failed
    _allowed: AllowedHosts | None = None

    def __init__(
        self,
        source: TokenSource,
        *misplaced: Never,
        allowed_hosts: Iterable[str] = _bitquery.HOSTS,
        header_name: str = "Authorization",
        scheme: str = "Bearer",
        is_auth_failure: Callable[[Any], bool] = is_auth_failure,
        replay: Replay = "all",
        insecure_http: bool = False,
    ) -> None:
        if isinstance(source, str):  # in place of a source: no frame of the error shows it
            hidden: Any = Secret(source)
            source = hidden
        if misplaced:
            del misplaced
            raise ConfigurationError(
                f"{type(self).__name__} takes one source: write {type(self).__name__}"
                f"(ClientCredentials(id, secret))."
            )
        self._source = check_token_source("source", source)
        if allowed_hosts is _bitquery.HOSTS:
            allowed_hosts = _default_hosts(source)
        check_predicate("is_auth_failure", is_auth_failure)
        if replay not in get_args(Replay):
            raise must_be("replay", f"one of {', '.join(get_args(Replay))}")
        self._allowed = AllowedHosts(allowed_hosts)
        self._settings: dict[str, Any] = {
            "allowed_hosts": self._allowed.patterns,
            "header_name": check_header_name("header_name", header_name),
            "scheme": scheme and check_header_text("scheme", scheme),
            "is_auth_failure": is_auth_failure,
            "replay": replay,
            "insecure_http": insecure_http,
        }
        self._header_name = header_name
        self._is_authorization = header_name.lower() == "authorization"
        self._prefix = f"{scheme} " if scheme else ""
        self._is_auth_failure = is_auth_failure
        self._replay = replay
        self._insecure_http = insecure_http
        self._atoken = getattr(source, "atoken", None) or partial(
            call_in_worker_thread, source.token
        )
        self._is_fresh = getattr(source, "is_fresh", lambda _: True)
        self._backoffs = _backoffs_of(source)
        self._verdicts: dict[Origin, bool] = {}
        self._noted: dict[Hashable, object] = {}
        self._last_header: tuple[object, str] = (_NO_TOKEN_YET, "")
        self._sent: dict[Any, Token] = {}
        self._hooks: dict[Any, Any] = {}  # of RequestsAuth, by URL

    # -- which requests carry the token ----------------------------------------------------------

    def _may_carry_token(self, origin: Origin) -> bool:
        """Whether requests to an origin carry the token.

        Raises:
            ConfigurationError: They may, but it would be sent unencrypted.
        """
        verdict = self._verdicts.get(origin)
        if verdict is None:
            verdict = remember(self._verdicts, origin, self._judge(origin))
        return verdict

    def _judge(self, origin: Origin) -> bool:
        if self._allowed is None or not self._allowed.allow(origin):
            if _is_first(self._noted, origin.host):
                logger.warning(
                    "%s is not in allowed_hosts (%s): requests to it are sent without the token",
                    origin.host,
                    "" if self._allowed is None else ", ".join(self._allowed.patterns),
                )
            return False
        if not origin.is_secure:
            if not self._insecure_http:
                raise ConfigurationError(
                    f"A request to {origin} would send the token unencrypted: use https (wss), or "
                    f"insecure_http=True inside a network that is protected by other means."
                )
            if _is_first(self._noted, origin):
                logger.warning("tokens are sent to %s unencrypted (insecure_http)", origin)
        return True

    def _note_redirect(self, origin: Origin, target: Origin) -> None:
        """Warn about a redirect from one allowed origin to another, which loses the token."""
        if (
            target != origin
            and self._allowed is not None
            and self._allowed.allow(target)
            and _is_first(self._noted, (origin, target))
        ):
            logger.warning(
                "%s redirects to %s, which gets no token because it is another origin: use the "
                "final URL",
                origin,
                target,
            )

    def _prepare_redirect(self, origin: Origin, target: Origin, *requests: Any) -> None:
        """Keep our header from a redirect to another origin.

        requests and niquests take off Authorization only, of a copy of one of these requests.
        """
        self._note_redirect(origin, target)
        if target != origin and not self._is_authorization:
            for request in requests:
                request.headers.pop(self._header_name, None)

    # -- the header ------------------------------------------------------------------------------

    def _header_value(self, token: Token) -> str:
        """Return the value of the header for a token.

        Raises:
            ConfigurationError: source.token() did not return a Token.
        """
        cached, value = self._last_header
        if cached is not token:
            if not isinstance(token, Token):
                kind = type(token).__name__
                raise must_be("What the source's token() returns", f"a Token, not {kind}")
            value = self._prefix + token.access_token
            remember(self._sent, value, token)
            self._last_header = token, value
        return value

    def _remove_stale_header(self, headers: Any) -> None:
        """Remove our header from a request that was made for another host and is used again."""
        if headers.get(self._header_name) in self._sent:
            headers.pop(self._header_name, None)

    # -- what follows a rejected token -----------------------------------------------------------

    def _may_replay(self, method: str | None) -> bool:
        return self._replay == "all" or (
            self._replay == "safe" and (method or "").upper() in SAFE_METHODS
        )

    def _is_rejected(self, response: Any, origin: Origin) -> bool:
        """Whether a response of this origin rejects the token. If not, its backoff is over."""
        if self._is_auth_failure(response):
            return True
        self._end_backoff(response, origin)
        return False

    def _end_backoff(self, response: Any, origin: Origin) -> None:
        """Note that an origin did not reject the token."""
        if (
            origin in self._backoffs
            # A redirect is not a verdict: the next response may still be a 401.
            and status_of(response) not in REDIRECT_STATUSES
            and self._backoffs.pop(origin, None) is not None
        ):
            logger.info("%s accepts tokens again: %r", origin, self._source)

    def _recovery(
        self, origin: Origin, rejected: Token | None, *, replay: bool
    ) -> Generator[Token | None, Any, None]:
        """Yield the steps of the recovery from a 401, which each client carries out.

        Args:
            origin: Where it came from.
            rejected: The token that the request carried; None if it lost ours on its way, so that
                the 401 says nothing about it.
            replay: Whether the request can and may be sent again.

        Yields:
            None: the source is asked for a token, which is sent in. A token: the request is sent
            again with it, and the response is sent in.
        """
        backoff = self._backoff_of(origin)
        if rejected is not None and rejected.access_token == backoff.replacement:
            self._pause_recovery(backoff, origin)
        if not backoff.may_recover(time.monotonic()):
            return
        token: Token = yield None
        if rejected is not None and self._is_same(token, rejected):
            other = yield from self._replace(backoff, origin, rejected)
            if other is None:
                return
            token = other
        if not replay:
            return
        response = yield token
        # If the token was fetched because of this 401, it stays: fetching more would not help. If
        # it was there already, it may be as old as the rejected one.
        if self._is_rejected(response, origin):
            if token.access_token == backoff.replacement:
                self._pause_recovery(backoff, origin)
            elif backoff.may_recover(time.monotonic()):
                yield from self._replace(backoff, origin, token)

    def _recover(
        self, origin: Origin, rejected: Token | None, resend: Callable[[Token], R] | None
    ) -> R | None:
        """Carry out what follows a 401.

        Args:
            origin: Where it came from.
            rejected: The token that the request carried; None if it lost ours on its way.
            resend: Sends the request again with a token, and returns the response. None if it
                cannot or may not be sent again.

        Returns:
            The response to the request that was sent again, or None if none was.

        Raises:
            BitqueryAuthError: There is no token to send it again with.
        """
        recovery = self._recovery(origin, rejected, replay=resend is not None)
        result: Token | R | None = None
        response: R | None = None
        try:
            while True:
                token = recovery.send(result)
                if token is None or resend is None:
                    result = self._source.token()
                else:
                    result = response = resend(token)
        except StopIteration:
            pass
        except BitqueryAuthError:
            if resend is not None and response is None:
                raise
        return response

    async def _arecover(
        self, origin: Origin, rejected: Token | None, resend: Callable[[Token], Awaitable[R]] | None
    ) -> R | None:
        """Do what `_recover` does, without blocking the event loop."""
        recovery = self._recovery(origin, rejected, replay=resend is not None)
        result: Token | R | None = None
        response: R | None = None
        try:
            while True:
                token = recovery.send(result)
                if token is None or resend is None:
                    result = await self._atoken()
                else:
                    result = response = await resend(token)
        except StopIteration:
            pass
        except BitqueryAuthError:
            if resend is not None and response is None:
                raise
        return response

    def _replace(
        self, backoff: RecoveryBackoff, origin: Origin, rejected: Token
    ) -> Generator[None, Any, Token | None]:
        """Discard a rejected token and get another; None if the source has no other."""
        if _is_first(backoff.noted, rejected.access_token):
            logger.info("%s rejects the token: %r", origin, self._source)
        self._source.discard(rejected)
        token: Token = yield None
        if self._is_same(token, rejected):
            if _is_first(self._noted, rejected.access_token):
                logger.warning(
                    "%s rejects the token, and its source has no other: %r", origin, self._source
                )
            backoff.record_failure(time.monotonic())
            return None
        if self._is_fresh(token):
            backoff.replacement = token.access_token
        return token

    def _pause_recovery(self, backoff: RecoveryBackoff, origin: Origin) -> None:
        if pause := backoff.record_failure(time.monotonic()):
            logger.info(
                "%s rejects a new token, too: its rejections are returned as they are for %g s: %r",
                origin,
                pause,
                self._source,
            )

    def _is_same(self, token: Token, rejected: Token) -> bool:
        return self._header_value(token) == self._prefix + rejected.access_token

    def _backoff_of(self, origin: Origin) -> RecoveryBackoff:
        backoff = self._backoffs.get(origin)
        if backoff is None:
            backoff = remember(self._backoffs, origin, RecoveryBackoff())
        return backoff

    def __repr__(self) -> str:
        hosts = None if self._allowed is None else self._allowed.patterns
        return f"{type(self).__name__}({self._source!r}, allowed_hosts={hosts!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), self._source, **self._settings), ()


K = TypeVar("K", bound=type[Auth])


def with_shared_arguments(kind: K) -> K:
    """Append the arguments in the docstring of `Auth` to that of an auth."""
    if kind.__doc__ and Auth.__doc__:
        kind.__doc__ = f"{kind.__doc__.rstrip()}\n{Auth.__doc__.partition(chr(10))[2]}"
    return kind


def _default_hosts(source: TokenSource) -> tuple[str, ...]:
    hosts: tuple[str, ...] | None = getattr(source, "default_allowed_hosts", None)
    if hosts == ():
        raise ConfigurationError(
            "allowed_hosts is required with a token_endpoint that is not Bitquery's: name the "
            "hosts of the API, such as allowed_hosts=('api.example.com',), so that its tokens go "
            "nowhere else."
        )
    return hosts or _bitquery.HOSTS


def _is_first(noted: dict[Hashable, object], subject: Hashable) -> bool:
    """Return True for the first call with a subject; of several threads, for exactly one."""
    mark = object()
    if len(noted) >= MAX_REMEMBERED:
        noted.clear()
    return noted.setdefault(subject, mark) is mark


_shared_backoffs: weakref.WeakKeyDictionary[Any, dict[Origin, RecoveryBackoff]] = (
    weakref.WeakKeyDictionary()
)


def _backoffs_of(source: TokenSource) -> dict[Origin, RecoveryBackoff]:
    """Return the state that all auths of one source share; of this auth, if it cannot be a key."""
    try:
        return _shared_backoffs.setdefault(source, {})
    except TypeError:  # unhashable, such as a dataclass, or without weak references
        return {}
