"""The server revokes the token that a client thinks good, and sixteen requests meet it at once."""

from __future__ import annotations

import math

from tests.benchmarks.bench import Bench
from tests.benchmarks.cases.herd import tally
from tests.benchmarks.contenders.face import Answer, Contender
from tests.benchmarks.contenders.table import able
from tests.benchmarks.report import Table

_CROWD = 16


def run(bench: Bench) -> Table:
    table = Table(
        "Recovery after a revocation",
        f"{_CROWD} POSTs at once, right after the token was revoked: first with bytes, then, "
        "after another "
        "revocation, with a generator as body, which nobody can send twice; after those a single "
        "one with bytes.",
        ("contender", "client", "bytes", "token requests", "generator", "token requests", "then"),
    )
    refused: dict[str, dict[type[Contender], float]] = {"bytes": {}, "generator": {}}
    spent: dict[type[Contender], float] = {}
    for kind in able("revocation"):
        with kind(bench.endpoint.application()) as contender:
            contender.warm()
            cells: list[str] = []
            for body, lost in refused.items():
                answers, requests = _revoked(bench, contender, body)
                lost[kind] = sum(not answer.is_good for answer in answers)
                if body == "bytes":
                    spent[kind] = requests or math.inf  # without one, nothing was recovered
                cells += (tally(answers), str(requests))
            then = str(contender.send(contender.app.api))
        table.rows.append((kind.name, kind.client, *cells, then))
    table.compare("Lost requests with bytes", refused["bytes"], "fewer is none")
    table.compare("Token requests for them", spent, "fewer than one is none")
    table.compare(
        "Lost requests with a generator",
        refused["generator"],
        "what nobody can send twice is handed over with its 401, whereas azure-core asks for a "
        "new token before each "
        "request once it has been refused, and mcp lets no other request begin while it renews",
    )
    table.leave_out("revocation")
    return table


def _revoked(bench: Bench, contender: Contender, kind: str) -> tuple[list[Answer], int]:
    bench.endpoint.revoke(contender.app)
    answers = contender.at_once(_CROWD, contender.app.api, kind)
    return answers, bench.endpoint.counts(contender.app)["token_requests"]
