"""Tests in a project of a user's own, which has nothing but the installed package."""

import json
import subprocess
import sys
from pathlib import Path

FIXTURE = """
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
ENVIRONMENT = """
import os
import bitquery_auth
import requests

def my_program():
    auth = bitquery_auth.RequestsAuth(bitquery_auth.from_env())
    query = {"query": "{ EVM { Blocks { Block { Number } } } }"}
    return requests.post(os.environ["BITQUERY_ENDPOINT"], json=query, auth=auth).json()

def test_my_program_reports_errors(bitquery_sandbox, monkeypatch):
    for name, value in bitquery_sandbox.environment().items():
        monkeypatch.setenv(name, value)
    assert len(my_program()["data"]["EVM"]["Blocks"]) == 10
    bitquery_sandbox.responses = {"Blocks": {"errors": [{"message": "points limit exceeded"}]}}
    assert "errors" in my_program()
"""
CLOCK = """
import requests
from bitquery_auth.sandbox import Sandbox

def test_my_client_meets_an_expired_token():
    now = 1_000.0
    with Sandbox(clock=lambda: now, lifetime=60) as sandbox:
        headers = {"Authorization": f"Bearer {sandbox.credentials().token().access_token}"}
        assert requests.get(sandbox.graphql_endpoint, headers=headers).status_code == 200
        now += 61
        assert requests.get(sandbox.graphql_endpoint, headers=headers).status_code == 401
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


def test_tests_of_a_user_pass_without_configuration(tmp_path: Path) -> None:
    for number, test in enumerate((FIXTURE, ENVIRONMENT, CLOCK)):
        (tmp_path / f"test_{number}.py").write_text(test, encoding="utf-8")
    options = ("-q", "-W", "error", "-p", "no:cacheprovider")
    assert "3 passed" in run("-m", "pytest", *options, folder=tmp_path)


def test_a_project_that_does_not_use_the_fixture_pays_for_two_small_modules(tmp_path: Path) -> None:
    loaded = json.loads(run("-c", LOADED, folder=tmp_path))
    assert loaded == ["bitquery_auth", "bitquery_auth.pytest_plugin"]
