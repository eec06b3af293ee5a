"""Real processes that share a store; token requests are counted where they arrive."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bitquery_auth import FileTokenStore, Token
from bitquery_auth.sandbox import Sandbox
from tests.stores.conftest import LASTING, until

ROOT = Path(__file__).parents[2]


class Process:
    """A worker, and what it is told and answers."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(60)
        self._connection = connection
        self._lines = connection.makefile("r")
        self.pid: int = self.ask("pid")

    def tell(self, *words: object) -> None:
        self._connection.sendall(json.dumps(words).encode() + b"\n")

    def answer(self) -> Any:
        return json.loads(self._lines.readline())

    def ask(self, *words: object) -> Any:
        self.tell(*words)
        return self.answer()

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):  # killed before
            self.kill()
        self._lines.close()
        self._connection.close()


Start = Callable[..., list[Process]]


@pytest.fixture(params=LASTING)
def where(request: pytest.FixtureRequest, folder: Path) -> tuple[str, str]:
    """A store, as a worker is told of it."""
    if request.param == "file":
        return "file", str(folder)
    return "redis", f"{request.getfixturevalue('redis_url')}#test-{uuid.uuid4()}:"


@pytest.fixture(scope="module")
def begin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[dict[str, Any]], Process]]:
    """Begin a process, by the parent of them all."""
    address = str(tmp_path_factory.mktemp("workers") / "socket")
    surroundings = {name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")}
    command = [sys.executable, "-m", "tests.stores.worker", address]
    with (
        socket.socket(socket.AF_UNIX) as listening,
        subprocess.Popen(command, cwd=ROOT, env=surroundings, stdin=subprocess.PIPE, text=True) as parent,
    ):
        listening.bind(address)
        listening.listen()
        listening.settimeout(60)
        orders = parent.stdin
        assert orders is not None

        def begun(spec: dict[str, Any]) -> Process:
            orders.write(json.dumps(spec) + "\n")
            orders.flush()
            return Process(listening.accept()[0])

        yield begun


@pytest.fixture
def start(live_sandbox: Sandbox, where: tuple[str, str], begin: Callable[[dict[str, Any]], Process]) -> Iterator[Start]:
    """Start processes, with settings of their sources."""
    ours = {
        "client_id": live_sandbox.client_id,
        "client_secret": live_sandbox.client_secret,
        "token_endpoint": live_sandbox.token_endpoint,
        "scope": "api",
    }
    with contextlib.ExitStack() as stack:

        def started(count: int, **settings: Any) -> list[Process]:
            processes = [begin({"store": where, "source": ours | settings}) for _ in range(count)]
            for each in processes:
                stack.callback(each.end)
            return processes

        yield started


def test_fifty_processes_that_start_cold_make_one_token_request(start: Start, live_sandbox: Sandbox) -> None:
    """Hazards C1, P3."""
    live_sandbox.delay = 0.3
    tokens = start(1)[0].ask("herd", 50)
    assert (len(tokens), len(set(tokens)), live_sandbox.token_requests) == (50, 1, 1)


def test_fifty_processes_that_meet_an_expired_token_make_one_token_request(start: Start, live_sandbox: Sandbox) -> None:
    """Hazards C1, E9."""
    live_sandbox.lifetime = 2  # the server says 1, rounding down
    process = start(1)[0]
    expired = process.ask("token")
    ended = time.monotonic() + 1.1
    until(lambda: time.monotonic() > ended)
    live_sandbox.lifetime = 3600
    tokens = process.ask("herd", 50)
    assert len(tokens) == 50
    assert expired not in tokens
    assert (len(set(tokens)), live_sandbox.token_requests) == (1, 2)


def test_another_takes_over_from_a_leader_that_is_killed(start: Start, live_sandbox: Sandbox) -> None:
    """Hazard P3. A Redis lock lasts a third of the timeout, a file's is free at once."""
    leader, *waiters = start(3, timeout=6)
    live_sandbox.delay = 60
    leader.tell("token")
    until(lambda: live_sandbox.token_requests == 1)
    live_sandbox.delay = 0
    for each in waiters:
        each.tell("token")
    leader.kill()
    began = time.monotonic()
    tokens = {each.answer() for each in waiters}
    assert time.monotonic() - began < 5
    assert (len(tokens), live_sandbox.token_requests) == (1, 2)


def test_two_processes_that_renew_at_once_make_one_request(start: Start, live_sandbox: Sandbox) -> None:
    one, other = start(2)
    assert one.ask("token") == other.ask("token")
    live_sandbox.delay = 1
    one.tell("renew")
    until(lambda: live_sandbox.token_requests == 2)
    other.tell("renew")
    assert one.answer() == other.answer()
    assert live_sandbox.token_requests == 2


def test_four_processes_recover_from_a_revoked_token_with_one_request(start: Start, live_sandbox: Sandbox) -> None:
    """Hazards R1, C6."""
    api = (live_sandbox.graphql_endpoint, live_sandbox.allowed_hosts[0])
    processes = start(4)
    assert [each.ask("post", *api) for each in processes] == [200] * 4
    live_sandbox.revoke_all()
    for each in processes:
        each.tell("post", *api)
    assert [each.answer() for each in processes] == [200] * 4
    assert (live_sandbox.token_requests, live_sandbox.api_refusals) == (2, 4)


def test_a_lock_held_elsewhere_delays_a_fetch_and_does_not_stop_it(start: Start, live_sandbox: Sandbox) -> None:
    """A process that was stopped with the lock in its hands: one warning, and a token without it."""
    holder, other = start(2, timeout=0.5)
    key = live_sandbox.credentials()._exchange.fingerprint(live_sandbox.token_endpoint, live_sandbox.client_secret)
    assert holder.ask("hold", key, 30) == "held"
    assert other.ask("token").startswith("ory_at_")
    assert ["lock failed" in each for each in other.ask("warnings")] == [True]


@pytest.mark.parametrize("where", ["file"], indirect=True)
def test_a_writer_that_is_killed_in_the_middle_leaves_the_old_token(start: Start, folder: Path) -> None:
    """Hazard P4."""
    writer = start(1)[0]
    writer.ask("set", "k", "old")
    assert writer.ask("stop_before_the_file_is_in_place", "k", "new") == "written"
    writer.kill()
    assert FileTokenStore(folder).get("k") == Token("old")


@pytest.mark.parametrize("where", ["file"], indirect=True)
def test_writers_that_are_killed_at_any_moment_leave_a_whole_token(start: Start, folder: Path) -> None:
    """Hazard P4."""
    for writer in start(6):
        assert writer.ask("write_without_end", "k") == "writing"
        until(lambda: FileTokenStore(folder).get("k") is not None)
        writer.kill()
        token = FileTokenStore(folder).get("k")
        assert token is not None
        assert token.access_token == token.access_token[0] * 8000


@pytest.mark.parametrize("where", ["file"], indirect=True)
def test_on_a_full_disk_each_process_has_its_own_token_and_one_warning(
    start: Start, live_sandbox: Sandbox, folder: Path
) -> None:
    """Hazard P3."""
    process = start(1)[0]
    process.ask("fill_the_disk")
    first = process.ask("token")
    assert process.ask("renew") != first
    assert ["FileTokenStore: " in each for each in process.ask("warnings")] == [True]
    assert [each.suffix for each in folder.iterdir()] == [".lock"]
