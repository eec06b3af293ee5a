"""Memory of one contender, in a process of its own."""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from dataclasses import replace

from tests.benchmarks.workers import given, report, wait_for_go

_BATCH = 1000


def _main() -> None:
    kind, app, options = given()
    with kind(app) as contender:
        contender.warm()
        is_ours = kind.name == "bitquery_auth"
        wait_for_go()
        contender.work(_BATCH)
        gc.collect()
        blocks, done = sys.getallocatedblocks(), 0
        until = time.monotonic() + options["seconds"]
        while done < options["requests"] and (time.monotonic() < until or is_ours):
            contender.work(_BATCH)
            done += _BATCH
        gc.collect()
        left = sys.getallocatedblocks() - blocks
    tracemalloc.start()
    made = []
    until = time.monotonic() + options["seconds"]
    while len(made) < options["objects"] and (time.monotonic() < until or is_ours):
        made.append(kind(replace(app, name=f"{app.name}-{len(made)}")).make_auth())
    gc.collect()
    each = tracemalloc.get_traced_memory()[0] / len(made)
    report({"requests": done, "left": left, "objects": len(made), "each": each})


if __name__ == "__main__":
    _main()
