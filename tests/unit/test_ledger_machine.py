"""A ledger, driven as threads, clocks and servers would drive it, in every order that Hypothesis can think of.

The machine plays the driver and the token endpoint, and keeps a model of its own: plain records of
what happened, from which follows what a caller may be given and when a fetch has a reason.
"""

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bitquery_auth._errors import (
    BitqueryAuthError,
    ConfigurationError,
    TokenEndpointError,
    TokenRequestError,
)
from bitquery_auth._renewal import Grant, Instant, Ledger, Schedule, Step
from tests.unit.moments import START

SHORTEST_PAUSE = 0.8  # of the first failure, with all its jitter
CLOSE = 1e-6

seconds = st.floats(0, 7200)
jitters = st.floats(0, 1)


@dataclass
class Flight:
    """A fetch under way: when it began, and how many wait for it."""

    asked: Instant
    waiters: int = 0


@dataclass
class Issued:
    """A token that the server has given out."""

    asked: Instant
    lifetime: float | None
    discarded: bool = False
    revoked: bool = False

    def ended(self, now: Instant) -> bool:
        if self.lifetime is None:
            return False
        return now.monotonic >= self.asked.monotonic + self.lifetime or now.wall >= self.asked.wall + self.lifetime


@dataclass
class Failed:
    """How the last fetch failed, and how many did in a row. `error`: None where a wrong setting was the reason."""

    error: BitqueryAuthError | None
    at: Instant
    in_a_row: int
    retry_after: float


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.flight: Flight | None = None
        self.issued: dict[str, Issued] = {}
        self.current: str | None = None  # what the model says is kept
        self.failed: Failed | None = None
        self.dead_on_arrival: Instant | None = None

    @initialize(leeway=st.floats(0, 4000), ahead=st.none() | st.floats(0, 4000))
    def configure(self, leeway: float, ahead: float | None) -> None:
        self.ledger = Ledger(Schedule(leeway, ahead))

    # -- time ----------------------------------------------------------------------------------------

    @rule(passed=seconds)
    def time_passes(self, passed: float) -> None:
        self.now = self.now.plus(passed)

    @rule(passed=st.floats(0, 2))
    def a_moment_passes(self, passed: float) -> None:
        self.now = self.now.plus(passed)

    @rule(asleep=seconds)
    def the_machine_sleeps(self, asleep: float) -> None:
        self.now = self.now._replace(wall=self.now.wall + asleep)

    @rule(by=st.floats(-7200, 7200))
    def the_wall_clock_is_set(self, by: float) -> None:
        self.now = self.now._replace(wall=self.now.wall + by)

    # -- callers -------------------------------------------------------------------------------------

    @rule()
    def a_caller_wants_a_token(self) -> None:
        step = self.ledger.step(self.now, fetching=self.flight is not None)
        if step in {Step.USE, Step.USE_AND_RENEW}:
            self.is_given_a_good_token()
        if step in {Step.FETCH, Step.USE_AND_RENEW}:
            assert self.flight is None, "never two fetches at once"
            assert self.has_a_reason_to_fetch(), step
            self.begin()
        if step in {Step.FETCH, Step.WAIT}:
            assert self.flight is not None
            self.flight.waiters += 1
        if step is Step.WAIT:
            assert self.model_token() is None, "nobody waits while a token lives"
        if step is Step.FAIL:
            assert self.model_token() is None
            assert self.flight is None
            assert self.failed is not None
            assert self.failed.error is not None, "a wrong setting may be right by now"
            assert self.ledger.error is self.failed.error
            assert self.is_pausing(), "a failure is repeated only while the endpoint is left alone"

    @rule()
    @precondition(lambda self: self.flight is None)
    def a_caller_wants_a_new_token(self) -> None:
        self.begin()

    def is_given_a_good_token(self) -> None:
        name = self.model_token()
        token = self.ledger.usable(self.now)
        assert token is not None
        assert token.access_token == name, "never an ended, a discarded or an older token"

    def begin(self) -> None:
        self.flight = Flight(self.now)

    # -- what the endpoint makes of a fetch ----------------------------------------------------------

    @rule(lifetime=st.none() | st.sampled_from([-5.0, 0.0, 1.0, 45.0, 3600.0]) | seconds, jitter=jitters)
    @precondition(lambda self: self.flight is not None)
    def the_fetch_brings_a_token(self, lifetime: float | None, jitter: float) -> None:
        assert self.flight is not None
        name = f"token-{len(self.issued)}"
        self.issued[name] = issued = Issued(self.flight.asked, lifetime)
        self.ledger.succeeded(Grant.of(name, self.flight.asked, lifetime), self.now, jitter)
        self.flight, self.failed, self.dead_on_arrival = None, None, None
        if issued.ended(self.now):  # late, or of no lifetime: for those who waited, and for nobody else
            self.dead_on_arrival = self.now
        else:
            self.current = name

    @rule(status=st.sampled_from([400, 401, 429, 500, 503]), retry=st.none() | seconds, jitter=jitters)
    @precondition(lambda self: self.flight is not None)
    def the_fetch_is_refused(self, status: int, retry: float | None, jitter: float) -> None:
        self.fails(TokenEndpointError("no", status_code=status, retry_after=retry), jitter, retry or 0.0)

    @rule(jitter=jitters)
    @precondition(lambda self: self.flight is not None)
    def the_fetch_gets_no_answer(self, jitter: float) -> None:
        self.fails(TokenRequestError("no answer"), jitter)

    def fails(self, error: BitqueryAuthError, jitter: float, retry_after: float = 0.0) -> None:
        self.ledger.failed(error, self.now, jitter)
        self.note_failure(error, retry_after)

    def note_failure(self, error: BitqueryAuthError | None, retry_after: float = 0.0) -> None:
        in_a_row = 1 if self.failed is None else self.failed.in_a_row + 1
        self.failed = Failed(error, self.now, in_a_row, min(retry_after, 3600.0))
        self.flight, self.dead_on_arrival = None, None

    @rule(jitter=jitters)
    @precondition(lambda self: self.flight is not None)
    def the_secret_cannot_be_read(self, jitter: float) -> None:
        was_pausing = self.ledger.seconds_to_retry(self.now) > 0
        self.ledger.failed(ConfigurationError("client_secret is blank"), self.now, jitter)
        self.flight = None
        if not was_pausing:
            self.note_failure(None)

    @rule()
    @precondition(lambda self: self.flight is not None)
    def the_fetch_is_withdrawn(self) -> None:
        self.flight = None

    # -- what the API makes of a token ---------------------------------------------------------------

    @rule(data=st.data())
    @precondition(lambda self: self.issued)
    def a_token_is_revoked(self, data: st.DataObject) -> None:
        self.issued[data.draw(st.sampled_from(sorted(self.issued)))].revoked = True

    @rule(data=st.data())
    @precondition(lambda self: any(each.revoked for each in self.issued.values()))
    def a_refusal_arrives_however_late(self, data: st.DataObject) -> None:
        refused = data.draw(st.sampled_from(sorted(name for name, each in self.issued.items() if each.revoked)))
        before = self.ledger.usable(self.now)
        discarded = self.ledger.discard(refused)
        assert discarded is (refused == self.current), "a discard hits its own token only"
        self.issued[refused].discarded = True
        if discarded:
            self.current = None
        else:
            assert self.ledger.usable(self.now) == before

    # -- the model -----------------------------------------------------------------------------------

    def model_token(self) -> str | None:
        """What a caller should be given now."""
        if self.current is None or self.issued[self.current].ended(self.now):
            return None
        return self.current

    def passed_since(self, moment: Instant) -> float:
        """The time since then, by the clock that says more."""
        return max(self.now.monotonic - moment.monotonic, self.now.wall - moment.wall)

    def is_pausing(self) -> bool:
        """Whether the longest pause that the last failure could earn still runs."""
        assert self.failed is not None
        longest = max(min(2.0 ** (self.failed.in_a_row - 1), 60.0), self.failed.retry_after)
        return self.passed_since(self.failed.at) <= longest + CLOSE

    def has_a_reason_to_fetch(self) -> bool:
        """No token, or one in the last half of its life; and no failure so recent that its pause must still run."""
        if self.failed is not None and (self.failed.error is not None or self.model_token() is not None):
            shortest = max(min(2.0 ** (self.failed.in_a_row - 1), 60.0) * SHORTEST_PAUSE, self.failed.retry_after)
            if self.passed_since(self.failed.at) < shortest - CLOSE:
                return False
        name = self.model_token()
        if name is None:
            return True
        if self.dead_on_arrival is not None and self.passed_since(self.dead_on_arrival) < 1 - CLOSE:
            return False
        issued = self.issued[name]
        return issued.lifetime is not None and self.passed_since(issued.asked) >= issued.lifetime / 2 - CLOSE

    # -- what always holds ---------------------------------------------------------------------------

    @invariant()
    def what_is_usable_is_what_the_model_says(self) -> None:
        usable = self.ledger.usable(self.now)
        assert (None if usable is None else usable.access_token) == self.model_token()

    @invariant()
    def what_is_used_without_a_thought_needs_none(self) -> None:
        monotonic, wall, token = self.ledger.ready
        if self.now.monotonic < monotonic and self.now.wall < wall:
            assert token is not None
            assert token.access_token == self.model_token()
            assert self.ledger.step(self.now, fetching=False) is Step.USE

    @invariant()
    def no_discarded_token_comes_back(self) -> None:
        kept = self.ledger.kept
        assert kept is None or not self.issued[kept.token.access_token].discarded

    @invariant()
    def the_endpoint_is_never_left_alone_for_more_than_an_hour(self) -> None:
        assert self.ledger.seconds_to_retry(self.now) >= 0
        if self.failed is not None and self.now.monotonic - self.failed.at.monotonic >= 3600 + CLOSE:
            assert self.ledger.seconds_to_retry(self.now) == 0

    @invariant()
    def an_error_is_known_exactly_until_a_token_comes(self) -> None:
        assert self.ledger.error is (None if self.failed is None else self.failed.error)


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=60, stateful_step_count=40)
