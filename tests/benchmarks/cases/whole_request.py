"""A whole request through the client, answered by a stub in place of the network."""

from __future__ import annotations

from contextlib import ExitStack
from statistics import median

from tests.benchmarks.bench import Bench
from tests.benchmarks.cases.rounds import cpu_seconds, median_ratio
from tests.benchmarks.contenders.table import able, floor_of
from tests.benchmarks.endpoint import STUB_URL
from tests.benchmarks.report import Table

_COUNT = 25


def run(bench: Bench) -> Table:
    table = Table(
        "Whole request",
        "CPU time of a POST through the client, with a usable token, answered by a stub "
        "transport; beside it the "
        "difference to the floor in the same round.",
        ("contender", "client", "µs", "over the floor, µs", "ratio to the floor"),
    )
    with ExitStack() as stack:
        contenders = {}
        for kind in able("whole"):
            contenders[kind] = contender = stack.enter_context(kind(bench.endpoint.application()))
            contender.warm()
            contender.send_many(_COUNT, STUB_URL)
        samples: dict = {kind: [] for kind in contenders}
        order = list(contenders)
        for _ in range(bench.choose(10, 150)):
            for kind in order:
                send_many = contenders[kind].send_many
                samples[kind].append(
                    cpu_seconds(lambda count, send=send_many: send(count, STUB_URL), _COUNT)
                )
            order = order[1:] + order[:1]
    ratios = {}
    for kind, values in samples.items():
        floors = samples[floor_of(kind)]
        over = median(value - floor for value, floor in zip(values, floors, strict=True))
        ratio = ratios[kind] = median_ratio(values, floors)
        cells = (f"{median(values) * 1e6:.1f}", f"{over * 1e6:+.1f}", f"{ratio:.2f}")
        table.rows.append((kind.name, kind.client, *cells))
        table.figures[kind.label()] = ratio
    table.compare(
        "CPU time", ratios, "by more than the noise that two of a hundred are here", noise=0.02
    )
    table.leave_out("whole")
    return table
