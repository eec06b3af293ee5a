"""A server that cannot run is a skip with its reason, or a failure where it is required."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import do_without, required_servers
from tests.servers import Unavailable

NEEDS_HYDRA = (
    "tests/contract/test_contract.py"
    "::test_a_token_has_the_type_the_scope_and_the_lifetime_of_the_response[hydra]"
)


def test_a_missing_server_is_a_skip_that_says_why() -> None:
    with pytest.raises(pytest.skip.Exception, match="hydra cannot run here: no Go"):
        do_without("hydra", Unavailable("no Go"), {"oidc-provider"})


@pytest.mark.parametrize(
    ("names", "required"),
    [("", set()), (" hydra, oidc-provider,", {"hydra", "oidc-provider"}), ("hydra", {"hydra"})],
)
def test_servers_are_required_by_name(names: str, required: set[str]) -> None:
    assert required_servers(names) == required


def test_a_server_that_does_not_exist_cannot_be_required() -> None:
    with pytest.raises(
        pytest.UsageError, match="names hidra; the servers are django-oauth-toolkit, oidc-provider"
    ):
        required_servers("hydra hidra")


def test_a_missing_server_is_a_failure_where_the_environment_requires_it() -> None:
    variables = {"BITQUERY_AUTH_TESTS_REQUIRE": "hydra", "HYDRA_BINARY": "/no/such/hydra"}
    options = ["-q", "--numprocesses=0", "-p", "no:randomly", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, NEEDS_HYDRA],
        cwd=Path(__file__).parents[2],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    reason = "cannot run here, and BITQUERY_AUTH_TESTS_REQUIRE names it: HYDRA_BINARY names"
    assert f"hydra {reason}" in done.stdout
