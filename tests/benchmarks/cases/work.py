"""What the auth itself does for one answered request, client and network left out."""

from __future__ import annotations

from contextlib import ExitStack
from statistics import median

from tests.benchmarks.bench import Bench
from tests.benchmarks.cases.rounds import cpu_seconds, interleaved, median_ratio
from tests.benchmarks.contenders.face import Contender
from tests.benchmarks.contenders.table import able, floor_of
from tests.benchmarks.report import Table


def run(bench: Bench) -> Table:
    table = Table(
        "Work of the auth alone",
        "CPU time for one request that is answered 200, with a usable token. requests: the call of the auth, and what "
        "`dispatch_hook` does with the hook it may have put there. httpx and httpx2: the flow driven by hand as their "
        "clients do. The time of the same loop without the auth is subtracted. *Empty hook* is what requests itself "
        "takes for a hook that does nothing: no auth that looks at answers can be below it.",
        ("contender", "client", "ns", "ratio to the floor"),
    )
    with ExitStack() as stack:
        contenders = {}
        for kind in able("work"):
            contenders[kind] = contender = stack.enter_context(kind(bench.endpoint.application()))
            contender.warm()
        samples = interleaved(contenders, _work_of, bench.choose(15, 100))
    for kind, values in samples.items():
        ratio = median_ratio(values, samples[floor_of(kind)])
        table.rows.append((kind.name, kind.client, f"{median(values) * 1e9:,.0f}", f"{ratio:.2f}"))
        table.figures[kind.label()] = ratio
    table.leave_out("work")
    return table


def _work_of(contender: Contender):  # type: ignore[no-untyped-def]
    def measure(count: int) -> float:
        return max(cpu_seconds(contender.work, count) - cpu_seconds(contender.idle, count), 1e-9)

    return measure
