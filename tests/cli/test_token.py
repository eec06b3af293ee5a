"""``bitquery-auth token``: a valid token on stdout, alone, and one token request however often it is run."""

import json
import os
from datetime import UTC, datetime

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.cli.running import Command, start
from tests.kit.clock import Clock
from tests.kit.world import World


def test_it_prints_a_good_token_and_a_newline_and_nothing_else(command: Command) -> None:
    code, out, err = command("token")
    assert (code, err) == (0, "")
    assert out.startswith("ory_at_")
    assert out == f"{out.strip()}\n"
    assert command("check", BITQUERY_CLIENT_SECRET=None, BITQUERY_TOKEN=out.strip()).code == 0


def test_two_runs_cost_one_token_request(at_bitquery: Command, bitquery: World) -> None:
    first, second = at_bitquery("token"), at_bitquery("token")
    assert first == second
    assert (first.code, first.err) == (0, "")
    assert bitquery.sandbox.token_requests == 1
    assert bitquery.connects == ["oauth2.bitquery.io:443"]


def test_as_a_header_it_is_ready_for_curl(command: Command) -> None:
    bare = command("token").out
    assert command("token", "--header") == (0, f"Authorization: Bearer {bare}", "")


def test_as_json_it_says_when_it_ends(command: Command, clock: Clock) -> None:
    answer = json.loads(command("token", "--json").out)
    assert list(answer) == ["access_token", "token_type", "scope", "expires_at"]
    assert (answer["access_token"] + "\n", answer["token_type"], answer["scope"]) == (
        command("token").out,
        "Bearer",
        "api",
    )
    assert datetime.fromisoformat(answer["expires_at"]) == datetime.fromtimestamp(clock.time() + 3599, UTC)


def test_a_copied_token_is_printed_as_a_request_would_carry_it(command: Command, sandbox: Sandbox) -> None:
    given = command("token", "--json", BITQUERY_CLIENT_SECRET=None, BITQUERY_TOKEN=' "Bearer ory_at_abc" ')
    assert json.loads(given.out) == {
        "access_token": "ory_at_abc",
        "token_type": "Bearer",
        "scope": None,
        "expires_at": None,
    }
    assert sandbox.token_requests == 0


def test_header_and_json_exclude_each_other(command: Command) -> None:
    code, out, err = command("token", "--header", "--json")
    assert (code, out) == (2, "")
    assert "not allowed with argument" in err


@pytest.mark.parametrize(("left", "token_requests"), [(61, 1), (59, 2)])
def test_a_kept_token_that_is_about_to_end_is_not_handed_on(
    left: float, token_requests: int, command: Command, sandbox: Sandbox, clock: Clock
) -> None:
    command("token")
    clock.advance(3599 - left)
    assert command("token").code == 0
    assert sandbox.token_requests == token_requests


def test_another_application_does_not_get_the_kept_token(command: Command, sandbox: Sandbox) -> None:
    sandbox.add_client("another", "its-secret")
    first = command("token")
    assert command("token", BITQUERY_CLIENT_ID="another", BITQUERY_CLIENT_SECRET="its-secret").out != first.out


def test_a_refusal_of_the_token_endpoint_ends_with_3(command: Command) -> None:
    code, out, err = command("token", BITQUERY_CLIENT_SECRET="wrong-wrong")
    assert (code, out) == (3, "")
    assert err.startswith("bitquery-auth: 127.0.0.1:")
    assert "type Automatic" in err
    assert err.endswith("In the environment: BITQUERY_CLIENT_ID, BITQUERY_CLIENT_SECRET.\n")
    assert "wrong-wrong" not in err


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_token_endpoint_that_may_recover_ends_with_4(status: int, command: Command, sandbox: Sandbox) -> None:
    sandbox.outage = status
    code, out, err = command("token")
    assert (code, out) == (4, "")
    assert f"answered {status}" in err


def test_no_answer_from_the_token_endpoint_ends_with_4(command: Command, sandbox: Sandbox) -> None:
    sandbox.outage = "drop"
    code, out, err = command("token")
    assert (code, out) == (4, "")
    assert err.startswith("bitquery-auth: No answer from 127.0.0.1:")


def test_without_credentials_it_names_the_variables_and_ends_with_2(at_bitquery: Command) -> None:
    ran = at_bitquery("token", BITQUERY_CLIENT_ID=None, BITQUERY_CLIENT_SECRET=None)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "bitquery-auth: Set BITQUERY_CLIENT_ID and BITQUERY_CLIENT_SECRET, or BITQUERY_TOKEN to a token "
        "from the account page.\n"
    )


def test_runs_at_the_same_time_cost_one_token_request(sandbox: Sandbox, settings: dict[str, str]) -> None:
    sandbox.delay = 0.5
    running = [start("token", environment=os.environ | settings) for _ in range(3)]
    outputs = [each.communicate(timeout=60) for each in running]
    assert [each.returncode for each in running] == [0, 0, 0]
    assert len(set(outputs)) == 1
    assert sandbox.token_requests == 1
