"""Secrets and tokens are in no output except where they were asked for."""

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.cli.runner import Runner

SECRET = "sentinel-of-a-secret"

CALLS = {
    "check": ("check",),
    "query": ("query", "{ x }"),
    "revoke": ("revoke",),
    "wrong variables": ("query", "{ x }", "--variables", "["),
    "wrong endpoint": ("query", "{ x }", "--endpoint", "http://example.com"),
    "no API": ("query", "{ x }", "--endpoint", "http://127.0.0.1:1/"),
}
FAULTS: dict[str, dict[str, object]] = {
    "no fault": {},
    "tokens rejected": {"accept_nothing": True},
    "application deleted": {"revoked_client": True},
    "token endpoint out": {"outage": 503},
    "token endpoint silent": {"outage": "drop"},
    "API out": {"api_outage": 500},
    "other authentication method": {"token_endpoint_auth_method": "client_secret_basic"},
    "scope missing": {"required_scope": "more"},
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
def test_no_secret_and_no_token_is_shown(
    call: str, fault: str, command: Runner, sandbox: Sandbox
) -> None:
    sandbox.client_secret = SECRET
    assert command("token", BITQUERY_CLIENT_SECRET=SECRET).out.startswith("ory_at_")
    for name, value in FAULTS[fault].items():
        setattr(sandbox, name, value)
    ran = command(*CALLS[call], BITQUERY_CLIENT_SECRET=SECRET)
    output = ran.out + ran.err
    assert output
    assert SECRET not in output
    assert "ory_at_" not in output
