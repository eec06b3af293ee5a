"""``bitquery-auth check``: up to the step that fails, with what to do about it."""

import re
import time
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from bitquery_auth._cli import check as check_module
from bitquery_auth.sandbox import Sandbox
from tests.cli.runner import Runner
from tests.kit.origin import Origin, answering
from tests.kit.world import World

STEPS = ["configuration", "token", "API"]


def _steps(out: str) -> list[str]:
    return [line.partition(":")[0] for line in out.splitlines()]


def test_each_step_is_reported(at_bitquery: Runner, bitquery: World) -> None:
    code, out, err = at_bitquery("check")
    assert (code, err) == (0, "")
    configuration, token, api = out.splitlines()
    assert configuration.startswith("configuration: ClientCredentials(")
    assert configuration.endswith("), API https://streaming.bitquery.io/graphql")
    assert re.fullmatch(r"token:         received, valid for 35\d\d s, scope api", token)
    assert api == "API:           responded with HTTP 200"
    assert (bitquery.sandbox.token_requests, bitquery.sandbox.api_requests) == (1, 1)


def test_a_new_token_is_requested_even_if_one_is_kept(command: Runner, sandbox: Sandbox) -> None:
    command("token")
    assert command("check").code == 0
    assert sandbox.token_requests == 2


def test_only_the_api_can_tell_whether_a_pasted_token_is_valid(command: Runner) -> None:
    token = command("token").out.strip()
    code, out, _ = command("check", BITQUERY_CLIENT_ID=None, BITQUERY_TOKEN=token)
    assert (code, _steps(out)) == (0, STEPS)
    assert "token:         only the API can tell whether it is valid\n" in out


@pytest.mark.parametrize(("scope", "report"), [("api", "scope api"), (None, "without a scope")])
def test_a_token_without_expiry_or_scope_is_reported_so(
    scope: str | None, report: str, command: Runner, api: Origin
) -> None:
    api.handler = answering(200, '{"access_token": "ory_at_abc", "token_type": "bearer"}')
    endpoints = {"BITQUERY_TOKEN_ENDPOINT": api.at("/token"), "BITQUERY_ENDPOINT": api.at("/api")}
    code, out, _ = command("check", BITQUERY_SCOPE=scope, **endpoints)
    assert code == 0
    assert f"token:         received, {report}\n" in out


NO_CREDENTIALS = {"CLIENT_ID": None, "CLIENT_SECRET": None}
WRONG = {"CLIENT_SECRET": "sentinel"}
BASIC = {"token_endpoint_auth_method": "client_secret_basic"}
OTHER_API = "Set BITQUERY_ENDPOINT or --endpoint to the URL of the API"


@pytest.mark.parametrize(
    ("variables", "fault", "code", "step", "message"),
    [
        (NO_CREDENTIALS, {}, 2, "configuration", "Set BITQUERY_CLIENT_ID and BITQUERY_CLIENT_SEC"),
        ({"CLIENT_SECRET": None}, {}, 2, "configuration", "Automatic"),
        ({"CLIENT_SECRET": None, "TOKEN": "BQYsentinel"}, {}, 2, "configuration", "V1 key"),
        ({"ENDPOINT": "http://example.com/"}, {}, 2, "configuration", "--endpoint"),
        ({"ENDPOINT": None}, {}, 2, "configuration", OTHER_API),
        ({"ENDPOINT": "  "}, {}, 2, "configuration", OTHER_API),
        (WRONG, {}, 3, "token", "invalid_client"),
        (WRONG, {}, 3, "token", r": BITQUERY_CLIENT_ID, BITQUERY_CLIENT_SECRET\.$"),
        ({}, BASIC, 3, "token", r": BITQUERY_TOKEN_ENDPOINT_AUTH_METHOD\.$"),
        ({"SCOPE": "other"}, {}, 3, "token", r"In the environment: BITQUERY_SCOPE\.$"),
        ({}, {"outage": "drop"}, 4, "token", "No response from"),
        ({"CLIENT_ID": None, "TOKEN": "ory_at_sentinel"}, {}, 3, "API", "copy a new one"),
        ({}, {"accept_nothing": True}, 3, "API", "The API rejects a new token too"),
        ({"SCOPE": None}, {"required_scope": "api"}, 4, "API", "the token lacks a scope"),
        ({}, {"api_outage": "drop"}, 4, "API", "No response from"),
    ],
)
def test_the_step_that_fails_is_the_last_one_and_says_what_to_do(
    variables: dict[str, Any],
    fault: dict[str, Any],
    code: int,
    step: str,
    message: str,
    command: Runner,
    sandbox: Sandbox,
) -> None:
    for name, value in fault.items():
        setattr(sandbox, name, value)
    ran = command("check", **{f"BITQUERY_{name}": value for name, value in variables.items()})
    assert (ran.code, _steps(ran.out)) == (code, STEPS[: STEPS.index(step) + 1])
    last = ran.out.splitlines()[-1]
    assert re.search(f"FAILED: .*{message}", last)
    assert "sentinel" not in ran.out
    assert bool(sandbox.requests) == (step != "configuration")


@pytest.mark.parametrize(
    ("response", "code", "message"),
    [
        ((200, "<html>Welcome</html>"), 2, "responded with HTTP 200, but the body is not JSON."),
        ((204, ""), 2, "responded with HTTP 204, but the body is not JSON."),
        ((200, '{"errors": [{"message": "No such field."}]}'), 5, "errors: No such field."),
    ],
)
def test_a_response_that_is_no_success_of_graphql_fails_the_api(
    response: tuple[int, str], code: int, message: str, command: Runner, api: Origin
) -> None:
    api.handler = answering(*response)
    ran = command("check", "--endpoint", api.at())
    assert (ran.code, _steps(ran.out)) == (code, STEPS)
    assert message in ran.out.splitlines()[-1]


@pytest.mark.parametrize(("error", "direction"), [(3600, "ahead of"), (-3600, "behind")])
def test_a_clock_that_differs_from_the_servers_is_reported(
    error: int, direction: str, command: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(time=lambda: time.time() + error)
    monkeypatch.setattr(check_module, "time", clock)
    code, out, _ = command("check")
    assert (code, _steps(out)) == (0, ["configuration", "token", "clock", "API"])
    words = out.splitlines()[2].split()
    assert abs(int(words[1]) - 3600) <= 60
    assert " ".join(words[2:]) == f"s {direction} the server's: set it, or turn on NTP"


@pytest.mark.parametrize("date", [{}, {"Date": "soon"}])
def test_the_clock_is_not_compared_with_a_server_that_sends_no_date(
    date: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    response = requests.Response()
    response.headers.update(date)
    check_module._report_clock_error(response)
    assert capsys.readouterr().out == ""
