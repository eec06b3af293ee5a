"""Secrets and tokens are in no output but where they were asked for."""

from pathlib import Path

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.cli.running import Command

SECRET = "sentinel-of-a-secret"

CALLS = {
    "check": ("check",),
    "query": ("query", "{ x }"),
    "revoke": ("revoke",),
    "bad call": ("query", "{ x }", "--variables", "["),
    "bad endpoint": ("query", "{ x }", "--endpoint", "http://example.com"),
    "no API": ("query", "{ x }", "--endpoint", "http://127.0.0.1:1/"),
}
TROUBLES: dict[str, dict[str, object]] = {
    "none": {},
    "refused": {"accept_nothing": True},
    "deleted": {"revoked_client": True},
    "down": {"outage": 503},
    "silent": {"outage": "drop"},
    "API down": {"api_outage": 500},
    "other method": {"token_endpoint_auth_method": "client_secret_basic"},
    "lacks scope": {"required_scope": "more"},
}


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("call", CALLS)
def test_no_secret_and_no_token_is_shown(call: str, trouble: str, command: Command, sandbox: Sandbox) -> None:
    """Hazard S5: tokens and secrets in logs, repr, exceptions."""
    sandbox.client_secret = SECRET
    assert command("token", BITQUERY_CLIENT_SECRET=SECRET).out.startswith("ory_at_")
    for name, value in TROUBLES[trouble].items():
        setattr(sandbox, name, value)
    ran = command(*CALLS[call], BITQUERY_CLIENT_SECRET=SECRET)
    assert ran.out + ran.err
    assert SECRET not in ran.out + ran.err
    assert "ory_at_" not in ran.out + ran.err


def test_the_secret_is_in_no_file_that_is_kept(command: Command, settings: dict[str, str]) -> None:
    """Hazard P4: a file holds the token, is the user's alone, and the secret is not in it."""
    command("token")
    files = [path for path in Path(settings["BITQUERY_CACHE_DIR"]).rglob("*") if path.is_file()]
    assert files
    assert not any(settings["BITQUERY_CLIENT_SECRET"] in path.read_text() + path.name for path in files)
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)
