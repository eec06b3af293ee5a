"""HTTPie: ``http --auth-type=bitquery``, in a process of its own for each run, as on a command line."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.integrations.needs import needs
from tests.integrations.story import QUERY, counts
from tests.kit.origin import Origin, answering

needs("httpie", "httpie")

HTTP = (sys.executable, "-m", "httpie", "--ignore-stdin", "--check-status", "--body", "--auth-type=bitquery")
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def surroundings(sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    """What the environment says of the sandbox, without credentials."""
    return {
        "BITQUERY_TOKEN_ENDPOINT": sandbox.token_endpoint,
        "BITQUERY_SCOPE": "api",
        "BITQUERY_ENDPOINT": sandbox.graphql_endpoint,
        "BITQUERY_CACHE_DIR": str(tmp_path / "tokens"),
        "HTTPIE_CONFIG_DIR": str(tmp_path / "httpie"),
    }


@pytest.fixture
def credentials(sandbox: Sandbox) -> dict[str, str]:
    """The application's, as the environment has them."""
    return {"BITQUERY_CLIENT_ID": sandbox.client_id, "BITQUERY_CLIENT_SECRET": sandbox.client_secret}


@pytest.fixture
def http(surroundings: dict[str, str], sandbox: Sandbox) -> Run:
    def run(
        *arguments: str, url: str | None = None, env: dict[str, str | None] | None = None
    ) -> subprocess.CompletedProcess[str]:
        found = os.environ | surroundings | (env or {})
        return subprocess.run(
            [*HTTP, *arguments, "POST", url or sandbox.graphql_endpoint, f"query={QUERY}"],
            env={name: value for name, value in found.items() if value is not None},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_the_token_is_kept_between_runs_and_replaced_when_it_is_refused(
    http: Run, credentials: dict[str, str], sandbox: Sandbox
) -> None:
    """Hazards F4, R1: first token, reuse by another process, recovery inside the request."""
    for _ in range(2):
        answer = http(env=credentials)
        assert (answer.returncode, answer.stderr) == (0, "")
        assert "data" in json.loads(answer.stdout)
    assert counts(sandbox) == (1, 2, 0)
    sandbox.revoke_all()
    assert http(env=credentials).returncode == 0
    assert counts(sandbox) == (2, 4, 1)


def test_credentials_may_stand_on_the_command_line(http: Run, sandbox: Sandbox) -> None:
    """They win over the environment's; its token endpoint counts all the same."""
    answer = http(
        "--auth", f"{sandbox.client_id}:{sandbox.client_secret}", env={"BITQUERY_CLIENT_ID": "a", "BITQUERY_TOKEN": "b"}
    )
    assert answer.returncode == 0, answer.stderr
    assert counts(sandbox) == (1, 1, 0)


def test_without_any_credentials_it_says_what_to_set(http: Run, sandbox: Sandbox) -> None:
    answer = http()
    assert answer.returncode == 1
    assert answer.stderr.startswith("http: error: Set BITQUERY_CLIENT_ID and BITQUERY_CLIENT_SECRET")
    assert "Traceback" not in answer.stderr
    assert counts(sandbox) == (0, 0, 0)


def test_an_error_of_the_token_endpoint_is_told_in_a_line(
    http: Run, credentials: dict[str, str], sandbox: Sandbox
) -> None:
    """Hazard S5: and without the secret."""
    sandbox.outage = 503
    answer = http(env=credentials)
    assert answer.returncode == 1
    assert "TokenEndpointError" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert sandbox.client_secret not in answer.stderr + answer.stdout


def test_the_token_goes_to_the_named_host_and_to_no_other(
    http: Run, credentials: dict[str, str], sandbox: Sandbox
) -> None:
    """Hazard S2: the port belongs to it."""
    with Origin(answering(200, "{}")) as other:
        assert http(url=other.at(), env=credentials).returncode == 0
        assert other.tokens == [None]
    assert sandbox.token_requests == 0


def test_unless_one_is_named_the_token_goes_to_bitquery_only(http: Run, sandbox: Sandbox) -> None:
    answer = http(env={"BITQUERY_ENDPOINT": None, "BITQUERY_TOKEN": "ory_at_x"})
    assert answer.returncode == 4
    assert [each.status for each in sandbox.requests] == [401]
    assert "ory_at_x" not in str(sandbox.requests[0])
