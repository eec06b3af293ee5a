"""The README's manual of the command line is what --help prints, and its one-liners work as they are written."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bitquery_auth._cli.exits import EXITS
from bitquery_auth.sandbox import Sandbox

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SECTION = re.search(r"^## Command line\n(.*?)(?=^## |\Z)", README, re.DOTALL | re.MULTILINE)
INTERPRETERS = {"sh": ["sh", "-c"], "js": ["node", "--input-type=module", "-e"], "php": ["php", "-r"]}


@pytest.fixture
def section() -> str:
    assert SECTION is not None, "the README has no section 'Command line'"
    return SECTION[1]


@pytest.fixture
def running() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def _blocks(section: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.DOTALL | re.MULTILINE)


def test_the_manual_in_the_readme_is_what_help_prints(section: str) -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "bitquery_auth", "--help"],
        env=os.environ | {"COLUMNS": "100"},
        stdout=subprocess.PIPE,
        encoding="utf-8",
        timeout=60,
        check=True,
    ).stdout
    assert _blocks(section, "text") == [printed]


def test_the_commands_in_the_readme_exist(section: str) -> None:
    named = set(re.findall(r"bitquery-auth ([a-z]+)", section))
    assert {"token", "query", "check", "sandbox"} <= named
    for name in named:
        arguments = [sys.executable, "-m", "bitquery_auth", name, "--help"]
        subprocess.run(arguments, stdout=subprocess.DEVNULL, timeout=60, check=True)


def test_the_exit_codes_in_the_readme_are_all_there_are(section: str) -> None:
    rows = re.findall(r"^\| (\d+) \|", section, re.MULTILINE)
    assert [int(code) for code in rows] == list(EXITS)


@pytest.mark.parametrize("language", INTERPRETERS)
def test_another_language_asks_the_api_as_written(
    language: str, section: str, running: Sandbox, tmp_path: Path
) -> None:
    interpreter, *options = INTERPRETERS[language]
    if shutil.which(interpreter) is None or (language == "sh" and shutil.which("curl") is None):
        pytest.skip(f"there is no {interpreter} here, or no curl")
    code = _blocks(section, language)[0].removeprefix("<?php\n")
    code = code.replace("https://streaming.bitquery.io/graphql", running.graphql_endpoint)
    settings = {
        "BITQUERY_CLIENT_ID": running.client_id,
        "BITQUERY_CLIENT_SECRET": running.client_secret,
        "BITQUERY_TOKEN_ENDPOINT": running.token_endpoint,
        "BITQUERY_CACHE_DIR": str(tmp_path / "cache"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        [interpreter, *options, code],
        env=os.environ | settings,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "DEXTrades" in done.stdout
    assert (running.token_requests, running.api_requests, running.api_refusals) == (1, 1, 0)
