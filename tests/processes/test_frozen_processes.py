"""A process that is frozen and thawed (docker pause, AWS Lambda, a closed laptop) fails no call.

The programs run side by side, each with a sandbox of its own: they are frozen for real seconds.
"""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.kit.waiting import until
from tests.processes.script import Program, running

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="SIGSTOP is POSIX's")

LIFETIME, FREEZE = 4, 3.5
"""Seconds. When a process is thawed, its token has expired and its timeout of 2 s is over."""

SYNC = """
import requests
credentials().token()  # another source, which imports what takes its time on a busy machine
session = requests.Session()
session.auth = requests_auth(credentials(timeout=2, renew_ahead=60))
while True:
    wait_for_the_test()
    try:
        response = session.post(SETTINGS["url"], json=SETTINGS["query"], timeout=20)
        print(response.status_code, flush=True)
    except Exception as error:
        print(repr(error), flush=True)
"""

ASYNC = """
import asyncio, httpx2
credentials().token()

async def main():
    auth = httpx_auth(credentials(timeout=2, renew_ahead=60))
    async with httpx2.AsyncClient(auth=auth, timeout=20) as client:
        while True:
            await asyncio.to_thread(wait_for_the_test)
            try:
                response = await client.post(SETTINGS["url"], json=SETTINGS["query"])
                print(response.status_code, flush=True)
            except Exception as error:
                print(repr(error), flush=True)

asyncio.run(main())
"""


@dataclass
class Case:
    """A program, its sandbox, and seconds until the sandbox responds to its next token request."""

    program: Program
    sandbox: Sandbox
    delay: float

    def call(self) -> str:
        """Have the program make one request, and return the status or the error."""
        self.program.go_on()
        return self.program.read_line()


@pytest.fixture
def cases() -> Iterator[list[Case]]:
    """Both programs; the response is in the socket when they are thawed, or was never sent."""
    with ExitStack() as stack:
        cases = []
        for script in (SYNC, ASYNC):
            for delay in (0.2, 600):
                sandbox = stack.enter_context(Sandbox(lifetime=LIFETIME))
                program = stack.enter_context(running(script, sandbox))
                cases.append(Case(program, sandbox, delay))
        yield cases


def test_a_process_frozen_during_a_renewal_fails_no_call(cases: list[Case]) -> None:
    """The renewal is in the background, and the token has expired when the process is thawed."""

    def freeze_during_the_renewal(case: Case) -> None:
        assert case.call() == "200"
        case.sandbox.delay = case.delay

        def has_begun() -> bool:
            assert case.call() == "200"
            return case.sandbox.token_requests == 3

        until(has_begun)
        case.program.send_signal(signal.SIGSTOP)

    with ThreadPoolExecutor(len(cases)) as pool:
        list(pool.map(freeze_during_the_renewal, cases))
    time.sleep(FREEZE)
    for case in cases:
        case.sandbox.delay = 0
        case.program.send_signal(signal.SIGCONT)
    assert [[case.call() for _ in range(3)] for case in cases] == [["200"] * 3] * len(cases)
