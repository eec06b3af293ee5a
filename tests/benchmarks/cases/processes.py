"""Twenty processes begin at once, and share one file store."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import bitquery_auth
from tests.benchmarks.bench import Bench
from tests.benchmarks.contenders.ours import OursRequests
from tests.benchmarks.report import Table
from tests.benchmarks.workers import Worker, go_together

_PROCESSES = 20


def run(bench: Bench) -> Table:
    table = Table(
        "Processes that share a file store",
        f"{_PROCESSES} processes ask for a token at once; a token request takes 50 ms.",
        ("contender", "client", "token requests", "slowest ms"),
    )
    if not hasattr(bitquery_auth, "FileTokenStore"):
        table.left_out.append("bitquery_auth: this version has no FileTokenStore")
        return table
    app = bench.endpoint.application(delay=0.05)
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "tokens")
        found = go_together(
            [Worker("processes_worker", OursRequests, app, path=path) for _ in range(_PROCESSES)]
        )
    spent = bench.endpoint.counts(app)["token_requests"]
    slowest = max(each["seconds"] for each in found) * 1000
    table.rows.append(("bitquery_auth", "FileTokenStore", str(spent), f"{slowest:.0f}"))
    return table
