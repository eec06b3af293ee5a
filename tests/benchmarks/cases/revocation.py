"""The server revokes the token that a client thinks good, and sixteen requests meet it at once."""

from __future__ import annotations

from tests.benchmarks.bench import Bench
from tests.benchmarks.cases.herd import tally
from tests.benchmarks.contenders.face import Contender
from tests.benchmarks.contenders.table import able
from tests.benchmarks.report import Table

_CROWD = 16


def run(bench: Bench) -> Table:
    table = Table(
        "Recovery after a revocation",
        f"{_CROWD} POSTs at once, right after the token was revoked: first with bytes, then, after another "
        "revocation, with a generator as body, which nobody can send twice; after those a single one with bytes.",
        ("contender", "client", "bytes", "token requests", "generator", "token requests", "then"),
    )
    for kind in able("revocation"):
        with kind(bench.endpoint.application()) as contender:
            contender.warm()
            first, spent_first = _revoked(bench, contender, "bytes")
            second, spent_second = _revoked(bench, contender, "generator")
            then = str(contender.send(contender.app.api))
        table.rows.append((kind.name, kind.client, first, str(spent_first), second, str(spent_second), then))
    table.leave_out("revocation")
    return table


def _revoked(bench: Bench, contender: Contender, kind: str) -> tuple[str, int]:
    bench.endpoint.revoke(contender.app)
    answers = contender.at_once(_CROWD, contender.app.api, kind)
    return tally(answers), bench.endpoint.counts(contender.app)["token_requests"]
