"""The README's snippets run as they are written, and its first commands are the project's."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from bitquery_auth import HTTPXAuth, StaticToken
from bitquery_auth.sandbox import Sandbox
from tests.docs import README, code_in, section
from tests.kit.waiting import until
from tests.kit.world import World, world

STREAM, RECONNECTING, WEBSOCKETS = code_in(section("Streams"), "python")
START = "asyncio.run(main())\n"
STREAMS = {
    "gql in a loop": STREAM,
    "gql with its own reconnection": f"{STREAM.partition('async def')[0]}{RECONNECTING}\n{START}",
    "websockets": WEBSOCKETS,
}
SNIPPETS = [
    each for each in code_in(README, "python") if each not in (STREAM, RECONNECTING, WEBSOCKETS)
]
(QUIET,) = re.findall(r"`(logging\.getLogger\([^`]+)`", section("Streams"))


@pytest.fixture
def bitquery(tmp_path: Path) -> Iterator[World]:
    """The hosts that the README names, on loopback."""
    with world(tmp_path, "auth.example.com", "api.example.com") as made:
        yield made


def first_call(snippet: str) -> str:
    return next(line for line in snippet.splitlines() if "(" in line and "environ" not in line)


def run(snippet: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", snippet],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("snippet", SNIPPETS, ids=first_call)
def test_a_snippet_of_the_readme_runs_without_a_warning(snippet: str, bitquery: World) -> None:
    snippet = snippet.replace("my-client-id", bitquery.sandbox.client_id)
    snippet = snippet.replace("my-client-secret", bitquery.sandbox.client_secret)
    run(snippet, bitquery.environment)


@pytest.mark.parametrize(
    "snippet", [each for each in SNIPPETS if "BITQUERY_ENDPOINT" in each], ids=first_call
)
def test_a_program_of_the_readme_runs_against_the_sandbox_by_its_environment_alone(
    snippet: str, sandbox: Sandbox
) -> None:
    run(snippet, sandbox.environment())
    assert sandbox.token_requests == 1
    assert sandbox.api_requests == snippet.count(".post(")


def test_the_first_snippet_reaches_the_token_endpoint_and_the_api(bitquery: World) -> None:
    run(SNIPPETS[0], bitquery.environment)
    assert bitquery.connects == ["oauth2.bitquery.io:443", "streaming.bitquery.io:443"]
    assert (bitquery.sandbox.token_requests, bitquery.sandbox.api_requests) == (1, 1)


# -- streams ---------------------------------------------------------------------------------------


@pytest.fixture(params=STREAMS)
def stream(request: pytest.FixtureRequest) -> str:
    program = STREAMS[request.param]
    for name in re.findall(r"^(?:import|from) (\w+)", program, re.MULTILINE):
        if find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    return program


def started(program: str, sandbox: Sandbox) -> subprocess.Popen[str]:
    soon = {
        "WEBSOCKETS_BACKOFF_INITIAL_DELAY": "0.02",
        "WEBSOCKETS_BACKOFF_MIN_DELAY": "0.02",
    }
    return subprocess.Popen(
        [sys.executable, "-u", "-W", "error", "-c", program],
        env=os.environ | sandbox.environment() | soon,
        stdout=subprocess.PIPE,
        text=True,
    )


def restart(sandbox: Sandbox) -> None:
    sandbox.stop()
    sandbox.start()


def test_a_stream_of_the_readme_goes_on_after_a_revocation_and_a_restart_of_the_server(
    stream: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """With the README's line about logs, no token is logged meanwhile."""
    sandbox.block_interval = 0.02
    log = tmp_path / "log"
    settings = f"import logging\nlogging.basicConfig(level='DEBUG', filename={str(log)!r})\n"
    with started(f"{settings}{QUIET}\n{stream}", sandbox) as process:
        try:
            assert process.stdout is not None
            trades = (line for line in process.stdout if "Hash" in line)
            assert next(trades, None)
            sandbox.revoke_all()
            for interrupt in (Sandbox.close_websockets, restart):
                interrupt(sandbox)
                sent = sum(len(each.numbers) for each in sandbox.subscriptions)
                assert all(next(trades, None) for _ in range(sent + 1))
        finally:
            process.kill()
    assert sandbox.token_requests == 2
    assert "DEBUG" in (logged := log.read_text(encoding="utf-8"))
    assert "ory_at_" not in logged


def test_a_stream_of_the_readme_connects_again_when_its_socket_is_silent(
    stream: str, sandbox: Sandbox
) -> None:
    sandbox.websockets_silent = True
    with started(stream.replace("timeout=10", "timeout=0.2"), sandbox) as process:
        try:
            until(lambda: sandbox.websocket_handshakes == 3)
        finally:
            process.kill()


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_httpx_logs_the_url_of_a_handshake_on_the_logger_that_the_readme_names(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    httpx = pytest.importorskip(name)
    caplog.set_level("DEBUG")
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    with httpx.Client(auth=HTTPXAuth(StaticToken("ory_at_t")), transport=transport) as client:
        client.get("wss://streaming.bitquery.io/graphql")
        assert {each.name for each in caplog.records if "ory_at_t" in each.getMessage()} == {name}
        caplog.clear()
        caplog.set_level("WARNING", name)
        client.get("wss://streaming.bitquery.io/graphql")
    assert not caplog.records


# -- commands --------------------------------------------------------------------------------------


def test_the_commands_to_install_and_to_test_come_first() -> None:
    """After at most ten lines of text and one snippet."""
    text, _ = re.subn(r"```python\n.*?```", "", README.split("```console", 1)[0], flags=re.DOTALL)
    assert len([line for line in text.splitlines() if line.strip()]) <= 10
    assert code_in(README, "console") == [
        "python -m pip install . && bitquery-auth demo\n",
        'python -m pip install -e ".[test]" && python -m pytest\n',
    ]
