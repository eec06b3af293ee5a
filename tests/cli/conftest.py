"""A command in this process or one of its own, and what it finds: Bitquery's names, or a stand-in, or an odd API."""

import os
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from bitquery_auth._cli import main
from bitquery_auth.sandbox import Sandbox
from tests.cli.running import Command, Ran, changed, run
from tests.kit.origin import Origin
from tests.kit.world import World, world


@pytest.fixture
def bitquery(tmp_path: Path) -> Iterator[World]:
    """Bitquery under its own names."""
    with world(tmp_path) as made:
        yield made


@pytest.fixture
def at_bitquery(bitquery: World, tmp_path: Path) -> Command:
    """Run a command as a process, as somebody with Bitquery's credentials does."""
    there = os.environ | bitquery.environment | {"BITQUERY_CACHE_DIR": str(tmp_path / "cache")}

    def command(*arguments: str, stdin: str = "", **environment: str | None) -> Ran:
        return run(*arguments, environment=changed(there, environment), stdin=stdin)

    return command


@pytest.fixture
def settings(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of this process, for the sandbox."""
    settings = {
        "BITQUERY_CLIENT_ID": sandbox.client_id,
        "BITQUERY_CLIENT_SECRET": sandbox.client_secret,
        "BITQUERY_TOKEN_ENDPOINT": sandbox.token_endpoint,
        "BITQUERY_REVOCATION_ENDPOINT": sandbox.revocation_endpoint,
        "BITQUERY_SCOPE": "api",
        "BITQUERY_ENDPOINT": sandbox.graphql_endpoint,
        "BITQUERY_CACHE_DIR": str(tmp_path / "cache"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


@pytest.fixture
def command(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process, at the sandbox."""

    def command(*arguments: str, stdin: str = "", **environment: str | None) -> Ran:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                if value is None:
                    patch.delenv(name, raising=False)
                else:
                    patch.setenv(name, value)
            patch.setattr(sys, "stdin", StringIO(stdin))
            try:
                code = main(arguments)
            except SystemExit as end:
                code = int(end.code or 0)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return command


@pytest.fixture
def api() -> Iterator[Origin]:
    """An API that answers as the test says."""
    with Origin() as running:
        yield running
