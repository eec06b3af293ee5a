"""``bitquery-auth demo``: what this library does, as a stand-in for Bitquery counts it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from http import HTTPStatus
from typing import NamedTuple

from bitquery_auth._cli.demo_programs import (
    CLIENTS,
    MAX_CALLS_AT_ONCE,
    PROGRAMS,
    Calls,
    Client,
    Program,
)
from bitquery_auth._cli.exit_codes import FAILED, OK
from bitquery_auth._environment import PREFIX
from bitquery_auth.sandbox import Sandbox

_REPEATED_CALLS = 20
_LIFETIME = 5.0
_TOKEN_REQUEST_SECONDS = 0.8
_STEADY_SECONDS = 4.5  # Long enough for one renewal of such a token, and too short for two.
_STEADY_INTERVAL = 0.05

_INTRODUCTION = """\
A stand-in for Bitquery on this computer counts the queries that it receives,
those that it rejects with 401, and the token requests.

The last two columns are the token requests of two programs that make the same
calls without this library. One requests a token for each call. The other
caches its token, but has no lock, does not renew it ahead of its expiry, and
does not handle a 401.
"""
_WAIT = f"""\
Now tokens expire after {_LIFETIME:.0f} s, and a token request takes {_TOKEN_REQUEST_SECONDS} s.
This takes about 10 s, for all clients at once ...
"""
_NEXT = f"""
Next, with an account at Bitquery:
  1. Create an application of type Automatic at account.bitquery.io.
  2. Set {PREFIX}CLIENT_ID and {PREFIX}CLIENT_SECRET to its id and secret.
  3. Run bitquery-auth check.
Without one, bitquery-auth sandbox serves this stand-in to your own programs."""

_ROW = "{:<39}{:>5}{:>5}{:>7}{:>11}{:>12}"


class Counts(NamedTuple):
    """What a program did in a scenario.

    Attributes:
        sent: Queries that the stand-in received.
        rejected: Queries that it rejected with 401.
        tokens: Token requests that it received.
        failed: Calls that did not end with 200 in the program.
        slowest: Seconds that the slowest call took.
    """

    sent: int
    rejected: int
    tokens: int
    failed: int
    slowest: float


class Scenario(NamedTuple):
    """What happens, and what is expected of this library then.

    Args:
        title: What happens.
        tokens: How many tokens are requested.
        rejected: How many queries are rejected with 401. No call fails because of it.
        slowest: Seconds within which every call ends.
    """

    title: str
    tokens: int
    rejected: int = 0
    slowest: float = math.inf


class Row(NamedTuple):
    """A row of the table: a scenario, and what each of `PROGRAMS` did in it."""

    scenario: Scenario
    counts: tuple[Counts, ...]

    @property
    def is_passed(self) -> bool:
        """Whether this library did what is expected of it."""
        scenario, ours = self.scenario, self.counts[0]
        counts_are_right = (ours.tokens, ours.rejected) == (scenario.tokens, scenario.rejected)
        return counts_are_right and not ours.failed and ours.slowest < scenario.slowest


_LONG_LIVED = (
    Scenario("first call: a token is requested", tokens=1),
    Scenario(f"{_REPEATED_CALLS} more calls: they use it", tokens=0),
    Scenario("it is revoked: the call is repeated", tokens=1, rejected=1),
    Scenario(f"{MAX_CALLS_AT_ONCE} calls at once: they share one", tokens=1),
)
_STEADY_CALLS = Scenario(
    "calls go on: it is renewed in time", tokens=1, slowest=_TOKEN_REQUEST_SECONDS
)
_SHORT_LIVED = (_STEADY_CALLS, Scenario("it has expired: replaced before use", tokens=1))


def demo() -> int:
    """Run every scenario with every client.

    Returns:
        0 if this library did what is expected of it, otherwise 1.
    """
    print(_INTRODUCTION, flush=True)
    rows: list[Row] = []
    for name, client in CLIENTS.items():
        runs = [_run_long_lived(client, program) for program in PROGRAMS]
        rows += _print_rows(name, _LONG_LIVED, runs)
    print(_WAIT, flush=True)
    started = {
        name: [_start_short_lived(client, program) for program in PROGRAMS]
        for name, client in CLIENTS.items()
    }
    for name, futures in started.items():
        rows += _print_rows(name, _SHORT_LIVED, [future.result() for future in futures])
    _print_summary(rows)
    return OK if all(row.is_passed for row in rows) else FAILED


def _run_long_lived(client: Client, program: Program) -> list[Counts]:
    """Run the scenarios of `_LONG_LIVED`."""
    with Sandbox() as sandbox:
        with client(sandbox, program) as calls:
            first = _measure(sandbox, calls, [1])
            more = _measure(sandbox, calls, [1] * _REPEATED_CALLS)
            sandbox.revoke_all()
            revoked = _measure(sandbox, calls, [1])
        sandbox.delay = 0.3  # All calls are under way before there is a token.
        with client(sandbox, program) as calls:
            at_once = _measure(sandbox, calls, [MAX_CALLS_AT_ONCE])
    return [first, more, revoked, at_once]


def _start_short_lived(client: Client, program: Program) -> Future[list[Counts]]:
    """Run the scenarios of `_SHORT_LIVED` in a daemon thread, for which Ctrl+C does not wait."""
    future: Future[list[Counts]] = Future()

    def run() -> None:
        try:
            future.set_result(_run_short_lived(client, program))
        except Exception as error:  # noqa: BLE001 - raised where the result is used
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _run_short_lived(client: Client, program: Program) -> list[Counts]:
    """Run the scenarios of `_SHORT_LIVED`."""
    with Sandbox(lifetime=_LIFETIME) as sandbox, client(sandbox, program) as calls:
        calls(1)
        sandbox.delay = _TOKEN_REQUEST_SECONDS
        steady = _measure(sandbox, calls, _one_after_the_other())
        time.sleep(_LIFETIME)
        return [steady, _measure(sandbox, calls, [1])]


def _one_after_the_other() -> Iterator[int]:
    end = time.monotonic() + _STEADY_SECONDS
    while time.monotonic() < end:
        yield 1
        time.sleep(_STEADY_INTERVAL)


def _measure(sandbox: Sandbox, calls: Calls, batches: Iterable[int]) -> Counts:
    """Make calls, and count what reaches the stand-in meanwhile.

    Args:
        sandbox: The stand-in.
        calls: Makes calls.
        batches: The number of calls to make at once, for each time.
    """
    sandbox.reset_counts()
    statuses: list[int] = []
    slowest = 0.0
    for batch in batches:
        started = time.monotonic()
        statuses += calls(batch)
        slowest = max(slowest, time.monotonic() - started)
    queries = [record.status for record in sandbox.requests if record.path == "/graphql"]
    return Counts(
        sent=len(queries),
        rejected=queries.count(HTTPStatus.UNAUTHORIZED),
        tokens=sandbox.token_requests,
        failed=len(statuses) - statuses.count(HTTPStatus.OK),
        slowest=slowest,
    )


def _print_rows(
    client: str, scenarios: Sequence[Scenario], runs: Sequence[Sequence[Counts]]
) -> list[Row]:
    """Print the part of the table that is one client's, and return it."""
    rows = [Row(*pair) for pair in zip(scenarios, zip(*runs, strict=True), strict=True)]
    print(_ROW.format(client, "sent", "401", "tokens", "each call", "no lock"))
    for row in rows:
        scenario, (ours, *others) = row
        tokens = [f"{each.tokens}{', fails' if each.failed else ''}" for each in others]
        print(_ROW.format(f"  {scenario.title}", ours.sent, ours.rejected, ours.tokens, *tokens))
        if not row.is_passed:
            print(
                f"  FAILED: {ours.failed} calls failed, the slowest took {ours.slowest:.1f} s. "
                f"Expected: {scenario.tokens} tokens."
            )
    print(flush=True)
    return rows


def _print_summary(rows: Sequence[Row]) -> None:
    tokens = [sum(row.counts[each].tokens for row in rows) for each in range(len(PROGRAMS))]
    slowest = [
        max(row.counts[each].slowest for row in rows if row.scenario is _STEADY_CALLS)
        for each in range(len(PROGRAMS))
    ]
    columns = "{:<39}{:>17}{:>11}{:>12}"
    print(columns.format("in all", "this library", "each call", "no lock"))
    print(columns.format("  token requests", *tokens))
    print(
        columns.format(
            "  slowest call, while calls go on (s)", *(f"{each:.2f}" for each in slowest)
        )
    )
    print(_NEXT)
