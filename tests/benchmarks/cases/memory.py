"""What many auth objects take, and whether requests leave anything behind."""

from __future__ import annotations

from itertools import islice

from tests.benchmarks.bench import Bench
from tests.benchmarks.contenders.face import Contender
from tests.benchmarks.contenders.table import able
from tests.benchmarks.report import Table
from tests.benchmarks.workers import Worker, go_together

_OBJECTS = 10_000
_REQUESTS = 1_000_000
_AT_ONCE = 2


def run(bench: Bench) -> Table:
    table = Table(
        "Memory",
        f"Bytes that Python has allocated for each of {_OBJECTS:,} auth objects, or of as many "
        "as could be made in the "
        "time, each with an application of its own (where the auth is a client, its TLS context "
        "is not in that); and "
        f"blocks that Python still holds after the work of {_REQUESTS:,} requests, or fewer "
        "where that took too long.",
        ("contender", "client", "bytes each", "objects", "blocks left", "requests"),
    )
    each: dict[type[Contender], float] = {}
    kinds = iter(able("memory"))
    while pair := list(islice(kinds, _AT_ONCE)):
        workers = [
            Worker(
                "memory_worker",
                kind,
                bench.endpoint.application(),
                seconds=bench.choose(1.0, 6.0),
                requests=_REQUESTS,
                objects=_OBJECTS,
            )
            for kind in pair
        ]
        for kind, found in zip(pair, go_together(workers), strict=True):
            cells = (f"{found[name]:,.0f}" for name in ("each", "objects", "left", "requests"))
            table.rows.append((kind.name, kind.client, *cells))
            each[kind] = found["each"]
    table.compare(
        "Bytes an object",
        each,
        "they hold the credentials and little else, where ours holds its settings as they were "
        "given, for pickles, "
        "besides what was made of them; one object serves a program",
        noise=0.02,
    )
    table.leave_out("memory")
    return table
