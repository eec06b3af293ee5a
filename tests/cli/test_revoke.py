"""``bitquery-auth revoke``: the kept token is revoked at the server, and forgotten."""

from bitquery_auth.sandbox import Sandbox
from tests.cli.running import Command
from tests.kit.world import World


def test_the_kept_token_is_revoked_and_forgotten(at_bitquery: Command, bitquery: World) -> None:
    first = at_bitquery("token").out
    assert at_bitquery("revoke") == (0, "", "The token is revoked.\n")
    assert bitquery.sandbox.revocation_requests == 1
    refused = at_bitquery("query", "{ x }", BITQUERY_CLIENT_SECRET=None, BITQUERY_TOKEN=first.strip())
    assert refused.code == 3
    assert at_bitquery("token").out != first


def test_without_a_kept_token_there_is_nothing_to_do(command: Command, sandbox: Sandbox) -> None:
    assert command("revoke") == (0, "", "No token was kept: nothing to revoke.\n")
    assert sandbox.revocation_requests == 0


def test_a_copied_token_is_revoked_elsewhere(command: Command) -> None:
    code, out, err = command("revoke", BITQUERY_CLIENT_SECRET=None, BITQUERY_TOKEN="ory_at_abc")
    assert (code, out) == (2, "")
    assert "revoked there" in err


def test_another_server_without_a_revocation_endpoint(command: Command) -> None:
    code, _, err = command("revoke", BITQUERY_REVOCATION_ENDPOINT=None)
    assert code == 2
    assert "In the environment: BITQUERY_REVOCATION_ENDPOINT." in err


def test_a_token_that_could_not_be_revoked_is_kept(command: Command, sandbox: Sandbox) -> None:
    first = command("token").out
    code, _, err = command("revoke", BITQUERY_REVOCATION_ENDPOINT="http://127.0.0.1:1/revoke")
    assert code == 4
    assert "No answer" in err
    assert command("token").out == first
