"""The README's snippets run as they are written, and its first commands are the project's."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs import README
from tests.kit.world import World, world

SNIPPETS = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
COMMANDS = re.findall(r"^```console\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.fixture
def bitquery(tmp_path: Path) -> Iterator[World]:
    """The hosts that the README names, on loopback."""
    with world(tmp_path, "auth.example.com", "api.example.com") as made:
        yield made


def first_call(snippet: str) -> str:
    return next(line for line in snippet.splitlines() if "(" in line)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=first_call)
def test_a_snippet_of_the_readme_runs_without_a_warning(snippet: str, bitquery: World) -> None:
    for name in re.findall(r"^(?:import|from) (\w+)", snippet, re.MULTILINE):
        if find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    snippet = snippet.replace("my-client-id", bitquery.sandbox.client_id)
    snippet = snippet.replace("my-client-secret", bitquery.sandbox.client_secret)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", snippet.replace("ory_at_…", "ory_at_abc")],
        env=os.environ | bitquery.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_first_snippet_reaches_the_token_endpoint_and_the_api(bitquery: World) -> None:
    subprocess.run(
        [sys.executable, "-c", SNIPPETS[0]],
        env=os.environ | bitquery.environment,
        timeout=60,
        check=True,
    )
    assert bitquery.connects == ["oauth2.bitquery.io:443", "streaming.bitquery.io:443"]
    assert (bitquery.sandbox.token_requests, bitquery.sandbox.api_requests) == (1, 1)


def test_the_commands_to_install_and_to_test_come_first() -> None:
    """After at most ten lines of text and one snippet."""
    text, _ = re.subn(r"```python\n.*?```", "", README.split("```console", 1)[0], flags=re.DOTALL)
    assert len([line for line in text.splitlines() if line.strip()]) <= 10
    assert COMMANDS[:2] == [
        "python -m pip install . && bitquery-auth demo\n",
        'python -m pip install -e ".[test]" && python -m pytest\n',
    ]
