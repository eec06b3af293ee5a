"""Fixtures of every suite: a clean environment, a clock, the sandbox, clients, servers."""

import os
import re
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import pytest
import trustme
from blockbuster import BlockBuster, blockbuster_ctx

from bitquery_auth import TokenSource
from bitquery_auth.sandbox import Sandbox
from tests.kit.clients import CLIENTS, Client, OpenClient, client_params
from tests.kit.clock import MODULES, Clock
from tests.kit.origin import Gate, Origin
from tests.kit.waiting import join_background_fetches
from tests.servers import SERVERS, AuthorizationServer, Unavailable

_REQUIRE = "BITQUERY_AUTH_TESTS_REQUIRE"
_REQUIRED = os.environ.get(_REQUIRE, "")
"""Servers whose absence fails a test; read before a test cleans the environment."""


_VARIABLES = (
    "BITQUERY_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "NETRC",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)


def pytest_configure() -> None:
    required_servers(_REQUIRED)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Show a mapping without addresses, so that every process finds the same names of tests."""
    return re.sub(" at 0x[0-9a-f]+", "", repr(val)) if isinstance(val, dict) else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print each reason to skip once, however many tests it concerns."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    for reason, tests in sorted(reasons.items()):
        terminalreporter.line(f"SKIPPED [{tests}] {reason}")


def required_servers(names: str) -> set[str]:
    """Split names that are separated by commas or spaces."""
    required = set(names.replace(",", " ").split())
    if unknown := required - SERVERS.keys():
        raise pytest.UsageError(
            f"{_REQUIRE} names {', '.join(sorted(unknown))}; the servers are {', '.join(SERVERS)}"
        )
    return required


def do_without(name: str, reason: Unavailable, required: set[str]) -> NoReturn:
    """Skip the test that needs this server, or fail it where the server is required."""
    if name in required:
        pytest.fail(f"{name} cannot run here, and {_REQUIRE} names it: {reason}", pytrace=False)
    pytest.skip(f"{name} cannot run here: {reason}")


@pytest.fixture(autouse=True)
def _clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Keep proxies, credentials and netrc files of this machine out of every test."""
    for name in list(os.environ):
        if name.upper().startswith(_VARIABLES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path_factory.getbasetemp() / "no-netrc"))


@pytest.fixture(autouse=True)
def _nothing_blocks_a_loop() -> Iterator[BlockBuster]:
    """Make a blocking call on a running event loop raise."""
    with blockbuster_ctx("bitquery_auth") as detector:
        # Coverage's tracer takes a lock of its own wherever code runs.
        lock = detector.functions["threading.Lock.acquire"]
        lock.can_block_in("coverage/collector.py", "lock_data")
        yield detector


@pytest.fixture(autouse=True)
def _no_fetch_outlives_its_test() -> Iterator[None]:
    """Let a background fetch log within the test that caused it."""
    yield
    join_background_fetches()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that the package reads and the test moves."""
    clock = Clock()
    for name in MODULES:
        monkeypatch.setattr(import_module(f"bitquery_auth.{name}"), "time", clock)
    return clock


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    """A stand-in for Bitquery that reads the test's clock."""
    with Sandbox(clock=clock.time) as running:
        yield running


@pytest.fixture(params=client_params())
def kind(request: pytest.FixtureRequest) -> type[Client]:
    """One of the clients."""
    return CLIENTS[request.param]


@pytest.fixture
def allowed_hosts(sandbox: Sandbox) -> tuple[str, ...]:
    """Where `open_client` allows tokens by default; a folder may have a fixture of its own."""
    return sandbox.allowed_hosts


@pytest.fixture
def open_client(kind: type[Client], allowed_hosts: tuple[str, ...]) -> Iterator[OpenClient]:
    """Open clients, and close them after the test."""
    with ExitStack() as stack:

        def opened(
            source: TokenSource, *, client_options: dict[str, Any] | None = None, **settings: Any
        ) -> Client:
            auth = kind.auth_class(source, **({"allowed_hosts": allowed_hosts} | settings))
            return stack.enter_context(kind(auth, **(client_options or {})))

        yield opened


@pytest.fixture
def origin() -> Iterator[Origin]:
    """A server beside the sandbox."""
    with Origin() as running:
        yield running


@pytest.fixture
def elsewhere() -> Iterator[Origin]:
    """A further server."""
    with Origin() as running:
        yield running


@pytest.fixture
def gate(sandbox: Sandbox, origin: Origin) -> Gate:
    """The sandbox's responses at `origin`, held back while the gate is closed."""
    gate = origin.handler = Gate(sandbox)
    return gate


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path]:
    """A certificate authority, and the file that makes a client trust it."""
    authority = trustme.CA()
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return authority, path


_CERTIFIED = (
    "localhost",
    "127.0.0.1",
    "streaming.bitquery.io",
    "bitquery.io",
    "bitquery.io.example.com",
)


@pytest.fixture
def secure_origin(authority: tuple[trustme.CA, Path]) -> Iterator[Origin]:
    """A server that speaks https and http at one port, with a certificate for `_CERTIFIED`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority[0].issue_cert(*_CERTIFIED).configure_cert(context)
    with Origin(tls=context) as running:
        yield running


@pytest.fixture
def trusting(kind: type[Client], authority: tuple[trustme.CA, Path]) -> dict[str, Any]:
    """Options of a client that trusts the authority."""
    return kind.trusting(authority[1])


@pytest.fixture(scope="session")
def server_named() -> Iterator[Callable[[str], AuthorizationServer]]:
    """Return a server by name, started once a session; skip where it cannot run."""
    started: dict[str, AuthorizationServer | Unavailable] = {}
    with ExitStack() as stack:

        def named(name: str) -> AuthorizationServer:
            if name not in started:
                try:
                    started[name] = stack.enter_context(SERVERS[name]())
                except Unavailable as reason:
                    started[name] = reason
            server = started[name]
            if isinstance(server, Unavailable):
                do_without(name, server, required_servers(_REQUIRED))
            return server

        yield named


@pytest.fixture(scope="module", params=SERVERS)
def server(
    request: pytest.FixtureRequest, server_named: Callable[[str], AuthorizationServer]
) -> AuthorizationServer:
    """Each of the real servers."""
    return server_named(request.param)
