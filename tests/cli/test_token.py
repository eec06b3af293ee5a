"""``bitquery-auth token`` and ``revoke``: one token request for many runs of a program."""

import json
import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.cli.runner import TIMEOUT, Runner
from tests.kit.origin import Origin, answering
from tests.kit.world import World

PASTED = {"BITQUERY_CLIENT_ID": None, "BITQUERY_TOKEN": ' "Bearer ory_at_abc" '}


def test_two_runs_print_one_token_from_one_token_request(
    at_bitquery: Runner, bitquery: World
) -> None:
    first, second = at_bitquery("token"), at_bitquery("token")
    assert first == second
    assert (first.code, first.err) == (0, "")
    assert first.out == f"{first.out.strip()}\n"
    assert bitquery.sandbox.token_requests == 1
    assert bitquery.connects == ["oauth2.bitquery.io:443"]


def test_runs_at_the_same_time_make_one_token_request(process: Runner, sandbox: Sandbox) -> None:
    sandbox.delay = 0.5
    running = [process.start("token") for _ in range(3)]
    outputs = [each.communicate(timeout=TIMEOUT) for each in running]
    assert [each.returncode for each in running] == [0, 0, 0]
    assert len(set(outputs)) == 1
    assert sandbox.token_requests == 1


def test_as_a_header_it_can_be_piped_to_curl(command: Runner) -> None:
    bare = command("token").out
    assert command("token", "--header") == (0, f"Authorization: Bearer {bare}", "")


def test_as_json_it_has_type_scope_and_expiry(command: Runner) -> None:
    before = time.time()
    printed = json.loads(command("token", "--json").out)
    expires_at = datetime.fromisoformat(printed.pop("expires_at"))
    assert printed == {
        "access_token": command("token").out.strip(),
        "token_type": "Bearer",
        "scope": "api",
    }
    assert expires_at.tzinfo == UTC
    assert before + 3599 <= expires_at.timestamp() <= time.time() + 3599


def test_a_pasted_token_is_printed_as_a_request_would_carry_it(
    command: Runner, sandbox: Sandbox
) -> None:
    ran = command("token", "--json", **PASTED)
    assert json.loads(ran.out) == {
        "access_token": "ory_at_abc",
        "token_type": "Bearer",
        "scope": None,
        "expires_at": None,
    }
    assert sandbox.token_requests == 0


# -- how long it is valid --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "token_requests"),
    [([], 2), (["--min-validity", "20"], 1), (["--min-validity", "0"], 1)],
)
def test_a_token_that_expires_too_soon_is_renewed(
    arguments: Iterable[str],
    token_requests: int,
    command: Runner,
    sandbox: Sandbox,
    environment: dict[str, str],
) -> None:
    sandbox.lifetime = 30
    command("token")
    an_hour_ago = time.time() - 3600  # as if the token had been valid for an hour and 30 s
    (kept,) = Path(environment["BITQUERY_CACHE_DIR"]).glob("*.json")
    os.utime(kept, (an_hour_ago, an_hour_ago))
    sandbox.lifetime = 3600
    assert command("token", *arguments).code == 0
    assert sandbox.token_requests == token_requests


def test_tokens_that_are_never_valid_for_long_enough_cost_one_request_each(
    command: Runner, sandbox: Sandbox
) -> None:
    sandbox.lifetime = 30
    printed = [command("token").out for _ in range(3)]
    assert len(set(printed)) == 1
    assert sandbox.token_requests == 1


def test_a_token_of_unknown_expiry_is_kept(command: Runner, api: Origin) -> None:
    api.handler = answering(200, '{"access_token": "ory_at_abc", "token_type": "bearer"}')
    for _ in range(2):
        ran = command("token", BITQUERY_TOKEN_ENDPOINT=api.at("/token"))
        assert ran == (0, "ory_at_abc\n", "")
    assert len(api.requests) == 1


# -- errors ----------------------------------------------------------------------------------------


def test_wrong_credentials_end_with_3_and_name_their_variables(command: Runner) -> None:
    code, out, err = command("token", BITQUERY_CLIENT_SECRET="wrong-wrong")
    assert (code, out) == (3, "")
    assert err.startswith("bitquery-auth: 127.0.0.1:")
    assert "type Automatic" in err
    assert err.endswith("In the environment: BITQUERY_CLIENT_ID, BITQUERY_CLIENT_SECRET.\n")
    assert "wrong-wrong" not in err


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"outage": 429}, "429"),
        ({"outage": 503}, "503"),
        ({"outage": "drop"}, "bitquery-auth: No response from 127.0.0.1:"),
        ({"delay": 60}, "0.3"),
    ],
)
def test_a_token_endpoint_that_may_recover_ends_with_4(
    fault: dict[str, object], message: str, command: Runner, sandbox: Sandbox
) -> None:
    for name, value in fault.items():
        setattr(sandbox, name, value)
    code, out, err = command("token", "--timeout", "0.3" if "delay" in fault else "20")
    assert (code, out) == (4, "")
    assert message in err


def test_a_certificate_that_is_not_trusted_ends_with_4(at_bitquery: Runner) -> None:
    code, out, err = at_bitquery("token", REQUESTS_CA_BUNDLE=None, SSL_CERT_FILE=None)
    assert (code, out) == (4, "")
    assert "certificate" in err


# -- what it costs ---------------------------------------------------------------------------------


def test_a_kept_token_is_printed_without_the_libraries_of_a_request(
    process: Runner, command: Runner
) -> None:
    kept = command("token").out
    code = (
        "import sys; from bitquery_auth._cli import main; main(['token']); "
        "print(*sys.modules, file=sys.stderr)"
    )
    ran = process.run_python(code)
    assert (ran.code, ran.out) == (0, kept)
    unwanted = "argparse asyncio authlib filelock httpx pickle redis requests ssl urllib3"
    assert not set(unwanted.split()) & set(ran.err.split())


# -- revoke ----------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("variables", "code", "message"),
    [
        (PASTED, 2, "can only be revoked there"),
        (
            {"BITQUERY_REVOCATION_ENDPOINT": None},
            2,
            "In the environment: BITQUERY_REVOCATION_ENDPOINT.\n",
        ),
        ({"BITQUERY_REVOCATION_ENDPOINT": "http://127.0.0.1:1/revoke"}, 4, "No response"),
    ],
)
def test_a_token_that_could_not_be_revoked_is_kept(
    variables: dict[str, Any], code: int, message: str, command: Runner
) -> None:
    first = command("token").out
    ran = command("revoke", **variables)
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err
    assert command("token").out == first
