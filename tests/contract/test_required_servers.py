"""A server that cannot run is a skip with its reason, or a failure where it is required."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import do_without, required_servers
from tests.servers import Unavailable

ROOT = Path(__file__).parents[2]
NEEDS_HYDRA = (
    "tests/contract/test_sandbox_answers_as_hydra.py"
    "::test_the_token_endpoint_answers_as_hydras[header]"
)


def test_a_missing_server_is_a_skip_that_says_why() -> None:
    with pytest.raises(pytest.skip.Exception, match="hydra cannot run here: no Go"):
        do_without("hydra", Unavailable("no Go"), {"oidc-provider"})


def test_a_missing_server_that_is_required_is_a_failure_that_says_why() -> None:
    with pytest.raises(
        pytest.fail.Exception, match=r"cannot run here, and BITQUERY_AUTH_TESTS_REQUIRE .* no Go"
    ):
        do_without("hydra", Unavailable("no Go"), {"oidc-provider", "hydra"})


@pytest.mark.parametrize(
    "names", ["hydra,oidc-provider", "oidc-provider hydra", " hydra, oidc-provider,"]
)
def test_servers_are_required_by_name(names: str) -> None:
    assert required_servers(names) == {"hydra", "oidc-provider"}


def test_without_a_name_no_server_is_required() -> None:
    assert required_servers("") == set()


def test_a_server_that_does_not_exist_cannot_be_required() -> None:
    with pytest.raises(
        pytest.UsageError, match="names hidra; the servers are django-oauth-toolkit, oidc-provider"
    ):
        required_servers("hydra hidra")


def test_the_environment_says_which_servers_are_required() -> None:
    variables = {"BITQUERY_AUTH_TESTS_REQUIRE": "hydra", "HYDRA_BINARY": "/no/such/hydra"}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--numprocesses=0",
            "-p",
            "no:randomly",
            "-p",
            "no:cacheprovider",
            NEEDS_HYDRA,
        ],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in _HYDRAS} | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    assert (
        "hydra cannot run here, and BITQUERY_AUTH_TESTS_REQUIRE names it: HYDRA_BINARY names"
        in done.stdout
    )


_HYDRAS = ("HYDRA_PUBLIC_URL", "HYDRA_ADMIN_URL")  # would be taken before the binary
