"""The README's section on the command line: its commands, its exit codes and its example."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bitquery_auth._cli import main
from bitquery_auth.sandbox import Sandbox
from tests.docs import README, rows_of


@pytest.fixture
def help_of(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Return what ``--help`` prints, of the whole or of a command."""

    def printed(*command: str) -> str:
        assert main([*command, "--help"]) == 0
        return capsys.readouterr().out

    return printed


def test_the_commands_and_options_in_the_readme_exist(help_of: Callable[..., str]) -> None:
    described = {}
    for command, does in rows_of("Command line"):
        if (name := re.match(r"`bitquery-auth ([a-z]+)", command)) is not None:
            described[name[1]] = re.findall(r"`(--[a-z-]+)", does)
    assert set(described) == set(re.findall(r"^    ([a-z]+) ", help_of(), re.MULTILINE))
    for name, options in described.items():
        assert set(options) <= set(re.findall(r"--[a-z-]+", help_of(name)))


def test_the_exit_codes_in_the_readme_are_those_of_the_manual(help_of: Callable[..., str]) -> None:
    manual = help_of().partition("exit codes:")[2]
    described = [code for code, _ in rows_of("Command line") if code.isdigit()]
    assert {"0", "2", "3", "4", "5"} <= set(described)
    assert described == re.findall(r"^  (\d+) ", manual, re.MULTILINE)


def test_the_example_with_curl_gets_a_response_from_the_api(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    section = README.partition("\n## Command line\n")[2]
    code = section.partition("```sh\n")[2].partition("```")[0]
    with Sandbox() as running:
        code = code.replace("https://streaming.bitquery.io/graphql", running.graphql_endpoint)
        ours = {
            "BITQUERY_CACHE_DIR": str(tmp_path / "cache"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        done = subprocess.run(
            ["sh", "-c", code],
            env=os.environ | running.environment() | ours,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "DEXTrades" in done.stdout
        counts = (running.token_requests, running.api_requests, running.api_refusals)
        assert counts == (1, 1, 0)
