"""A whole request through the client, with a stub in place of the network."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from statistics import median

from tests.benchmarks.cases.rounds import cpu_seconds, interleaved, ratio_to_floor
from tests.benchmarks.contenders.table import able, floor_of
from tests.benchmarks.endpoint import Endpoint
from tests.benchmarks.report import Table

_COUNT = 25


def run(endpoint: Endpoint) -> Table:
    table = Table(
        "Whole request",
        "CPU time of a POST through the client, with a usable token and a stub transport; beside "
        "it the difference to the floor in the same round.",
        ("contender", "client", "µs", "over the floor, µs", "ratio to the floor"),
    )
    with ExitStack() as stack:
        contenders = {kind: stack.enter_context(kind.at(endpoint)) for kind in able("whole")}
        for contender in contenders.values():
            contender.warm()
            contender.send_many(_COUNT)
        measures = {
            kind: partial(cpu_seconds, contender.send_many, _COUNT)
            for kind, contender in contenders.items()
        }
        samples = interleaved(measures, endpoint.choose(10, 150))
    for kind, values in samples.items():
        floors = samples[floor_of(kind)]
        over = median(value - floor for value, floor in zip(values, floors, strict=True))
        ratio = ratio_to_floor(samples, kind, values)
        cells = (f"{median(values) * 1e6:.1f}", f"{over * 1e6:+.1f}", f"{ratio:.2f}")
        table.rows.append((kind.name, kind.client, *cells))
    return table
