"""Steady load while tokens end every few seconds: who waits for renewals, and who is rejected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.benchmarks.contenders.contender import Contender
from tests.benchmarks.contenders.table import able
from tests.benchmarks.endpoint import Application, Endpoint
from tests.benchmarks.report import NONE, Table, percentile, tally
from tests.benchmarks.workers import Worker, go_together

_LIFETIMES = (3.0, 4.0)
_FETCH_SECONDS = 0.3
_LEEWAY = 1.0
_GRACE = 0.15


def run(endpoint: Endpoint) -> Table:
    seconds = endpoint.choose(8.0, 20.0)
    at_once = endpoint.choose(10, 5)
    table = Table(
        "Steady load on short-lived tokens",
        f"8 threads or tasks send 40 requests a second for {seconds:.0f} s, each contender in a "
        f"process of its own, up to {at_once} beside each other, always with the floor of their "
        f"client. Tokens live 3 s or 4 s, a token request takes {_FETCH_SECONDS} s, the first "
        f"token is there. *Waited*: longer than the p99.9 of that floor and {_GRACE} s. The leeway "
        f"is {_LEEWAY:.0f} s where a contender's default is longer than the token lives and can be "
        "set; ours is at its default. Loop lag: how late a tick of 5 ms was at most, and that of "
        "the floor. What was loaded before is kept from the garbage collector.",
        (
            "contender",
            "client",
            "token s",
            "waited",
            "p99 ms",
            "max ms",
            "loop lag ms",
            "401s sent",
            "token requests",
            "failed",
        ),
        "steady",
    )
    for lifetime, kinds in _waves(at_once):
        apps = [_application(endpoint, kind, lifetime) for kind in kinds]
        workers = [
            Worker("steady_worker", kind, app, seconds=seconds)
            for kind, app in zip(kinds, apps, strict=True)
        ]
        outcomes = go_together(workers)
        for kind, app, outcome in zip(kinds, apps, outcomes, strict=True):
            cells = _cells(outcome, outcomes[0])
            counts = (str(endpoint.refusals(app)), str(endpoint.token_requests(app)))
            row = (kind.name, kind.client, f"{lifetime:.0f}", *cells, *counts, outcome["failed"])
            table.rows.append((*row[:-1], tally(row[-1]) or "0"))
    return table


def _waves(at_once: int) -> Iterator[tuple[float, list[type[Contender]]]]:
    """Yield groups that run beside each other, the floor of their client first."""
    for client in dict.fromkeys(kind.client for kind in able("steady")):
        floor, *rivals = (kind for kind in able("steady") if kind.client == client)
        for lifetime in _LIFETIMES:
            for start in range(0, len(rivals), at_once - 1):
                yield lifetime, [floor, *rivals[start : start + at_once - 1]]


def _application(endpoint: Endpoint, kind: type[Contender], lifetime: float) -> Application:
    return endpoint.application(
        kind.method,
        leeway=None if kind.name == "bitquery_auth" else _LEEWAY,
        lifetime=3600.0 if kind.is_floor else lifetime,
        delay=_FETCH_SECONDS,
    )


def _cells(outcome: dict[str, Any], floor: dict[str, Any]) -> tuple[str, ...]:
    seconds = outcome["seconds"]
    limit = percentile(floor["seconds"], 99.9) + _GRACE
    lags = [f"{max(each['lags']) * 1000:.0f}" for each in (outcome, floor) if each["lags"]]
    return (
        f"{sum(each > limit for each in seconds)} of {len(seconds)}",
        f"{percentile(seconds, 99) * 1000:.0f}",
        f"{max(seconds) * 1000:.0f}",
        " / ".join(lags) or NONE,
    )
