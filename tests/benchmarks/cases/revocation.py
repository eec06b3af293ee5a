"""The server revokes the token that a client thinks good, and sixteen requests meet it at once."""

from __future__ import annotations

from tests.benchmarks.contenders.table import able
from tests.benchmarks.endpoint import Endpoint
from tests.benchmarks.report import Table, tally

_CROWD = 16


def run(endpoint: Endpoint) -> Table:
    table = Table(
        "Recovery after a revocation",
        f"{_CROWD} POSTs at once, right after the token was revoked: first with bytes, then, "
        "after another revocation, with a generator as body, which nobody can send twice; after "
        "those a single one with bytes.",
        ("contender", "client", "bytes", "token requests", "generator", "token requests", "then"),
    )
    for kind in able("revocation"):
        with kind.at(endpoint) as contender:
            contender.warm()
            cells: list[str] = []
            for body in ("bytes", "generator"):
                endpoint.revoke(contender.app)
                cells.append(tally(contender.at_once(_CROWD, contender.app.api, body)))
                cells.append(str(endpoint.token_requests(contender.app)))
            cells.append(contender.send(contender.app.api))
        table.rows.append((kind.name, kind.client, *cells))
    return table
