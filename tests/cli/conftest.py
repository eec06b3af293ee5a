"""Commands with the environment that they need, and an API that responds as a test says."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.cli.runner import InProcessRunner, Runner
from tests.kit.origin import Origin
from tests.kit.world import World, world


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A stand-in for Bitquery that goes by the real time, as a command in a process does."""
    with Sandbox() as running:
        yield running


@pytest.fixture
def environment(sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    """The environment of a user of the sandbox."""
    return os.environ | sandbox.environment() | {"BITQUERY_CACHE_DIR": str(tmp_path / "cache")}


@pytest.fixture
def process(environment: dict[str, str]) -> Runner:
    """Runs a command as a process."""
    return Runner(environment)


@pytest.fixture
def command(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Runs a command in this process."""
    return InProcessRunner(environment, monkeypatch)


@pytest.fixture
def api() -> Iterator[Origin]:
    """An API that responds as a test says."""
    with Origin() as running:
        yield running


@pytest.fixture
def bitquery(tmp_path: Path) -> Iterator[World]:
    """The sandbox under Bitquery's own host names."""
    with world(tmp_path) as made:
        yield made


@pytest.fixture
def at_bitquery(bitquery: World, tmp_path: Path) -> Runner:
    """Runs a command as a process, in the environment of a user of Bitquery."""
    cache = {"BITQUERY_CACHE_DIR": str(tmp_path / "cache")}
    return Runner(os.environ | bitquery.environment | cache)
