"""Steady load while tokens end every few seconds: who waits for renewals, and who is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.bench import Bench
from tests.benchmarks.contenders.face import Contender
from tests.benchmarks.contenders.table import able, floor_of
from tests.benchmarks.endpoint import Application
from tests.benchmarks.report import NONE, TIMES, Table, percentile
from tests.benchmarks.workers import Worker, go_together

_LIFETIMES = (3.0, 4.0)
_FETCH_SECONDS = 0.3
_LEEWAY = 1.0
_GRACE = 0.15


def run(bench: Bench) -> Table:
    seconds = bench.choose(8.0, 20.0)
    table = Table(
        "Steady load on short-lived tokens",
        f"8 threads or tasks send 40 requests a second for {seconds:.0f} s, each contender in a "
        "process of its own, up "
        f"to {_at_once(bench)} beside each other, always with the floor of their client. Tokens "
        "live 3 s or 4 s, a "
        f"token request takes {_FETCH_SECONDS} s, the first token is there. *Waited*: longer "
        "than the p99.9 of that "
        f"floor and {_GRACE} s. The leeway is {_LEEWAY:.0f} s where a contender's default is "
        "longer than the token "
        "lives and can be set; ours is at its default. Loop lag: how late a tick of 5 ms was at "
        "most, and that of the "
        "floor. What was loaded before is kept from the garbage collector, which takes 20 ms to "
        "look at all of it.",
        (
            "contender",
            "client",
            "token s",
            "waited",
            "p99 ms",
            "max ms",
            "loop lag ms",
            "401s",
            "token requests",
            "failed",
        ),
    )
    waited: dict[type[Contender], float] = {}
    spent: dict[type[Contender], float] = {}
    found: list[tuple[type[Contender], float, tuple[str, ...]]] = []
    for wave in _waves(bench):
        apps = [_application(bench, kind, lifetime) for kind, lifetime in wave]
        jobs = zip(wave, apps, strict=True)
        workers = [Worker("steady_worker", kind, app, seconds=seconds) for (kind, _), app in jobs]
        outcomes = dict(zip(wave, go_together(workers), strict=True))
        for (kind, lifetime), app in zip(wave, apps, strict=True):
            floor = outcomes[floor_of(kind), lifetime]
            row = _row(outcomes[kind, lifetime], floor, bench.endpoint.counts(app))
            if not kind.is_floor or all(kind is not known for known, _, _ in found):
                found.append((kind, lifetime, row))
            waited[kind] = waited.get(kind, 0) + float(row[0].split()[0])
            spent[kind] = spent.get(kind, 0) + bench.endpoint.counts(app)["token_requests"]
            if not kind.is_floor:
                table.figures[f"{kind.label()} {lifetime:.0f} s"] = float(row[0].split()[0])
    order = able("steady")
    for kind, lifetime, row in sorted(found, key=lambda each: (order.index(each[0]), each[1])):
        table.rows.append(
            (kind.name, kind.client, NONE if kind.is_floor else f"{lifetime:.0f}", *row)
        )
    table.compare("Requests that waited", waited, "fewer is none")
    table.compare(
        "Token requests",
        spent,
        "a token is replaced ahead of its end, so that nobody waits for it, which takes one more "
        "now and then",
    )
    table.leave_out("steady")
    return table


def _at_once(bench: Bench) -> int:
    return bench.choose(10, 5)


def _waves(bench: Bench) -> Iterator[list[tuple[type[Contender], float]]]:
    """Groups that run beside each other, each with the floor of its client."""
    at_once = _at_once(bench)
    for client in dict.fromkeys(kind.client for kind in able("steady")):
        floor, *rivals = (kind for kind in able("steady") if kind.client == client)
        wave: list[tuple[type[Contender], float]] = []
        for job in [(kind, lifetime) for lifetime in _LIFETIMES for kind in rivals]:
            needed = [job] if (floor, job[1]) in wave else [(floor, job[1]), job]
            if len(wave) + len(needed) > at_once:
                yield wave
                wave, needed = [], [(floor, job[1]), job]
            wave += needed
        yield wave


def _application(bench: Bench, kind: type[Contender], lifetime: float) -> Application:
    leeway = None if kind.name == "bitquery_auth" else _LEEWAY
    return bench.endpoint.application(leeway=leeway, lifetime=lifetime, delay=_FETCH_SECONDS)


def _row(outcome: dict[str, Any], floor: dict[str, Any], counts: dict[str, int]) -> tuple[str, ...]:
    seconds = outcome["seconds"]
    limit = percentile(floor["seconds"], 99.9) + _GRACE
    waited = sum(each > limit for each in seconds)
    lag = (
        f"{max(outcome['lags']) * 1000:.0f} / {max(floor['lags']) * 1000:.0f}"
        if outcome["lags"]
        else NONE
    )
    bad = Counter(outcome["bad"])
    refused = bad.pop("401", 0)
    return (
        f"{waited} of {len(seconds)}",
        f"{percentile(seconds, 99) * 1000:.0f}",
        f"{max(seconds) * 1000:.0f}",
        lag,
        f"{refused} seen, {counts['refusals']} sent",
        str(counts["token_requests"]),
        ", ".join(f"{count}{TIMES} {what}" for what, count in bad.items()) or "0",
    )
