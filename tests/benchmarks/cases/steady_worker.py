"""One contender under steady load, in a process of its own."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import Any

from tests.benchmarks.contenders.face import Answer, Contender
from tests.benchmarks.workers import given, report, wait_for_go

_CALLERS = 8
_EVERY = 0.2
_TICK = 0.005


def _found(sent: list[tuple[float, Answer]], lags: list[float]) -> dict[str, Any]:
    bad = [str(answer) for _, answer in sent if not answer.is_good]
    return {"seconds": [seconds for seconds, _ in sent], "bad": bad, "lags": lags}


def _in_threads(contender: Contender, seconds: float) -> dict[str, Any]:
    sent: list[tuple[float, Answer]] = []
    begin = time.perf_counter()

    def call(number: int) -> None:
        due = begin + number * _EVERY / _CALLERS
        while due < begin + seconds:
            time.sleep(max(0.0, due - time.perf_counter()))
            began = time.perf_counter()
            answer = contender.send(contender.app.api)
            sent.append((time.perf_counter() - began, answer))
            due = max(due + _EVERY, began)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(_CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _found(sent, [])


async def _in_tasks(contender: Any, seconds: float) -> dict[str, Any]:
    sent: list[tuple[float, Answer]] = []
    lags: list[float] = []
    begin = time.perf_counter()

    async def call(number: int) -> None:
        due = begin + number * _EVERY / _CALLERS
        while due < begin + seconds:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            began = time.perf_counter()
            answer = await contender.asend(contender.app.api)
            sent.append((time.perf_counter() - began, answer))
            due = max(due + _EVERY, began)

    async def tick() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_TICK)
            lags.append(time.perf_counter() - began - _TICK)

    ticker = asyncio.create_task(tick())
    await asyncio.gather(*(call(number) for number in range(_CALLERS)))
    ticker.cancel()
    return _found(sent, lags)


def _main() -> None:
    kind, app, options = given()
    with kind(app) as contender:
        contender.warm()
        gc.collect()
        gc.freeze()
        wait_for_go()
        if contender.is_async:
            found = contender.runner.run(_in_tasks(contender, options["seconds"]))  # type: ignore[attr-defined]
        else:
            found = _in_threads(contender, options["seconds"])
    report(found)


if __name__ == "__main__":
    _main()
