"""What the auth itself does for one request with a response, client and network left out."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from statistics import median

from tests.benchmarks.cases.rounds import cpu_seconds, fitting_count, interleaved, ratio_to_floor
from tests.benchmarks.contenders.contender import Contender
from tests.benchmarks.contenders.fixed import FixedRequests, HookedRequests
from tests.benchmarks.contenders.table import able
from tests.benchmarks.endpoint import Endpoint
from tests.benchmarks.report import NONE, Table


def run(endpoint: Endpoint) -> Table:
    table = Table(
        "Work of the auth alone",
        "CPU time for one request with a usable token and the response 200. requests: the call of "
        "the auth, and what `dispatch_hook` does with the hook it may have put there. httpx and "
        "httpx2: the flow driven by hand as their clients do. The time of the same loop without "
        "the auth is subtracted. What requests needs to dispatch a hook that does nothing (*empty "
        "hook*) is not the auth's: *own* is without it.",
        ("contender", "client", "ns", "own, ratio to the floor", "with requests' dispatch"),
    )
    with ExitStack() as stack:
        contenders = {kind: stack.enter_context(kind.at(endpoint)) for kind in able("work")}
        for contender in contenders.values():
            contender.warm()
        measures = {
            kind: partial(_work_seconds, contender, fitting_count(contender.work))
            for kind, contender in contenders.items()
        }
        samples = interleaved(measures, endpoint.choose(15, 100))
    hooked = zip(samples[HookedRequests], samples[FixedRequests], strict=True)
    dispatched = [with_hook - without for with_hook, without in hooked]
    for kind, values in samples.items():
        own, ratio = values, NONE
        if contenders[kind].puts_hook():
            own = [value - dispatch for value, dispatch in zip(values, dispatched, strict=True)]
            ratio = f"{ratio_to_floor(samples, kind, values):.2f}"
        cells = (f"{median(values) * 1e9:,.0f}", f"{ratio_to_floor(samples, kind, own):.2f}", ratio)
        table.rows.append((kind.name, kind.client, *cells))
    return table


def _work_seconds(contender: Contender, count: int) -> float:
    return max(cpu_seconds(contender.work, count) - cpu_seconds(contender.idle, count), 1e-9)
