"""Tests in a project of a user's own, which has nothing but the installed package."""

import json
import subprocess
import sys
from pathlib import Path

TEST = """
import requests
from bitquery_auth import RequestsAuth

def test_my_client_recovers_from_a_revocation(bitquery_sandbox):
    source = bitquery_sandbox.credentials()
    auth = RequestsAuth(source, allowed_hosts=bitquery_sandbox.allowed_hosts)
    assert requests.get(bitquery_sandbox.graphql_endpoint, auth=auth).status_code == 200
    bitquery_sandbox.revoke_all()
    assert requests.get(bitquery_sandbox.graphql_endpoint, auth=auth).status_code == 200
    assert bitquery_sandbox.token_requests == 2
"""
LOADED = """
import json, sys
import pytest
before = set(sys.modules)
import bitquery_auth.pytest_plugin
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def run(*arguments: str, folder: Path) -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_users_test_with_the_fixture_passes_without_configuration(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(TEST, encoding="utf-8")
    options = ("-q", "-W", "error", "-p", "no:cacheprovider")
    assert "1 passed" in run("-m", "pytest", *options, folder=tmp_path)


def test_a_project_that_does_not_use_the_fixture_pays_for_two_small_modules(tmp_path: Path) -> None:
    loaded = json.loads(run("-c", LOADED, folder=tmp_path))
    assert loaded == ["bitquery_auth", "bitquery_auth.pytest_plugin"]
