"""What the auth itself does for one answered request, client and network left out."""

from __future__ import annotations

from contextlib import ExitStack
from statistics import median

from tests.benchmarks.bench import Bench
from tests.benchmarks.cases.rounds import cpu_seconds, interleaved, median_ratio
from tests.benchmarks.contenders.face import Contender
from tests.benchmarks.contenders.fixed import FixedRequests, HookedRequests
from tests.benchmarks.contenders.table import able, floor_of
from tests.benchmarks.report import NONE, Table


def run(bench: Bench) -> Table:
    table = Table(
        "Work of the auth alone",
        "CPU time for one request that is answered 200, with a usable token. requests: the call "
        "of the auth, and what "
        "`dispatch_hook` does with the hook it may have put there. httpx and httpx2: the flow "
        "driven by hand as their "
        "clients do. The time of the same loop without the auth is subtracted. Whoever looks at "
        "answers on requests "
        "has requests dispatch a hook; what that takes when the hook does nothing (*empty hook*) "
        "is requests' own work "
        "and not the auth's: *own* is without it.",
        ("contender", "client", "ns", "own, ratio to the floor", "with requests' dispatch"),
    )
    with ExitStack() as stack:
        contenders = {}
        for kind in able("work"):
            contenders[kind] = contender = stack.enter_context(kind(bench.endpoint.application()))
            contender.warm()
        samples = interleaved(contenders, _work_of, bench.choose(15, 100))
    ratios = {
        kind: median_ratio(values, samples[floor_of(kind)]) for kind, values in samples.items()
    }
    hooked = zip(samples[HookedRequests], samples[FixedRequests], strict=True)
    dispatched = [with_hook - without for with_hook, without in hooked]
    own = {}
    for kind, values in samples.items():
        ratio = f"{ratios[kind]:.2f}"
        if contenders[kind].puts_hook():
            less = [value - dispatch for value, dispatch in zip(values, dispatched, strict=True)]
            own[kind] = median_ratio(less, samples[floor_of(kind)])
            cells = (f"{own[kind]:.2f}", ratio)
        else:
            own[kind] = ratios[kind]
            cells = (ratio, NONE)
        table.rows.append((kind.name, kind.client, f"{median(values) * 1e9:,.0f}", *cells))
        table.figures[kind.label()] = own[kind]
    table.compare("Own work", own, "they do less before a request, and nothing after it")
    table.compare(
        "With requests' dispatch", ratios, "they put no hook, so that nothing follows a refusal"
    )
    table.leave_out("work")
    return table


def _work_of(contender: Contender):  # type: ignore[no-untyped-def]
    def measure(count: int) -> float:
        return max(cpu_seconds(contender.work, count) - cpu_seconds(contender.idle, count), 1e-9)

    return measure
