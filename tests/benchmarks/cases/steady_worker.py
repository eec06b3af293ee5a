"""One contender under steady load, in a process of its own."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import threading
import time
from typing import Any

from tests.benchmarks.workers import given, wait_for_go

_CALLERS = 8
_EVERY = 0.2
_TICK = 0.005


class _Load:
    """Calls at fixed times, and what became of them.

    Args:
        contender: Who sends.
        seconds: For how long.
    """

    def __init__(self, contender: Any, seconds: float) -> None:
        self._contender = contender
        self._begin = time.perf_counter()
        self._end = self._begin + seconds
        self.found: dict[str, Any] = {"seconds": [], "failed": [], "lags": []}

    def in_threads(self) -> None:
        threads = [threading.Thread(target=self._call, args=(each,)) for each in range(_CALLERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    async def in_tasks(self) -> None:
        ticker = asyncio.create_task(self._tick())
        await asyncio.gather(*(self._acall(number) for number in range(_CALLERS)))
        ticker.cancel()

    def _call(self, number: int) -> None:
        due = self._begin + number * _EVERY / _CALLERS
        while due < self._end:
            time.sleep(max(0.0, due - time.perf_counter()))
            began = time.perf_counter()
            self._note(began, self._contender.send(self._contender.app.api))
            due = max(due + _EVERY, began)

    async def _acall(self, number: int) -> None:
        due = self._begin + number * _EVERY / _CALLERS
        while due < self._end:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            began = time.perf_counter()
            self._note(began, await self._contender.asend(self._contender.app.api))
            due = max(due + _EVERY, began)

    def _note(self, began: float, answer: str) -> None:
        self.found["seconds"].append(time.perf_counter() - began)
        if answer != "200":
            self.found["failed"].append(answer)

    async def _tick(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_TICK)
            self.found["lags"].append(time.perf_counter() - began - _TICK)


def _main() -> None:
    kind, app, options = given()
    with kind(app) as contender:
        contender.warm()
        gc.collect()
        gc.freeze()
        wait_for_go()
        load = _Load(contender, options["seconds"])
        if contender.is_async:
            contender.runner.run(load.in_tasks())
        else:
            load.in_threads()
    sys.stdout.write(json.dumps(load.found))


if __name__ == "__main__":
    _main()
