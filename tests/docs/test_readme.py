"""The README is a product: its snippets run as they are written, and its commands are those that are used."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.world import World, world

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
COMMANDS = re.findall(r"^```console\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.fixture
def bitquery(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, "auth.example.com", "api.example.com") as made:
        yield made


def _first_line_of_use(snippet: str) -> str:
    return next(line for line in snippet.splitlines() if "(" in line)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=_first_line_of_use)
def test_every_snippet_of_the_readme_runs_as_it_is_written(snippet: str, bitquery: World) -> None:
    snippet = snippet.replace("my-client-id", bitquery.sandbox.client_id)
    snippet = snippet.replace("my-client-secret", bitquery.sandbox.client_secret).replace("ory_at_…", "ory_at_abc")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", snippet],
        env=os.environ | bitquery.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_a_snippet_that_sends_really_reaches_the_api(bitquery: World) -> None:
    subprocess.run([sys.executable, "-c", SNIPPETS[0]], env=os.environ | bitquery.environment, timeout=60, check=True)
    assert bitquery.connects == ["oauth2.bitquery.io:443", "streaming.bitquery.io:443"]
    assert (bitquery.sandbox.token_requests, bitquery.sandbox.api_requests, bitquery.sandbox.api_refusals) == (1, 1, 0)


def test_the_two_commands_stand_after_at_most_ten_lines_and_a_snippet() -> None:
    before = README.split("```console", 1)[0]
    words, _ = re.subn(r"```python\n.*?```", "", before, flags=re.DOTALL)
    assert len([line for line in words.splitlines() if line.strip()]) <= 10
    assert len(COMMANDS[:2]) == 2
    assert COMMANDS[0] == "python -m pip install . && bitquery-auth demo\n"
    assert COMMANDS[1] == 'python -m pip install -e ".[test]" && python -m pytest\n'
