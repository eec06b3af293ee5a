"""What every test is given: a clean environment, a clock to move, a stand-in for Bitquery."""

import os
from collections.abc import Iterator
from importlib import import_module

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from bitquery_auth.sandbox import Sandbox
from tests.clock import MODULES, Clock

_SURROUNDINGS = ("BITQUERY_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "NETRC", "REQUESTS_CA_BUNDLE")


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
