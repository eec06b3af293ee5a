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
    """A program and its sandbox."""

    program: Program
    sandbox: Sandbox

    def call(self) -> str:
        """Have the program make one request, and return the status or the error."""
        self.program.go_on()
        return self.program.read_line()


@pytest.fixture
def cases() -> Iterator[dict[str, Case]]:
    """The programs, of both kinds, for either fate of the response to the next token request."""
    with ExitStack() as stack:
        cases = {}
        for name, script in {"sync": SYNC, "async": ASYNC}.items():
            for response in ("in the socket", "never sent"):
                sandbox = stack.enter_context(Sandbox(lifetime=LIFETIME))
                program = stack.enter_context(running(script, sandbox))
                cases[f"{name}, response {response}"] = Case(program, sandbox)
        yield cases


def delay_the_next_token(name: str, case: Case) -> None:
    case.sandbox.delay = 0.2 if "in the socket" in name else 600


def thaw_later(cases: dict[str, Case]) -> None:
    """Thaw the processes after a while, in which the token endpoint has recovered."""
    time.sleep(FREEZE)
    for case in cases.values():
        case.sandbox.delay = 0
        case.program.send_signal(signal.SIGCONT)


def test_a_process_frozen_during_a_renewal_fails_no_call(cases: dict[str, Case]) -> None:
    """The renewal is in the background, and the token has expired when the process is thawed."""

    def freeze_during_the_renewal(name: str, case: Case) -> None:
        assert case.call() == "200"
        delay_the_next_token(name, case)

        def has_begun() -> bool:
            assert case.call() == "200"
            return case.sandbox.token_requests == 2

        until(has_begun)
        case.program.send_signal(signal.SIGSTOP)

    with ThreadPoolExecutor(len(cases)) as pool:
        list(pool.map(freeze_during_the_renewal, cases.keys(), cases.values()))
    thaw_later(cases)
    calls = {name: [case.call() for _ in range(3)] for name, case in cases.items()}
    assert calls == dict.fromkeys(cases, ["200"] * 3)


@pytest.mark.matrix
def test_a_process_frozen_during_its_first_fetch_fails_no_call(cases: dict[str, Case]) -> None:
    for name, case in cases.items():
        delay_the_next_token(name, case)
        case.program.go_on()
    for case in cases.values():
        until(lambda case=case: case.sandbox.token_requests == 1)
        case.program.send_signal(signal.SIGSTOP)
    thaw_later(cases)
    calls = {
        name: [case.program.read_line(), case.call(), case.call()] for name, case in cases.items()
    }
    assert calls == dict.fromkeys(cases, ["200"] * 3)
