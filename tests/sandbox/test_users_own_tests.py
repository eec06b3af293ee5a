"""A user's own tests, in a project of their own: they need nothing but what is installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

RECOVERY = """
import requests
from bitquery_auth import RequestsAuth

def test_my_client_recovers(bitquery_sandbox):
    auth = RequestsAuth(bitquery_sandbox.credentials(), allowed_hosts=bitquery_sandbox.allowed_hosts)
    assert requests.get(bitquery_sandbox.graphql_endpoint, auth=auth).status_code == 200
    bitquery_sandbox.revoke_all()
    assert requests.get(bitquery_sandbox.graphql_endpoint, auth=auth).status_code == 200
    assert bitquery_sandbox.token_requests == 2
"""
OWN_CLOCK = """
import requests
from bitquery_auth import RequestsAuth, Token
from bitquery_auth.sandbox import Sandbox

def test_my_client_meets_an_ended_token():
    now = 1_000.0
    with Sandbox(clock=lambda: now, lifetime=60) as sandbox:
        kept = sandbox.credentials().token().access_token
        headers = {"Authorization": f"Bearer {kept}"}
        assert requests.get(sandbox.graphql_endpoint, headers=headers).status_code == 200
        now += 61
        assert requests.get(sandbox.graphql_endpoint, headers=headers).status_code == 401
"""
OWN_SOURCE = """
import httpx
from bitquery_auth import HTTPXAuth, Token

class Fixed:
    def token(self):
        return Token("fixed")
    def discard(self, token):
        raise AssertionError

def test_my_code_sends_its_query():
    seen = []
    transport = httpx.MockTransport(lambda request: seen.append(request) or httpx.Response(200))
    with httpx.Client(auth=HTTPXAuth(Fixed()), transport=transport) as client:
        client.get("https://streaming.bitquery.io/graphql")
    assert seen[0].headers["Authorization"] == "Bearer fixed"
"""


@pytest.mark.parametrize("test", [RECOVERY, OWN_CLOCK, OWN_SOURCE], ids=["the fixture", "a clock", "a source"])
def test_a_users_test_passes_without_any_configuration(test: str, tmp_path: Path) -> None:
    """Hazard G10: a stand-in, a clock to move, and a source and a transport of one's own."""
    (tmp_path / "test_mine.py").write_text(test, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "test_mine.py"],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
