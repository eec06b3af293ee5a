"""Each behaviour is tried with every client."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import trustme

from bitquery_auth import TokenSource
from bitquery_auth.sandbox import Recorded, Sandbox
from tests.kit.clients import CLIENTS, Client
from tests.kit.origin import Gate, Origin

Open = Callable[..., Client]

QUERY = {"query": "{ EVM(network: eth) { DEXTrades(limit: {count: 3}) { Transaction { Hash } } } }"}


@pytest.fixture(params=CLIENTS)
def kind(request: pytest.FixtureRequest) -> type[Client]:
    """One of the clients."""
    return CLIENTS[request.param]


@pytest.fixture(autouse=True)
def _no_fetch_outlives_its_test() -> Iterator[None]:
    """What a renewal ahead logs belongs to the test that caused it."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("bitquery_auth"):
            thread.join(20)


REQUESTS = ["requests"]
SYNC = ["requests", "httpx", "httpx2"]
ASYNC = [name for name in CLIENTS if name not in SYNC]
HTTPX = [name for name in CLIENTS if name not in REQUESTS]
HTTPX_SYNC = [name for name in SYNC if name not in REQUESTS]


def only(names: list[str]) -> pytest.MarkDecorator:
    """Try a behaviour with these clients alone."""
    return pytest.mark.parametrize("kind", names, indirect=True)


@pytest.fixture
def open_client(kind: type[Client], sandbox: Sandbox) -> Iterator[Open]:
    """Open a client whose auth takes a source and settings; by default the sandbox is where tokens may go."""
    with ExitStack() as stack:

        def opened(source: TokenSource, *, client_options: dict[str, Any] | None = None, **settings: Any) -> Client:
            settings.setdefault("allowed_hosts", sandbox.allowed_hosts)
            return stack.enter_context(kind(kind.auth_class(source, **settings), **(client_options or {})))

        yield opened


@pytest.fixture
def origin() -> Iterator[Origin]:
    """A place of its own, beside the sandbox."""
    with Origin() as running:
        yield running


@pytest.fixture
def elsewhere() -> Iterator[Origin]:
    """Another place still."""
    with Origin() as running:
        yield running


@pytest.fixture
def gate(sandbox: Sandbox, origin: Origin) -> Gate:
    """Lets the sandbox's answers through at `origin`, or holds them back."""
    gate = origin.handler = Gate(sandbox)
    return gate


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path]:
    """A certificate authority, and the file that makes a client trust it."""
    authority = trustme.CA()
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return authority, path


@pytest.fixture
def secure_origin(authority: tuple[trustme.CA, Path]) -> Iterator[Origin]:
    """A place that speaks https and http at one port, as localhost and as Bitquery."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    names = ("localhost", "127.0.0.1", "streaming.bitquery.io", "bitquery.io", "bitquery.io.example.com")
    authority[0].issue_cert(*names).configure_cert(context)
    with Origin(tls=context) as running:
        yield running


@pytest.fixture
def trusting(kind: type[Client], authority: tuple[trustme.CA, Path], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Options of a client that trusts the authority."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # which requests puts above a session's own setting
        monkeypatch.delenv(name, raising=False)
    return kind.trusting(authority[1])


def token_posts(sandbox: Sandbox) -> list[Recorded]:
    """What the token endpoint was asked."""
    return [each for each in sandbox.requests if each.path == "/oauth2/token"]


def api_calls(sandbox: Sandbox) -> list[Recorded]:
    """What the API was asked."""
    return [each for each in sandbox.requests if each.path.startswith("/graphql")]


def form_of(request: Recorded) -> dict[str, str]:
    """The fields of a form, each of which is there once."""
    fields = parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True)
    assert len(dict(fields)) == len(fields)
    return dict(fields)


def until(condition: Callable[[], bool], *, within: float = 20) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)
