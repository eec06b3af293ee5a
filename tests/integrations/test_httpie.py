"""HTTPie: ``http --auth-type=bitquery``, each run in a process of its own."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.docs import README, shell_of
from tests.kit.origin import Origin, answering

pytest.importorskip("httpie")

QUERY = "{ EVM { DEXTrades(limit: {count: 3}) { Transaction { Hash } } } }"
HTTP = (sys.executable, "-m", "httpie", "--ignore-stdin", "--check-status", "--body")
AUTH = "--auth-type=bitquery"
NO_CREDENTIALS: dict[str, None] = {"BITQUERY_CLIENT_ID": None, "BITQUERY_CLIENT_SECRET": None}
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment(sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    """The environment of a user of the sandbox."""
    folders = {
        "BITQUERY_CACHE_DIR": str(tmp_path / "tokens"),
        "HTTPIE_CONFIG_DIR": str(tmp_path / "httpie"),
    }
    return os.environ | sandbox.environment() | folders


@pytest.fixture
def http(environment: dict[str, str], sandbox: Sandbox) -> Run:
    def run(
        *options: str, url: str = sandbox.graphql_endpoint, **variables: str | None
    ) -> subprocess.CompletedProcess[str]:
        merged = {**environment, **variables}
        return subprocess.run(
            [*HTTP, *options, "POST", url, f"query={QUERY}"],
            env={name: value for name, value in merged.items() if value is not None},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def check_succeeded(done: subprocess.CompletedProcess[str]) -> None:
    assert (done.returncode, done.stderr) == (0, "")
    assert "data" in json.loads(done.stdout)


def check_failed(done: subprocess.CompletedProcess[str], words: str, secret: str) -> None:
    """Check that the run ended in one message, which does not hold the secret."""
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert secret not in done.stderr + done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell and a terminal")
def test_the_command_of_the_readme_gets_a_response(
    environment: dict[str, str], sandbox: Sandbox, tmp_path: Path
) -> None:
    (command,) = re.findall(r"`(http --auth-type=[^`]*)`", README)
    terminal, stdin = os.openpty()
    try:
        done = subprocess.run(
            ["sh", "-c", command],
            env=environment | {"PATH": shell_of(sandbox, tmp_path)["PATH"]},
            stdin=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(stdin)
        os.close(terminal)
    check_succeeded(done)
    assert sandbox.token_requests == 1


def test_the_token_is_kept_where_bitquery_auth_keeps_it_and_replaced_when_it_was_revoked(
    http: Run, environment: dict[str, str], sandbox: Sandbox
) -> None:
    check_succeeded(http(AUTH))
    check_succeeded(http(AUTH))
    command = [sys.executable, "-m", "bitquery_auth", "token"]
    subprocess.run(command, env=environment, timeout=60, check=True, stdout=subprocess.DEVNULL)
    assert (sandbox.token_requests, sandbox.api_requests) == (1, 2)
    sandbox.revoke_all()
    check_succeeded(http(AUTH))
    assert (sandbox.token_requests, sandbox.api_requests) == (2, 4)


def test_credentials_on_the_command_line_win_over_the_environment(
    http: Run, sandbox: Sandbox
) -> None:
    credentials = f"{sandbox.client_id}:{sandbox.client_secret}"
    variables = {"BITQUERY_CLIENT_ID": "other", "BITQUERY_TOKEN": "other"}
    check_succeeded(http(AUTH, "--auth", credentials, **variables))
    assert (sandbox.token_requests, sandbox.api_requests) == (1, 1)


@pytest.mark.parametrize("session", ["--session=s", "--session-read-only=s"])
def test_a_session_keeps_no_credentials_and_is_used_again_with_those_of_the_environment(
    session: str, http: Run, environment: dict[str, str], sandbox: Sandbox
) -> None:
    credentials = ("--auth", f"{sandbox.client_id}:{sandbox.client_secret}")
    check_succeeded(http(AUTH, *credentials, "--session=s", **NO_CREDENTIALS))
    folder = Path(environment["HTTPIE_CONFIG_DIR"])
    files = [file for file in folder.rglob("*.json") if "sessions" in file.parts]
    assert files
    assert all(sandbox.client_secret not in file.read_text() for file in files)
    again = http(session, **NO_CREDENTIALS)
    check_failed(again, "Set BITQUERY_CLIENT_ID and BITQUERY_CLIENT_SECRET", sandbox.client_secret)
    check_succeeded(http(session))
    assert (sandbox.token_requests, sandbox.api_requests) == (1, 2)


def test_without_credentials_the_message_says_what_to_set(http: Run, sandbox: Sandbox) -> None:
    words = "http: error: Set BITQUERY_CLIENT_ID and BITQUERY_CLIENT_SECRET"
    check_failed(http(AUTH, **NO_CREDENTIALS), words, sandbox.client_secret)
    assert sandbox.requests == ()


def test_an_error_of_the_token_endpoint_is_one_message_without_the_secret(
    http: Run, sandbox: Sandbox
) -> None:
    sandbox.outage = 503
    check_failed(http(AUTH), "503", sandbox.client_secret)


def test_the_token_is_sent_to_the_host_of_the_endpoint_and_to_no_other(
    http: Run, sandbox: Sandbox
) -> None:
    with Origin(answering(200, "{}")) as other:
        assert http(AUTH, url=other.at()).returncode == 0
        assert other.tokens == [None]
    assert sandbox.token_requests == 0


def test_without_an_endpoint_a_pasted_token_is_sent_to_bitquery_alone(
    http: Run, sandbox: Sandbox
) -> None:
    done = http(AUTH, BITQUERY_CLIENT_ID=None, BITQUERY_ENDPOINT=None, BITQUERY_TOKEN="ory_at_x")
    assert done.returncode == 4
    assert [each.status for each in sandbox.requests] == [401]
    assert "ory_at_x" not in str(sandbox.requests[0])
