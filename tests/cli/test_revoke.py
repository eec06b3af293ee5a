"""``bitquery-auth revoke``: the kept token is revoked at the server, and forgotten."""

from bitquery_auth.sandbox import Sandbox
from tests.cli.runner import Runner
from tests.kit.world import World


def test_the_kept_token_is_revoked_and_forgotten(at_bitquery: Runner, bitquery: World) -> None:
    first = at_bitquery("token").out
    assert at_bitquery("revoke") == (0, "", "The token is revoked.\n")
    assert bitquery.sandbox.revocation_requests == 1
    rejected = at_bitquery("query", "{ x }", BITQUERY_CLIENT_ID=None, BITQUERY_TOKEN=first.strip())
    assert rejected.code == 3
    assert at_bitquery("token").out != first


def test_without_a_kept_token_nothing_is_revoked(command: Runner, sandbox: Sandbox) -> None:
    assert command("revoke") == (0, "", "No token was kept.\n")
    assert sandbox.revocation_requests == 0


def test_a_pasted_token_cannot_be_revoked(command: Runner) -> None:
    code, out, err = command("revoke", BITQUERY_CLIENT_ID=None, BITQUERY_TOKEN="ory_at_abc")
    assert (code, out) == (2, "")
    assert "can only be revoked there" in err


def test_a_missing_revocation_endpoint_is_named(command: Runner) -> None:
    code, _, err = command("revoke", BITQUERY_REVOCATION_ENDPOINT=None)
    assert code == 2
    assert err.endswith("In the environment: BITQUERY_REVOCATION_ENDPOINT.\n")


def test_a_token_that_could_not_be_revoked_is_kept(command: Runner) -> None:
    first = command("token").out
    code, _, err = command("revoke", BITQUERY_REVOCATION_ENDPOINT="http://127.0.0.1:1/revoke")
    assert code == 4
    assert "No response" in err
    assert command("token").out == first
