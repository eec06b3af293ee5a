"""The token endpoint is down while the token, near its end, is still good."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from tests.benchmarks.contenders.contender import Contender
from tests.benchmarks.contenders.table import able
from tests.benchmarks.endpoint import Endpoint
from tests.benchmarks.report import Table, tally

_REQUESTS = 5
_INSIDE_LEEWAY = 0.85
"""Share of the lifetime after which it begins. Our leeway is the last fifth of a short one."""


def run(endpoint: Endpoint) -> Table:
    lifetime = endpoint.choose(10.0, 20.0)
    table = Table(
        "Outage of the token endpoint",
        f"It responds 503 from {_INSIDE_LEEWAY:.0%} of a token's {lifetime:.0f} s on, at default "
        f"settings: {_REQUESTS} requests one after another, to an API that accepts the token "
        "until its end.",
        ("contender", "client", "responses", "token requests during it"),
    )

    def row(kind: type[Contender]) -> tuple[str, ...]:
        with kind.at(endpoint, lifetime=lifetime) as contender:
            app = contender.app
            begin = time.monotonic() + lifetime * _INSIDE_LEEWAY
            contender.warm()
            time.sleep(max(0.0, begin - time.monotonic()))
            endpoint.set(app, outage=503)
            before = endpoint.token_requests(app)
            answers = [contender.send(app.api) for _ in range(_REQUESTS)]
            spent = endpoint.token_requests(app) - before
        return kind.name, kind.client, tally(answers), str(spent)

    kinds = able("outage")
    with ThreadPoolExecutor(len(kinds)) as pool:
        table.rows += pool.map(row, kinds)
    return table
