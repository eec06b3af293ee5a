"""The README's section on the command line: its manual, its exit codes and its examples."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.docs import README

INTERPRETERS = {
    "sh": ["sh", "-c"],
    "js": ["node", "--input-type=module", "-e"],
    "php": ["php", "-r"],
}
NEEDED = {"sh": "curl", "js": "node", "php": "php"}


@pytest.fixture(scope="module")
def section() -> str:
    found = re.search(r"^## Command line\n(.*?)(?=^## |\Z)", README, re.DOTALL | re.MULTILINE)
    assert found is not None, "the README has no section 'Command line'"
    return found[1]


@pytest.fixture(scope="module")
def manual() -> str:
    """What ``--help`` prints."""
    return subprocess.run(
        [sys.executable, "-m", "bitquery_auth", "--help"],
        env=os.environ | {"COLUMNS": "100"},
        stdout=subprocess.PIPE,
        encoding="utf-8",
        timeout=60,
        check=True,
    ).stdout


def code_blocks(section: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.DOTALL | re.MULTILINE)


def test_the_manual_in_the_readme_is_what_help_prints(section: str, manual: str) -> None:
    assert code_blocks(section, "text") == [manual]


def test_the_commands_that_the_readme_names_exist(section: str, manual: str) -> None:
    named = set(re.findall(r"bitquery-auth ([a-z]+)", section))
    assert {"token", "query", "check", "sandbox"} <= named
    assert named <= set(re.findall(r"^    ([a-z]+) ", manual, re.MULTILINE))


def test_the_exit_codes_in_the_readme_are_those_of_the_manual(section: str, manual: str) -> None:
    described = re.findall(r"^  (\d+) ", manual.partition("exit codes:")[2], re.MULTILINE)
    assert {"0", "2", "3", "4", "5"} <= set(described)
    assert re.findall(r"^\| (\d+) \|", section, re.MULTILINE) == described


@pytest.mark.parametrize("language", INTERPRETERS)
def test_the_example_in_another_language_gets_a_response_from_the_api(
    language: str, section: str, tmp_path: Path, running: Sandbox
) -> None:
    if shutil.which(NEEDED[language]) is None:
        pytest.skip(f"{NEEDED[language]} is not installed")
    code = code_blocks(section, language)[0].removeprefix("<?php\n")
    code = code.replace("https://streaming.bitquery.io/graphql", running.graphql_endpoint)
    done = subprocess.run(
        [
            *INTERPRETERS[language],
            code.replace("https://streaming.bitquery.io/graphql", running.graphql_endpoint),
        ],
        env=os.environ
        | {
            "BITQUERY_CLIENT_ID": running.client_id,
            "BITQUERY_CLIENT_SECRET": running.client_secret,
            "BITQUERY_TOKEN_ENDPOINT": running.token_endpoint,
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


@pytest.fixture
def running() -> Iterator[Sandbox]:
    """A sandbox that reads the real clock, as the command does."""
    with Sandbox() as sandbox:
        yield sandbox
