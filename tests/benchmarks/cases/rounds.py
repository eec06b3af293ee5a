"""Interleaved rounds of something that takes CPU time only."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from tests.benchmarks.contenders.face import Contender

Samples = dict[type[Contender], list[float]]
CHUNK_SECONDS = 0.004


def cpu_seconds(do: Callable[[int], None], count: int) -> float:
    """CPU seconds of this thread for one of so many: what else the machine does is not in it."""
    began = time.thread_time_ns()
    do(count)
    return (time.thread_time_ns() - began) / count / 1e9


def fitting_count(do: Callable[[int], None]) -> int:
    """How many fill a chunk; finding out warms caches and the interpreter's specialisation."""
    count = 1
    while count * cpu_seconds(do, count) < CHUNK_SECONDS / 2:
        count *= 2
    return count


def interleaved(
    contenders: dict[type[Contender], Contender],
    measured: Callable[[Contender], Callable[[int], float]],
    rounds: int,
) -> Samples:
    """Measure every contender once a round. The order turns, so that neighbours change."""
    measure = {kind: measured(contender) for kind, contender in contenders.items()}
    counts = {kind: fitting_count(contender.work) for kind, contender in contenders.items()}
    samples: Samples = {kind: [] for kind in contenders}
    order = list(contenders)
    for _ in range(rounds):
        for kind in order:
            samples[kind].append(measure[kind](counts[kind]))
        order = order[1:] + order[:1]
    return samples


def median_ratio(values: list[float], floors: list[float]) -> float:
    """The median of the rounds' ratios."""
    return median(value / floor for value, floor in zip(values, floors, strict=True))
