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
from tests.integrations.needs import needs
from tests.kit.origin import Origin, answering

needs("httpie", "httpie")

QUERY = "{ EVM { DEXTrades(limit: {count: 3}) { Transaction { Hash } } } }"
HTTP = (sys.executable, "-m", "httpie", "--ignore-stdin", "--check-status", "--body")
AUTH = "--auth-type=bitquery"
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


def _succeeded(done: subprocess.CompletedProcess[str]) -> bool:
    assert (done.returncode, done.stderr) == (0, "")
    return "data" in json.loads(done.stdout)


WITHOUT_CREDENTIALS: dict[str, None] = {"BITQUERY_CLIENT_ID": None, "BITQUERY_CLIENT_SECRET": None}


def test_the_token_is_kept_between_runs_and_replaced_when_it_was_revoked(
    http: Run, sandbox: Sandbox
) -> None:
    assert _succeeded(http(AUTH))
    assert _succeeded(http(AUTH))
    assert (sandbox.token_requests, sandbox.api_requests) == (1, 2)
    sandbox.revoke_all()
    assert _succeeded(http(AUTH))
    assert (sandbox.token_requests, sandbox.api_requests) == (2, 4)


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
    assert _succeeded(done)
    assert sandbox.token_requests == 1


def test_the_token_is_the_one_that_bitquery_auth_keeps(
    http: Run, environment: dict[str, str], sandbox: Sandbox
) -> None:
    assert _succeeded(http(AUTH))
    command = [sys.executable, "-m", "bitquery_auth", "token"]
    subprocess.run(command, env=environment, timeout=60, check=True, stdout=subprocess.DEVNULL)
    assert sandbox.token_requests == 1


def test_credentials_on_the_command_line_win_over_the_environment(
    http: Run, sandbox: Sandbox
) -> None:
    credentials = f"{sandbox.client_id}:{sandbox.client_secret}"
    variables = {"BITQUERY_CLIENT_ID": "other", "BITQUERY_TOKEN": "other"}
    assert _succeeded(http(AUTH, "--auth", credentials, **variables))
    assert (sandbox.token_requests, sandbox.api_requests) == (1, 1)


# -- sessions --------------------------------------------------------------------------------------


def _session_files(environment: dict[str, str]) -> str:
    folder = Path(environment["HTTPIE_CONFIG_DIR"])
    files = [file for file in folder.rglob("*.json") if "sessions" in file.parts]
    assert files
    return "".join(file.read_text() for file in files)


@pytest.mark.parametrize("session", ["--session=s", "--session-read-only=s"])
def test_a_session_is_used_again_with_credentials_from_the_environment(
    session: str, http: Run, environment: dict[str, str], sandbox: Sandbox
) -> None:
    assert _succeeded(http(AUTH, "--session=s"))
    assert _succeeded(http(session))
    assert (sandbox.token_requests, sandbox.api_requests) == (1, 2)
    assert sandbox.client_secret not in _session_files(environment)


def test_a_session_keeps_no_credentials_of_the_command_line(
    http: Run, environment: dict[str, str], sandbox: Sandbox
) -> None:
    credentials = ("--auth", f"{sandbox.client_id}:{sandbox.client_secret}")
    assert _succeeded(http(AUTH, *credentials, "--session=s", **WITHOUT_CREDENTIALS))
    assert sandbox.client_secret not in _session_files(environment)
    again = http("--session=s", **WITHOUT_CREDENTIALS)
    assert again.returncode == 1
    assert "Set BITQUERY_CLIENT_ID and BITQUERY_CLIENT_SECRET" in again.stderr
    assert _succeeded(http("--session=s"))


# -- errors ----------------------------------------------------------------------------------------


def test_without_credentials_the_message_says_what_to_set(http: Run, sandbox: Sandbox) -> None:
    done = http(AUTH, **WITHOUT_CREDENTIALS)
    assert done.returncode == 1
    assert done.stderr.startswith("http: error: Set BITQUERY_CLIENT_ID and BITQUERY_CLIENT_SECRET")
    assert "Traceback" not in done.stderr
    assert sandbox.requests == ()


def test_an_error_of_the_token_endpoint_is_one_message_without_the_secret(
    http: Run, sandbox: Sandbox
) -> None:
    sandbox.outage = 503
    done = http(AUTH)
    assert done.returncode == 1
    assert "503" in done.stderr
    assert "Traceback" not in done.stderr
    assert sandbox.client_secret not in done.stderr + done.stdout


# -- hosts -----------------------------------------------------------------------------------------


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
