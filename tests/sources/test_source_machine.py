"""A source, driven as callers, clocks and servers would, in every order that Hypothesis thinks of.

The machine plays the callers, their threads and the token endpoint, and keeps a model of its own:
plain records of what happened, from which follows what a caller may get, and when there is a reason
to fetch. It takes the steps of a caller one by one, so that others come in between.
"""

import math
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bitquery_auth import (
    BitqueryAuthError,
    ConfigurationError,
    Token,
    TokenEndpointError,
    TokenRequestError,
)
from bitquery_auth._errors import CallableFailedError, ProcessFrozenError
from bitquery_auth._sources import cache, single_flight
from bitquery_auth._sources.cache import now
from bitquery_auth._sources.expiry import Instant
from bitquery_auth._sources.single_flight import Fetch
from tests.kit.clock import Clock
from tests.kit.crowd import attempt
from tests.sources.conftest import Outcome, ScriptedSource

SHORTEST_PAUSE = 0.8  # of the longest, with all its jitter
CLOSE = 1e-6

seconds = st.floats(0, 7200)


class Passed(NamedTuple):
    """Time that passes: on both clocks, in suspend, or because the wall clock is set."""

    on_both_clocks: float
    asleep: float
    wall_set_by: float


class Brings(NamedTuple):
    """A fetch that brings a token, after some seconds."""

    lifetime: float | None
    takes: float


Ending = Brings | BaseException | None
"""How a fetch ends; None: its thread does not begin."""


times = st.one_of(
    st.builds(Passed, st.floats(0, 1) | st.floats(0, 300), st.just(0.0), st.just(0.0)),
    st.sampled_from(["refresh_at", "refresh_at", "replace_at", "retry_at", "expires_at"]),
    st.builds(Passed, st.just(0.0), st.floats(0, 900), st.just(0.0) | st.floats(-7200, 900)),
)
lifetimes = st.sampled_from([3600.0, 7200.0, 1800.0, 45.0, None, 0.0, -5.0]) | seconds
endings = st.one_of(
    *(st.builds(Brings, lifetimes, st.floats(0, 2)) for _ in range(8)),  # as often as the others
    st.builds(
        TokenEndpointError,
        st.just("no"),
        status_code=st.sampled_from([400, 401, 429, 500, 503]),
        retry_after=st.none() | seconds,
    ),
    st.builds(TokenRequestError, st.just("no response")),
    st.builds(ConfigurationError, st.just("client_secret is blank")),
    st.builds(ProcessFrozenError, st.just("timeout"))
    | st.builds(LookupError)
    | st.builds(KeyboardInterrupt)
    | st.none(),
)


@dataclass
class Issued:
    """A token of the server."""

    requested_at: Instant
    lifetime: float | None

    def has_expired(self, moment: Instant) -> bool:
        if self.lifetime is None:
            return False
        return self.requested_at.plus(self.lifetime).has_passed(moment)


@dataclass
class Failed:
    """How the last fetch failed, and how many did in a row."""

    error: BitqueryAuthError | None  # for callers without a token; None: it was not theirs
    at: Instant
    in_a_row: int
    retry_after: float


class SourceMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.jitter = 0.0
        self.started: list[Any] = []  # fetches on threads of their own, which the machine runs
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(cache, "time", self.clock)
        self.patch.setattr(cache, "random", SimpleNamespace(random=lambda: self.jitter))
        self.patch.setattr(cache.logger, "disabled", True)
        self.patch.setattr(single_flight, "run_in_thread", self.started.append)
        self.fetch: Fetch[Any] | None = None
        self.waiters: list[bool] = []  # of the fetch in progress: who insists on a new token
        self.issued: dict[str, Issued] = {}
        self.current: str | None = None  # the token that the model says is kept
        self.failed: Failed | None = None
        self.expired_on_arrival: Instant | None = None
        self.was_frozen = False

    def teardown(self) -> None:
        self.patch.undo()

    @initialize(leeway=st.floats(0, 4000), renew_ahead=st.none() | st.floats(0, 4000))
    def configure(self, leeway: float, renew_ahead: float | None) -> None:
        self.source = ScriptedSource(self.clock, leeway=leeway, renew_ahead=renew_ahead)

    # -- time ------------------------------------------------------------------------------------

    @rule(jitter=st.floats(0, 1))
    def jitter_changes(self, jitter: float) -> None:
        self.jitter = jitter

    @rule(passed=times)
    def time_passes(self, passed: "Passed | str") -> None:
        if isinstance(passed, Passed):
            self.clock.advance(passed.on_both_clocks)
            self.clock.suspend(passed.asleep)
            self.clock.set_wall_clock(passed.wall_set_by)
            return
        holder = self.source._backoff if passed == "retry_at" else self.source._cached
        left = 0.0 if holder is None else getattr(holder, passed).seconds_from(now())
        if left < math.inf:
            self.clock.advance(left)

    # -- callers ---------------------------------------------------------------------------------

    @rule(
        force=st.sampled_from([False, False, True]),
        is_async=st.booleans(),
        ends_at_once=st.booleans(),
        ending=endings,
    )
    def a_caller_wants_a_token(
        self,
        force: bool,  # noqa: FBT001 - drawn
        is_async: bool,  # noqa: FBT001 - drawn
        ends_at_once: bool,  # noqa: FBT001 - drawn
        ending: Ending,
    ) -> None:
        valid = self.model_token()
        has_reason = force or self.has_a_reason_to_fetch()
        step = attempt(lambda: self.source._next_step(force=force))
        if isinstance(step, BaseException):
            assert not force, "renew asks whatever a backoff says"
            self.is_a_failure_to_repeat(step)
        elif isinstance(step, Token):
            assert not force, "renew returns a token that there was"
            assert step.access_token == valid, "an expired, a discarded or an older token"
            if self.started:
                assert has_reason
                self.begins(self.started.pop().__self__, force=False)
        else:
            self.waits(step, is_async=is_async, has_reason=has_reason, force=force)
        if ends_at_once and self.fetch is not None:
            self.the_fetch_ends(ending)

    def is_a_failure_to_repeat(self, error: Any) -> None:
        assert self.model_token() is None
        assert self.fetch is None
        assert self.failed is not None
        assert self.failed.error is not None, "somebody else's failure"
        assert type(error) is type(self.failed.error)
        assert error.retry_after
        assert self.is_pausing(), "a failure is repeated only in a pause"

    def waits(self, step: Any, *, is_async: bool, has_reason: bool, force: bool) -> None:
        fetch, is_mine = step
        if is_mine:
            assert has_reason
            self.begins(fetch, force=force)
            if is_async:
                fetch.start()
                self.started.clear()
        else:
            assert fetch is self.fetch
            assert force or self.model_token() is None, "nobody waits while a token is valid"
        self.waiters.append(force)

    def begins(self, fetch: Fetch[Any], *, force: bool) -> None:
        assert self.fetch is None, "two fetches at once"
        self.fetch = fetch
        self.waiters = []

    def pause_left(self) -> float:
        """Return the seconds until the endpoint may be asked again."""
        return self.source._backoff.retry_at.seconds_from(now())

    # -- what becomes of a fetch -----------------------------------------------------------------

    def ends(self, outcome: Outcome) -> BaseException | None:
        """Let the fetch in progress end; return what reaches its caller as it is."""
        assert self.fetch is not None
        self.source.outcome = outcome
        raised = attempt(self.fetch.run)
        return raised if raised is not None else self.fetch.interrupted_by

    def callers_look(self) -> list[Any]:
        """Return what each waiter gets of the fetch that ended; None: it decides again."""
        fetch, self.fetch = self.fetch, None
        assert fetch is not None
        assert fetch.completed
        return [
            attempt(partial(self.source._token_from, fetch, force=force)) for force in self.waiters
        ]

    @rule(ending=endings)
    @precondition(lambda self: self.fetch is not None)
    def a_fetch_ends(self, ending: Ending) -> None:
        self.the_fetch_ends(ending)

    def the_fetch_ends(self, ending: Ending) -> None:
        if isinstance(ending, Brings):
            self.brings_a_token(ending.lifetime, ending.takes)
        elif isinstance(ending, ProcessFrozenError) and not self.was_frozen:
            assert self.ends(ending) is None
            self.was_frozen = True
            assert set(self.callers_look()) <= {None}, "it counts against nobody"
        elif isinstance(ending, BitqueryAuthError):
            self.fails(ending)
        elif ending is not None:
            self.is_interrupted(ending)
        else:
            self.is_withdrawn_because_its_thread_does_not_begin()

    def brings_a_token(self, lifetime: float | None, takes: float) -> None:
        issued = Issued(now(), lifetime)
        self.source.takes = takes
        assert self.ends(lifetime) is None
        self.source.takes = 0.0
        name = self.source.issued[-1].token.access_token
        self.issued[name] = issued
        self.failed, self.expired_on_arrival, self.was_frozen = None, None, False
        if issued.has_expired(now()):
            self.expired_on_arrival = now()  # it is for those who waited, and for nobody else
        else:
            self.current = name
        assert [token.access_token for token in self.callers_look()] == [name] * len(self.waiters)

    def fails(self, error: BitqueryAuthError) -> None:
        assert self.fetch is not None
        in_background, valid = self.fetch.in_background, self.model_token()
        pause = self.pause_left()
        assert self.ends(error) is None
        self.was_frozen = False
        is_ours = isinstance(error, ConfigurationError)
        assert not is_ours or self.pause_left() >= pause, "the endpoint is asked too early"
        if not is_ours or (valid is not None and not pause):
            is_shared = not is_ours and not (in_background and error.retry_after is None)
            self.note_failure(error if is_shared else None, error.retry_after)
        waiters = self.waiters
        for force, outcome in zip(waiters, self.callers_look(), strict=True):
            if in_background:
                assert outcome is None, "the refresh was begun for nobody"
            elif valid is not None and not force:
                assert outcome.access_token == valid
            else:
                assert type(outcome) is type(error)
                assert outcome is not error
                assert (outcome.retry_after is None) is is_ours

    def note_failure(self, error: BitqueryAuthError | None, retry_after: float | None) -> None:
        in_a_row = 1 if self.failed is None else self.failed.in_a_row + 1
        self.failed = Failed(error, now(), in_a_row, min(retry_after or 0.0, 3600.0))
        self.expired_on_arrival = None

    def is_interrupted(self, error: BaseException) -> None:
        """By Ctrl-C, by a signal handler, or by an exception of the callable for the secret."""
        assert self.fetch is not None
        outcome = error
        if isinstance(error, LookupError):
            outcome = CallableFailedError("the callable raised")
            outcome.__cause__ = error
        is_ours = outcome is not error
        in_background, valid = self.fetch.in_background, self.model_token()
        pause = self.pause_left()
        raised = self.ends(outcome)
        if in_background or (is_ours and valid is not None and not self.waiters[0]):
            assert raised is None
            self.was_frozen = self.was_frozen and not is_ours
            if not is_ours or (valid is not None and not pause):
                self.note_failure(None, None)
            self.callers_look()
            return
        assert raised is error, "it reaches its caller as it is"
        del self.waiters[0]  # who got it
        for force, outcome in zip(self.waiters, self.callers_look(), strict=True):
            if not is_ours:
                assert outcome is None, "a waiter takes over"
            elif force or valid is None:
                assert isinstance(outcome, ConfigurationError), "nobody calls the callable again"
            else:
                assert outcome.access_token == valid

    def is_withdrawn_because_its_thread_does_not_begin(self) -> None:
        assert self.fetch is not None
        self.fetch._withdraw_unless_begun()
        self.fetch.run()  # the thread begins after all
        assert set(self.callers_look()) <= {None}

    # -- what the API makes of a token -----------------------------------------------------------

    @rule(age=st.integers(0, 5))
    @precondition(lambda self: self.issued)
    def a_401_arrives_about_a_token_however_old(self, age: int) -> None:
        rejected = f"token-{max(0, len(self.issued) - 1 - age)}"
        self.source.discard(rejected)
        if rejected == self.current:
            self.current = None

    # -- the model -------------------------------------------------------------------------------

    def model_token(self) -> str | None:
        """Return the token that a caller should get now."""
        if self.current is None or self.issued[self.current].has_expired(now()):
            return None
        return self.current

    @staticmethod
    def passed_since(moment: Instant) -> float:
        """Return the seconds since then, by the clock that says more."""
        return max(now().monotonic - moment.monotonic, now().wall - moment.wall)

    def longest_pause(self) -> float:
        assert self.failed is not None
        return min(0.25 * 2.0 ** (self.failed.in_a_row - 1), 60.0)

    def is_pausing(self) -> bool:
        """Whether the longest pause that the last failure may cause is not over."""
        assert self.failed is not None
        longest = max(self.longest_pause(), self.failed.retry_after)
        return self.passed_since(self.failed.at) <= longest + CLOSE

    def has_a_reason_to_fetch(self) -> bool:
        """Whether there is no token, or an old one, and no pause that must not be over yet."""
        valid = self.model_token()
        if self.failed is not None and (self.failed.error is not None or valid is not None):
            shortest = max(self.longest_pause() * SHORTEST_PAUSE, self.failed.retry_after)
            if self.passed_since(self.failed.at) < shortest - CLOSE:
                return False
        if valid is None:
            return True
        arrival = self.expired_on_arrival
        if arrival is not None and self.passed_since(arrival) < 0.25 - CLOSE:
            return False
        issued = self.issued[valid]
        if issued.lifetime is None:
            return False
        return self.passed_since(issued.requested_at) >= issued.lifetime / 2 - CLOSE

    # -- what always holds -----------------------------------------------------------------------

    @invariant()
    def the_valid_token_is_the_one_of_the_model(self) -> None:
        valid = self.source._valid_token(now())
        assert (None if valid is None else valid.access_token) == self.model_token()

    @invariant()
    def a_token_that_is_used_without_a_decision_is_the_one_that_a_decision_would_use(self) -> None:
        ready = self.source._ready_token()
        if ready is not None:
            assert ready.access_token == self.model_token()
            assert self.source._next_step(force=False) is ready
            assert self.started == []

    @invariant()
    def the_endpoint_is_never_left_alone_for_more_than_an_hour(self) -> None:
        assert 0 <= self.pause_left() <= 3600 + CLOSE
        if self.failed is not None and self.passed_since(self.failed.at) >= 3600 + CLOSE:
            assert self.pause_left() == 0


_SETTINGS = settings(
    max_examples=150,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    # Not Phase.shrink, which outlasts the time limit of a test: add it to find a short example.
    phases=(Phase.explicit, Phase.generate),
)


class TestSource(SourceMachine.TestCase):  # type: ignore[name-defined]  # made at run time
    settings = _SETTINGS


@pytest.mark.matrix
class TestSourceAtLength(SourceMachine.TestCase):  # type: ignore[name-defined]  # made at run time
    settings = settings(_SETTINGS, max_examples=1500)
