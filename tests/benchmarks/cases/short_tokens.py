"""Tokens that live shorter than many a leeway."""

from __future__ import annotations

from tests.benchmarks.bench import Bench
from tests.benchmarks.cases.herd import tally
from tests.benchmarks.contenders.table import able
from tests.benchmarks.report import Table

_LIFETIME = 30.0
_REQUESTS = 10


def run(bench: Bench) -> Table:
    table = Table(
        "Short lifetimes",
        f"{_REQUESTS} requests one after another with tokens of {_LIFETIME:.0f} s, at default "
        "settings.",
        ("contender", "client", "token requests", "answers"),
    )
    requests = {}
    for kind in able("short"):
        app = bench.endpoint.application(lifetime=_LIFETIME)
        with kind(app) as contender:
            answers = [contender.send(app.api) for _ in range(_REQUESTS)]
        spent = requests[kind] = bench.endpoint.counts(app)["token_requests"]
        table.rows.append((kind.name, kind.client, str(spent), tally(answers)))
    table.compare("Token requests", requests, "fewer than one is none")
    table.leave_out("short")
    return table
