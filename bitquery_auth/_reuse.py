"""A source that keeps its token: one fetch at a time, renewal ahead, backoff. `_renewal` decides, this drives.

This is the one place that shares state between threads. It is safe without the global interpreter
lock, too: everything is changed under ``_lock``, and what is read without it is one attribute at a time,
`Ledger.ready` or `Ledger.kept`, that holds an immutable tuple. The lock is held for decisions only, never
during a fetch, a wait, a ``yield`` or an ``await``.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Any

from bitquery_auth._checks import check_optional_seconds, check_seconds
from bitquery_auth._errors import BitqueryAuthError, ConfigurationError, TokenEndpointError, TokenRequestError, copy_of
from bitquery_auth._flight import Flight
from bitquery_auth._renewal import Grant, Instant, Ledger, Schedule, Step, Wanted
from bitquery_auth._token import Shared, Token

logger = logging.getLogger("bitquery_auth")

_REENTERED = (
    "A source was asked for a token while it fetches one, by its own client_secret or token_endpoint_auth_method. "
    "Let those get what they need without this source."
)


class ReuseTokenSource(Shared, ABC):
    """What every source that fetches has in common. A subclass says how one token is fetched.

    Args:
        settings: What the subclass was made with: another one is made of it from a pickle.
        leeway: Seconds before its end from which on a token is replaced before use.
        renew_ahead: Seconds before that from which on it is renewed in the background; 0: never; None: by lifetime.
    """

    _settings: Mapping[str, Any] = {}  # a crash report may ask for the repr of one that could not be made

    def __init__(self, settings: dict[str, Any], *, leeway: float, renew_ahead: float | None) -> None:
        self._settings = settings
        schedule = Schedule(check_seconds("leeway", leeway), check_optional_seconds("renew_ahead", renew_ahead))
        self._ledger = Ledger(schedule)
        self._renewal_fails = False
        self._begin_anew()
        _every_source.add(self)

    def _begin_anew(self) -> None:
        """Begin, also in a forked child: the thread that held the lock or fetched lives on in the parent only."""
        self._lock = threading.RLock()  # a finalizer or signal handler may come in while its thread holds it, and ask
        self._flight: Flight | None = None

    @abstractmethod
    def _fetch(self, wanted: Wanted) -> Grant:
        """Get one token. Raises a `BitqueryAuthError`."""

    # -- what callers use ------------------------------------------------------------------------

    def token(self) -> Token:
        """Give a token that is good now; fetch one, or wait for one being fetched, only if there is none.

        Raises:
            BitqueryAuthError: none could be had (see the error tree of the README).
        """
        monotonic, wall, token = self._ledger.ready
        if time.monotonic() < monotonic and time.time() < wall and token is not None:
            return token
        return self._obtain(anew=False)

    def renew(self) -> Token:
        """Fetch a new token now, whatever is kept or a backoff says; join a fetch that is under way.

        Raises:
            BitqueryAuthError: none could be had.
        """
        return self._obtain(anew=True)

    def discard(self, token: Token | str) -> None:
        """Forget this token and no other. No I/O: the next caller fetches.

        Args:
            token: A `Token` or its string.
        """
        access_token = token if isinstance(token, str) else token.access_token
        with self._lock:
            discarded = self._ledger.discard(access_token)
        if discarded:
            logger.debug("%s: token discarded, as it was refused or revoked", self)

    def _is_fresh(self, token: Token) -> bool:
        """Whether a token was asked for after the last one was discarded: its refusal then tells of the API."""
        kept = self._ledger.kept
        return kept is None or kept.token is not token or kept.is_fresh

    async def atoken(self) -> Token:
        """Give what `token` gives, without blocking the event loop (asyncio or trio)."""
        monotonic, wall, token = self._ledger.ready
        if time.monotonic() < monotonic and time.time() < wall and token is not None:
            return token
        return await self._aobtain(anew=False)

    async def arenew(self) -> Token:
        """Do what `renew` does, without blocking the event loop."""
        return await self._aobtain(anew=True)

    # -- how a token is obtained -----------------------------------------------------------------

    def _obtain(self, *, anew: bool) -> Token:
        while not isinstance(place := self._board(anew=anew), Token):
            flight, leads = place
            if leads:
                flight.run()
            else:
                flight.wait()
            if (token := self._land(flight, anew=anew)) is not None:
                return token
        return place

    async def _aobtain(self, *, anew: bool) -> Token:
        while not isinstance(place := self._board(anew=anew), Token):
            flight, leads = place
            if leads:
                flight.run_in_thread()
            await flight.await_()
            if (token := self._land(flight, anew=anew)) is not None:
                return token
        return place

    def _board(self, *, anew: bool) -> Token | tuple[Flight, bool]:
        """Decide, and take a place: a token to use, or a flight, and whether to lead it."""
        with self._lock:
            moment, under_way, kept = now(), self._flight, self._ledger.kept
            step = self._ledger.step(moment, fetching=under_way is not None)
            if kept is not None and step is Step.USE and not anew:
                return kept.token
            if under_way is not None:
                if under_way.led_by_this_thread:
                    raise ConfigurationError(_REENTERED)
                return under_way, False
            if self._ledger.error is not None and step is Step.FAIL and not anew:
                raise self._still_failing(self._ledger.error, moment)
            self._flight = flight = Flight(partial(self._fly, self._ledger.wanted(anew=anew)))
        if kept is not None and step is Step.USE_AND_RENEW and not anew:
            flight.run_in_thread()
            return kept.token
        return flight, True

    def _land(self, flight: Flight, *, anew: bool) -> Token | None:
        """Take what a flight brought; None: it brought nothing and nobody failed, decide anew."""
        outcome: Token | BitqueryAuthError | None = flight.outcome
        if isinstance(outcome, BitqueryAuthError):
            usable = self._ledger.usable(now())
            if anew or usable is None:
                raise copy_of(outcome)
            return usable
        if outcome is None:
            self._leave(flight)
        return outcome

    def _fly(self, wanted: Wanted) -> Token | BitqueryAuthError:
        """Fetch, and note the outcome before anyone hears of it."""
        flight = self._flight
        logger.debug("%s: fetching a token: %s", self, wanted.reason)
        try:
            grant = self._fetch(wanted)
        except BitqueryAuthError as error:
            return self._note_failure(error)
        except Exception as unforeseen:  # noqa: BLE001 - a waiter must get a typed error whatever goes wrong
            failure = TokenRequestError(f"The token request failed: {type(unforeseen).__name__}.")
            failure.__cause__ = unforeseen.with_traceback(None)
            unforeseen.__context__ = None  # what led to it has frames of its own
            return self._note_failure(failure)
        except BaseException as stop:
            stop.__traceback__ = stop.__context__ = None  # the frames of what was interrupted hold the secret
            del wanted
            if flight is None or not flight.is_detached:
                self._leave(flight)
                raise  # it stops this caller; a waiter takes the fetch over
            return self._note_failure(TokenRequestError(f"The token request was stopped by {type(stop).__name__}."))
        with self._lock:
            self._flight = None
            if self._ledger.wanted(anew=False).discarded != wanted.discarded:  # while it was under way
                grant = grant._replace(is_fresh=False)
            self._ledger.succeeded(grant, now(), random.random())  # noqa: S311 - spreads load, guards nothing
            recovered, self._renewal_fails = self._renewal_fails, False
        life = "an unknown time" if grant.lifetime is None else f"{grant.lifetime:.0f} s"
        logger.debug("%s: token received, good for %s", self, life)
        if recovered:
            logger.info("%s: renewal works again", self)
        return grant.token

    def _leave(self, flight: Flight | None) -> None:
        """Let the next caller fetch: this flight was withdrawn, or its leader interrupted."""
        with self._lock:
            if self._flight is flight:
                self._flight = None

    def _note_failure(self, error: BitqueryAuthError) -> BitqueryAuthError:
        # Its frames hold the request, and with it the secret: what is shared has the message and the cause.
        error.__traceback__ = None
        with self._lock:
            moment = now()
            self._flight = None
            self._ledger.failed(error, moment, random.random())  # noqa: S311 - spreads load, guards nothing
            serving = self._ledger.usable(moment) is not None
            first, self._renewal_fails = serving and not self._renewal_fails, serving or self._renewal_fails
        if first:
            logger.warning("%s: renewal failed, the token is used until its end: %s", self, error)
        else:
            logger.debug("%s: no token: %s", self, error)
        return error

    def _still_failing(self, error: BitqueryAuthError, moment: Instant) -> BitqueryAuthError:
        seconds = self._ledger.seconds_to_retry(moment)
        until = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(moment.wall + seconds))
        failure = copy_of(error, f" It is not asked again before {until} (in {seconds:.1f} s).")
        if isinstance(failure, TokenEndpointError) and failure.retry_after is not None:
            failure.retry_after = seconds  # what is left: a source that asks this one would wait all of it anew
        return failure

    # -- pickles and forks -----------------------------------------------------------------------

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the settings, and neither a token that was fetched nor a lock."""
        return partial(type(self), **self._settings), ()


def now() -> Instant:
    """Tell the time."""
    return Instant(time.monotonic(), time.time())


_every_source: weakref.WeakSet[ReuseTokenSource] = weakref.WeakSet()


def _after_fork_in_child() -> None:  # pragma: no cover - in a child, which is not measured: tests/processes/test_fork
    for source in list(_every_source):
        source._begin_anew()  # noqa: SLF001 - the same subject, in the same file


if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    os.register_at_fork(after_in_child=_after_fork_in_child)
