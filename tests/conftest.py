"""What every test is given: a clean environment, a clock to move, a stand-in for Bitquery, real servers."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from typing import NoReturn

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import MODULES, Clock
from tests.servers import SERVERS, AuthorizationServer, Unavailable

_REQUIRE = "BITQUERY_AUTH_TESTS_REQUIRE"
_REQUIRED = os.environ.get(_REQUIRE, "")
"""Names of servers whose absence is a failure and no skip, as read before any test cleans the environment."""

_SURROUNDINGS = (
    "BITQUERY_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "NETRC",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
)


def pytest_configure() -> None:
    required_servers(_REQUIRED)


def required_servers(names: str) -> set[str]:
    """Read what the environment variable holds: names with commas or spaces between."""
    required = set(names.replace(",", " ").split())
    if unknown := required - SERVERS.keys():
        raise pytest.UsageError(f"{_REQUIRE} names {', '.join(sorted(unknown))}; the servers are {', '.join(SERVERS)}")
    return required


def do_without(name: str, reason: Unavailable, required: set[str]) -> NoReturn:
    """Skip the test that needs this server, or fail it where the server is required."""
    if name in required:
        pytest.fail(f"{name} cannot run here, and {_REQUIRE} names it: {reason}", pytrace=False)
    pytest.skip(f"{name} cannot run here: {reason}")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No proxy, credential or netrc of the machine takes part in a test."""
    for name in list(os.environ):
        if name.upper().startswith(_SURROUNDINGS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path_factory.getbasetemp() / "no-netrc"))


@pytest.fixture(autouse=True)
def _nothing_blocks_a_loop() -> Iterator[BlockBuster]:
    """A blocking call on a running event loop raises."""
    with blockbuster_ctx("bitquery_auth") as detector:
        # Coverage's own lock, when a run is measured: its tracer is called from whatever code runs.
        detector.functions["threading.Lock.acquire"].can_block_in("coverage/collector.py", "lock_data")
        yield detector


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that the package reads and the test moves."""
    clock = Clock()
    for name in MODULES:
        monkeypatch.setattr(import_module(f"bitquery_auth.{name}"), "time", clock)
    return clock


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    """A stand-in for Bitquery that goes by the test's clock."""
    with Sandbox(clock=clock.time) as running:
        yield running


@pytest.fixture(scope="session")
def server_named() -> Iterator[Callable[[str], AuthorizationServer]]:
    """Give the server of this name, started once a session; where the machine cannot run it, skip the test."""
    started: dict[str, AuthorizationServer | Unavailable] = {}
    with ExitStack() as stack:

        def give(name: str) -> AuthorizationServer:
            if name not in started:
                try:
                    started[name] = stack.enter_context(SERVERS[name]())
                except Unavailable as reason:
                    started[name] = reason
            server = started[name]
            if isinstance(server, Unavailable):
                do_without(name, server, required_servers(_REQUIRED))
            return server

        yield give


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, server_named: Callable[[str], AuthorizationServer]) -> AuthorizationServer:
    """Each of the real servers."""
    return server_named(request.param)
