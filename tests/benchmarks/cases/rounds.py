"""Interleaved rounds of something that takes CPU time only."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from tests.benchmarks.contenders.contender import Contender
from tests.benchmarks.contenders.table import floor_of

Samples = dict[type[Contender], list[float]]
_CHUNK_SECONDS = 0.004


def cpu_seconds(do: Callable[[int], None], count: int) -> float:
    """Return the CPU seconds of this thread for one of so many, whatever the machine does else."""
    began = time.thread_time_ns()
    do(count)
    return (time.thread_time_ns() - began) / count / 1e9


def fitting_count(do: Callable[[int], None]) -> int:
    """Return how many fill a chunk; this warms caches and the interpreter's specialisation too."""
    count = 1
    while count * cpu_seconds(do, count) < _CHUNK_SECONDS / 2:
        count *= 2
    return count


def interleaved(measures: dict[type[Contender], Callable[[], float]], rounds: int) -> Samples:
    """Measure every contender once a round. The order turns, so that neighbours change."""
    samples: Samples = {kind: [] for kind in measures}
    order = list(measures)
    for _ in range(rounds):
        for kind in order:
            samples[kind].append(measures[kind]())
        order = order[1:] + order[:1]
    return samples


def ratio_to_floor(samples: Samples, kind: type[Contender], values: list[float]) -> float:
    """Return the median of the rounds' ratios to the fixed header of the same client."""
    floors = samples[floor_of(kind)]
    return median(value / floor for value, floor in zip(values, floors, strict=True))
