"""What every auth has in common: its settings, where a request goes, what carries the token, what follows a refusal.

The decisions are `_hosts`' and `_refusal`'s; the clients' ways of sending are in `_requests_auth` and
`_httpx_auth`.
"""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any, Literal, Self, get_args

from bitquery_auth import _bitquery
from bitquery_auth._checks import check_callable, check_flag, check_header_name, check_header_text, unexpected
from bitquery_auth._errors import ConfigurationError, conceals
from bitquery_auth._flight import call_in_thread
from bitquery_auth._hosts import AllowedHosts, Origin
from bitquery_auth._refusal import MOST_REMEMBERED, REDIRECTS, UNAUTHORIZED, Refusals, remember
from bitquery_auth._token import Shared, Token, TokenSource, check_token_source

logger = logging.getLogger("bitquery_auth")

Replay = Literal["all", "safe", "never"]

_NOTHING = object()


def is_unauthorized(response: Any) -> bool:
    """Whether a response's status is 401 (RFC 9110 §15.5.2): the default of ``is_auth_failure``."""
    return bool(response.status_code == UNAUTHORIZED)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where requests go, and whether they may carry a token there.

    Args:
        origin: Where that is.
        is_allowed: Whether a token may be sent there.
        in_query: Whether it is sent in the URL: Bitquery's WebSockets take it no other way.
        in_header: Whether it is sent in a header that the client itself takes off when a redirect leads elsewhere.
    """

    origin: Origin
    is_allowed: bool
    in_query: bool
    in_header: bool


class _Hidden(Shared):
    """What shows itself in no repr and no pickle."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<hidden>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (str, ("<hidden>",)) if isinstance(self, str) else (bytes, (b"<hidden>",))


class HeaderBytes(_Hidden, bytes):
    """A header's value as httpx keeps it."""


class HeaderValue(_Hidden, str):  # noqa: SLOT000 - it has attributes
    """A header's value with a token in it.

    requests keeps it as it is, so that a later look at the header tells whether it still is the one
    that was placed there, or a netrc's. httpx keeps what it encodes to.

    Args:
        prefix: What stands before the token: the scheme and a space, or nothing.
        token: The token.
    """

    access_token: str
    _encoded: HeaderBytes

    def __new__(cls, prefix: str, token: Token) -> Self:
        value = super().__new__(cls, prefix + token.access_token)
        value.access_token = token.access_token
        value._encoded = HeaderBytes(str.encode(value, "ascii"))
        return value

    def encode(self, encoding: str = "ascii", errors: str = "strict") -> bytes:  # noqa: ARG002 - it is ASCII in any
        """Give the bytes, hidden as well."""
        return self._encoded

    def withdraw(self) -> None:
        """Be sent as nothing from now on, by whichever copy of a request."""
        self._encoded = HeaderBytes()


class Auth(Shared):
    """Puts the token of a source on requests to the hosts that may see it.

    Args:
        source: Where tokens come from.
        allowed_hosts: Hosts that may see the token: ``name``, ``*.name``, ``name:port``, ``[::1]``; no port means
            any. Other hosts get their requests without it. Required with a source of another token endpoint.
        header_name: The header that carries the token.
        scheme: What stands before the token in it; ``""``: nothing.
        is_auth_failure: Whether a response is a refusal, by status and headers; by default status 401.
        replay: Which refused requests are sent again: ``"all"``, ``"safe"`` (methods that change nothing) or
            ``"never"``. For the others the token is renewed, and the refusal handed over.
        insecure_http: Lets tokens go over plain http beyond loopback, with a warning.

    Raises:
        ConfigurationError: a setting is missing or wrong; the message names it.
    """

    _source: Any = None  # these two: a crash report may ask for the repr of one that could not be made
    _settings: Mapping[str, Any] = {}
    _status_of: Callable[[Any], int] = attrgetter("status_code")

    @conceals
    def __init__(
        self,
        source: TokenSource,
        *,
        allowed_hosts: Iterable[str] = _bitquery.HOSTS,
        header_name: str = "Authorization",
        scheme: str = "Bearer",
        is_auth_failure: Callable[[Any], bool] = is_unauthorized,
        replay: Replay = "all",
        insecure_http: bool = False,
    ) -> None:
        settings = {name: value for name, value in locals().items() if name not in {"self", "source"}}
        self._source = check_token_source("source", source)
        if allowed_hosts is _bitquery.HOSTS and _bitquery.is_elsewhere(source):
            raise ConfigurationError(
                "allowed_hosts is required with a token_endpoint that is not Bitquery's: name the hosts of the API, "
                "such as allowed_hosts=('api.example.com',), so that its tokens go nowhere else."
            )
        self._hosts = AllowedHosts(allowed_hosts)
        self._settings = settings | {"allowed_hosts": self._hosts.patterns}
        self._header_name = check_header_name("header_name", header_name)
        self._is_stripped = header_name.lower() == "authorization"  # by the clients, when a redirect leads elsewhere
        self._prefix = f"{check_header_text('scheme', scheme)} " if scheme != "" else ""
        check_callable("is_auth_failure", is_auth_failure)
        self._is_auth_failure = is_auth_failure
        self._by_status = is_auth_failure is is_unauthorized
        if replay not in get_args(Replay):
            raise unexpected("replay", f"one of {', '.join(get_args(Replay))}")
        self._replay = replay
        self._insecure_http = check_flag("insecure_http", insecure_http)
        self._refusals = _refusals_of(source)
        self._troubles = self._refusals.troubles
        self._is_fresh: Callable[[Token], bool] = getattr(source, "_is_fresh", lambda _: True)
        self._atoken = getattr(source, "atoken", None) or partial(call_in_thread, source.token)
        self._destinations: dict[Any, Destination] = {}
        self._warned_of: dict[Any, object] = {}
        self._by_url: dict[Any, Any] = {}
        self._placed: tuple[object, str] = (_NOTHING, "")

    # -- where a request goes --------------------------------------------------------------------

    def _judge(self, key: Any, origin: Origin) -> Destination:
        """Decide whether requests to an origin carry the token, and remember it under `key`.

        Raises:
            ConfigurationError: they may, but it would cross the network readable.
        """
        allowed = self._hosts.allow(origin)
        if not allowed and self._is_first_warning(origin.host):
            logger.warning("%s is not among allowed_hosts: requests to it go without the token", origin.host)
        if allowed and not origin.is_secure:
            if not self._insecure_http:
                raise ConfigurationError(
                    f"A request to {origin} would send the token readable across the network: use https (wss), or "
                    f"insecure_http=True inside a network that protects it otherwise."
                )
            if self._is_first_warning(origin):
                logger.warning("tokens to %s cross the network readable (insecure_http)", origin)
        in_query = origin.scheme == "wss" and _bitquery.is_bitquery_host(origin.host)
        is_upgraded = (origin.scheme, origin.port) == ("http", 80)  # clients take Authorization along to https
        in_header = self._is_stripped and not in_query and not is_upgraded
        destination = Destination(origin, allowed, in_query, in_header)
        remember(self._destinations, key, destination)
        return destination

    def _is_first_warning(self, subject: Any) -> bool:
        mark = object()
        if len(self._warned_of) >= MOST_REMEMBERED:
            self._warned_of.clear()
        return self._warned_of.setdefault(subject, mark) is mark  # in one step: of several threads one warns

    # -- what carries the token ------------------------------------------------------------------

    def _header_for(self, token: Token) -> str:
        """The header's value for a token, made once for each.

        Raises:
            ConfigurationError: it is none, as of a source of the user's that forgets to return one.
        """
        placed, value = self._placed
        if placed is not token:
            if not isinstance(token, Token):
                raise unexpected("What the source's token() gives", f"a Token, not {type(token).__name__}")
            value = HeaderValue(self._prefix, token)
            self._placed = (token, value)
        return value

    # -- what follows a refusal ------------------------------------------------------------------

    def _is_refused(self, response: Any, origin: Origin) -> bool:
        """Whether an answer of this origin is a refusal; one that is not ends the origin's trouble."""
        if self._is_auth_failure(response):
            return True
        if self._status_of(response) not in REDIRECTS:  # what is behind one is still to come, and may be a refusal
            self._refusals.accepted(origin)
        return False

    def _recovery(
        self, origin: Origin, refused: Token | HeaderValue | None, *, replay: bool
    ) -> Generator[Token | None, Any, None]:
        """What follows a refusal, for any client to carry out.

        Args:
            origin: Where it came from.
            refused: What was refused there; None: the request had lost our token in a redirect.
            replay: Whether the request can and may be sent again.

        Yields:
            None: the source is to be asked for a token, which is sent in. A token: the request is to be
            sent again with it, and its answer sent in.
        """
        if not self._refusals.is_answered(origin, None if refused is None else refused.access_token, time.monotonic()):
            return
        token = yield None
        # Where it is another one, somebody has replaced it meanwhile: that one is tried.
        if refused is not None and token.access_token == refused.access_token:
            token = yield from self._renewed(origin, token)
        if token is None or not replay:
            return
        answer = yield token
        # A token fetched for this stays in use though refused, too; one that was there already has to go.
        if self._is_refused(answer, origin) and self._refusals.is_answered(
            origin, token.access_token, time.monotonic()
        ):
            yield from self._renewed(origin, token)

    def _renewed(self, origin: Origin, refused: Token) -> Generator[None, Any, Token | None]:
        """Have a refused token replaced, and note by what. Returns what came; None: there is no other."""
        self._source.discard(refused)
        token: Token = yield None
        if token.access_token == refused.access_token:
            self._refusals.hold_back(origin, time.monotonic())
            return None
        if self._is_fresh(token):  # else it may be refused for the same reason, which is none to pause
            self._refusals.replaced(origin, token.access_token)
        return token

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._source!r}, allowed_hosts={self._settings.get('allowed_hosts')!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), self._source, **self._settings), ()


DONE: Any = object()


def advance(steps: Generator[Token | None, Any, None], got: Any) -> Any:
    """What `Auth._recovery` wants next, once it has got what it wanted before (at first None); or `DONE`."""
    try:
        return steps.send(got)
    except StopIteration:
        return DONE


_every_refusals: weakref.WeakKeyDictionary[Any, Refusals] = weakref.WeakKeyDictionary()


def _refusals_of(source: TokenSource) -> Refusals:
    """What is known of a source's refusals, whichever auth met them; of its own where a source cannot be a key."""
    try:
        return _every_refusals.setdefault(source, Refusals())
    except TypeError:
        return Refusals()
