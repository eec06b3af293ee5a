"""The token endpoint is down while the token, near its end, is still good."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from tests.benchmarks.bench import Bench
from tests.benchmarks.cases.herd import tally
from tests.benchmarks.contenders.face import Contender
from tests.benchmarks.contenders.table import able
from tests.benchmarks.endpoint import Application
from tests.benchmarks.report import Table

_REQUESTS = 5
_INSIDE_LEEWAY = 0.85
"""Share of the lifetime after which it begins. Our leeway is the last fifth of a short one."""


def run(bench: Bench) -> Table:
    lifetime = bench.choose(10.0, 20.0)
    table = Table(
        "Outage of the token endpoint",
        f"It answers 503 from {_INSIDE_LEEWAY:.0%} of a token's {lifetime:.0f} s on, at default "
        "settings: "
        f"{_REQUESTS} requests one after another, to an API that takes the token until its end.",
        ("contender", "client", "answers", "token requests during it"),
    )
    kinds = able("outage")
    apps = [bench.endpoint.application(lifetime=lifetime) for _ in kinds]

    def one(kind: type[Contender], app: Application) -> tuple[int, str, int]:
        with kind(app) as contender:
            warmed = time.monotonic()
            contender.warm()
            time.sleep(max(0.0, warmed + lifetime * _INSIDE_LEEWAY - time.monotonic()))
            bench.endpoint.set(app, outage=True)
            before = bench.endpoint.counts(app)["token_requests"]
            answers = [contender.send(app.api) for _ in range(_REQUESTS)]
            failed = sum(not answer.is_good for answer in answers)
            return failed, tally(answers), bench.endpoint.counts(app)["token_requests"] - before

    with ThreadPoolExecutor(len(kinds)) as pool:
        outcomes = list(pool.map(one, kinds, apps))
    for kind, (_, answers, spent) in zip(kinds, outcomes, strict=True):
        table.rows.append((kind.name, kind.client, answers, str(spent)))
    table.compare(
        "Failed requests",
        {kind: outcome[0] for kind, outcome in zip(kinds, outcomes, strict=True)},
        "fewer is none",
    )
    table.compare(
        "Token requests",
        {kind: outcome[2] for kind, outcome in zip(kinds, outcomes, strict=True)},
        "they try nothing before the token is over, so that a longer outage meets them with "
        "nothing in hand",
    )
    table.leave_out("outage")
    return table
