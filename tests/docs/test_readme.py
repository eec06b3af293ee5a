"""The README's snippets run as they are written, and its first commands are the project's."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.docs import README
from tests.kit.world import World, world

SNIPPETS = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
STREAMS = [snippet for snippet in SNIPPETS if "wss://" in snippet]
COMMANDS = re.findall(r"^```console\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.fixture
def bitquery(tmp_path: Path) -> Iterator[World]:
    """The hosts that the README names, on loopback."""
    with world(tmp_path, "auth.example.com", "api.example.com") as made:
        yield made


def first_call(snippet: str) -> str:
    return next(line for line in snippet.splitlines() if "(" in line)


def skip_without_its_libraries(snippet: str) -> None:
    for name in re.findall(r"^(?:import|from) (\w+)", snippet, re.MULTILINE):
        if find_spec(name) is None:
            pytest.skip(f"{name} is not installed")


@pytest.mark.parametrize(
    "snippet", [each for each in SNIPPETS if each not in STREAMS], ids=first_call
)
def test_a_snippet_of_the_readme_runs_without_a_warning(snippet: str, bitquery: World) -> None:
    skip_without_its_libraries(snippet)
    snippet = snippet.replace("my-client-id", bitquery.sandbox.client_id)
    snippet = snippet.replace("my-client-secret", bitquery.sandbox.client_secret)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", snippet],
        env=os.environ | bitquery.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("snippet", STREAMS, ids=first_call)
def test_a_stream_of_the_readme_goes_on_after_the_server_went_away(
    snippet: str, sandbox: Sandbox
) -> None:
    skip_without_its_libraries(snippet)
    snippet = snippet.replace("wss://streaming.bitquery.io/graphql", sandbox.websocket_endpoint)
    with subprocess.Popen(
        [sys.executable, "-u", "-W", "error", "-c", snippet],
        env=os.environ | sandbox.environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as stream:
        assert stream.stdout is not None
        try:
            assert "Hash" in stream.stdout.readline()
            sandbox.revoke_all()
            sandbox.close_websockets()
            while sandbox.websocket_handshakes < 2:
                assert stream.stdout.readline()
            assert "Hash" in stream.stdout.readline()
        finally:
            stream.kill()


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
