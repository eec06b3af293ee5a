"""The README's section on the command line: its commands, its exit codes and its example."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.docs import README, rows_of


@pytest.fixture(scope="module")
def help_of() -> Callable[[str], str]:
    """Return what ``--help`` prints, of the whole or of a command."""

    def printed(command: str = "") -> str:
        return subprocess.run(
            [sys.executable, "-m", "bitquery_auth", *command.split(), "--help"],
            stdout=subprocess.PIPE,
            encoding="utf-8",
            timeout=60,
            check=True,
        ).stdout

    return printed


def test_the_commands_and_options_in_the_readme_exist(help_of: Callable[[str], str]) -> None:
    described = {}
    for command, does in rows_of("Command line"):
        if (name := re.match(r"`bitquery-auth ([a-z]+)", command)) is not None:
            described[name[1]] = re.findall(r"`(--[a-z-]+)", does)
    assert set(described) == set(re.findall(r"^    ([a-z]+) ", help_of(""), re.MULTILINE))
    for name, options in described.items():
        assert set(options) <= set(re.findall(r"--[a-z-]+", help_of(name)))


def test_the_exit_codes_in_the_readme_are_those_of_the_manual(
    help_of: Callable[[str], str],
) -> None:
    manual = help_of("").partition("exit codes:")[2]
    described = [code for code, _ in rows_of("Command line") if code.isdigit()]
    assert {"0", "2", "3", "4", "5"} <= set(described)
    assert described == re.findall(r"^  (\d+) ", manual, re.MULTILINE)


@pytest.fixture
def running() -> Iterator[Sandbox]:
    """A sandbox that reads the real clock, as the command does."""
    with Sandbox() as sandbox:
        yield sandbox


def test_the_example_with_curl_gets_a_response_from_the_api(
    tmp_path: Path, running: Sandbox
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    section = README.partition("\n## Command line\n")[2]
    code = section.partition("```sh\n")[2].partition("```")[0]
    code = code.replace("https://streaming.bitquery.io/graphql", running.graphql_endpoint)
    done = subprocess.run(
        [
            "sh",
            "-c",
            code.replace("https://streaming.bitquery.io/graphql", running.graphql_endpoint),
        ],
        env=os.environ
        | running.environment()
        | {
            "BITQUERY_CACHE_DIR": str(tmp_path / "cache"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "DEXTrades" in done.stdout
    assert (running.token_requests, running.api_requests, running.api_refusals) == (1, 1, 0)
