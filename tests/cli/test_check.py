"""``bitquery-auth check``: up to the step that fails, with what to do about it."""

import time
from types import SimpleNamespace

import pytest
import requests

from bitquery_auth._cli import check as check_module
from bitquery_auth.sandbox import Sandbox
from tests.cli.runner import Finished, Runner
from tests.kit.origin import Origin, answering
from tests.kit.world import World


def _steps(ran: Finished) -> list[str]:
    return [line.partition(":")[0] for line in ran.out.splitlines()]


def _last(ran: Finished) -> str:
    return ran.out.splitlines()[-1]


def test_each_step_is_reported(at_bitquery: Runner, bitquery: World) -> None:
    code, out, err = at_bitquery("check")
    assert (code, err) == (0, "")
    configuration, token, api = out.splitlines()
    assert configuration.startswith("configuration: ClientCredentials(")
    assert configuration.endswith("), API https://streaming.bitquery.io/graphql")
    assert token == "token:         received, valid for 3599 s, scope api"
    assert api == "API:           responded with HTTP 200"
    assert (bitquery.sandbox.token_requests, bitquery.sandbox.api_requests) == (1, 1)


def test_a_new_token_is_requested_even_if_one_is_kept(command: Runner, sandbox: Sandbox) -> None:
    command("token")
    assert command("check").code == 0
    assert sandbox.token_requests == 2


# -- configuration ---------------------------------------------------------------------------------


def test_missing_credentials_are_named(command: Runner) -> None:
    ran = command("check", BITQUERY_CLIENT_ID=None, BITQUERY_CLIENT_SECRET=None)
    assert (ran.code, _steps(ran)) == (2, ["configuration"])
    assert "FAILED: Set BITQUERY_CLIENT_ID and BITQUERY_CLIENT_SECRET" in ran.out


def test_a_manual_application_has_no_secret(command: Runner) -> None:
    ran = command("check", BITQUERY_CLIENT_SECRET=None)
    assert (ran.code, _steps(ran)) == (2, ["configuration"])
    assert "FAILED: Set BITQUERY_CLIENT_SECRET" in ran.out
    assert "Automatic" in ran.out


@pytest.mark.parametrize("variable", ["BITQUERY_API_KEY", "BITQUERY_TOKEN"])
def test_a_v1_key_is_not_taken_for_a_token(variable: str, command: Runner) -> None:
    ran = command("check", BITQUERY_CLIENT_SECRET=None, **{variable: "BQYabcdef"})
    assert (ran.code, _steps(ran)) == (2, ["configuration"])
    assert "V1 key" in ran.out
    assert "abcdef" not in ran.out


def test_an_endpoint_over_http_beyond_loopback_is_not_used(
    command: Runner, sandbox: Sandbox
) -> None:
    ran = command("check", "--endpoint", "http://example.com/graphql")
    assert (ran.code, _steps(ran)) == (2, ["configuration"])
    assert sandbox.requests == ()


@pytest.mark.parametrize("endpoint", [None, "", "  "])
def test_the_api_of_another_servers_tokens_must_be_named(
    endpoint: str | None, command: Runner, sandbox: Sandbox
) -> None:
    ran = command("check", BITQUERY_ENDPOINT=endpoint)
    assert (ran.code, _steps(ran), sandbox.requests) == (2, ["configuration"], ())
    assert "FAILED: Set BITQUERY_ENDPOINT or --endpoint to the URL of the API" in _last(ran)


# -- token -----------------------------------------------------------------------------------------


def test_a_wrong_secret_names_the_variables(command: Runner) -> None:
    ran = command("check", BITQUERY_CLIENT_SECRET="wrong-wrong")
    assert (ran.code, _steps(ran)) == (3, ["configuration", "token"])
    assert "FAILED: " in _last(ran)
    assert "invalid_client" in _last(ran)
    assert _last(ran).endswith("In the environment: BITQUERY_CLIENT_ID, BITQUERY_CLIENT_SECRET.")


def test_a_wrong_authentication_method_names_the_right_one(
    command: Runner, sandbox: Sandbox
) -> None:
    sandbox.token_endpoint_auth_method = "client_secret_basic"
    ran = command("check")
    assert (ran.code, _steps(ran)) == (3, ["configuration", "token"])
    assert "client_secret_basic" in _last(ran)
    assert _last(ran).endswith("In the environment: BITQUERY_TOKEN_ENDPOINT_AUTH_METHOD.")
    basic = "client_secret_basic"
    assert command("check", BITQUERY_TOKEN_ENDPOINT_AUTH_METHOD=basic).code == 0


def test_a_scope_that_the_application_may_not_have_is_named(command: Runner) -> None:
    ran = command("check", BITQUERY_SCOPE="other")
    assert (ran.code, _steps(ran)) == (3, ["configuration", "token"])
    assert "invalid_scope" in _last(ran)
    assert _last(ran).endswith("In the environment: BITQUERY_SCOPE.")


def test_a_token_endpoint_that_does_not_respond_ends_with_4(
    command: Runner, sandbox: Sandbox
) -> None:
    sandbox.outage = "drop"
    ran = command("check")
    assert (ran.code, _steps(ran)) == (4, ["configuration", "token"])
    assert "FAILED: No response from" in _last(ran)


def test_a_token_of_unknown_expiry_is_reported_without_it(command: Runner, api: Origin) -> None:
    api.handler = answering(200, '{"access_token": "ory_at_abc", "token_type": "bearer"}')
    endpoints = {"BITQUERY_TOKEN_ENDPOINT": api.at("/token"), "BITQUERY_ENDPOINT": api.at("/api")}
    ran = command("check", **endpoints)
    assert ran.code == 0
    assert "token:         received, scope api\n" in ran.out


def test_only_the_api_can_tell_whether_a_pasted_token_is_valid(command: Runner) -> None:
    token = command("token").out.strip()
    ran = command("check", BITQUERY_CLIENT_ID=None, BITQUERY_TOKEN=token)
    assert (ran.code, _last(ran)) == (0, "API:           responded with HTTP 200")
    assert "token:         only the API can tell whether it is valid\n" in ran.out


# -- API -------------------------------------------------------------------------------------------


def test_a_pasted_token_that_has_expired_says_where_to_copy_another(command: Runner) -> None:
    ran = command("check", BITQUERY_CLIENT_ID=None, BITQUERY_TOKEN="ory_at_old")
    assert (ran.code, _steps(ran)) == (3, ["configuration", "token", "API"])
    assert "copy a new one" in _last(ran)


def test_an_api_that_rejects_every_token_ends_with_3(command: Runner, sandbox: Sandbox) -> None:
    sandbox.accept_nothing = True
    ran = command("check")
    assert (ran.code, _steps(ran)) == (3, ["configuration", "token", "API"])
    assert "The API rejects a new token too" in _last(ran)


def test_a_token_without_the_scope_that_the_api_requires_is_explained(
    command: Runner, sandbox: Sandbox
) -> None:
    sandbox.required_scope = "api"
    ran = command("check", BITQUERY_SCOPE=None)
    assert (ran.code, _steps(ran)) == (4, ["configuration", "token", "API"])
    assert "received, valid for 3599 s, without a scope" in ran.out
    assert "the token lacks a scope" in _last(ran)


def test_an_api_that_does_not_respond_ends_with_4(command: Runner, api: Origin) -> None:
    api.handler = lambda _: None
    ran = command("check", "--endpoint", api.at())
    assert (ran.code, _steps(ran)) == (4, ["configuration", "token", "API"])
    assert "FAILED: No response from" in _last(ran)


@pytest.mark.parametrize(("status", "body"), [(200, "<html>Welcome</html>"), (204, "")])
def test_a_url_that_is_not_graphql_ends_with_2(
    status: int, body: str, command: Runner, api: Origin
) -> None:
    api.handler = answering(status, body)
    ran = command("check", "--endpoint", api.at())
    assert (ran.code, _steps(ran)) == (2, ["configuration", "token", "API"])
    assert f"FAILED: {api.allowed_host} responded with HTTP {status}, but" in _last(ran)


def test_graphql_errors_end_with_5(command: Runner, api: Origin) -> None:
    api.handler = answering(200, '{"data": null, "errors": [{"message": "No such field."}]}')
    ran = command("check", "--endpoint", api.at())
    assert (ran.code, _steps(ran)) == (5, ["configuration", "token", "API"])
    assert _last(ran).endswith("FAILED: The response has GraphQL errors: No such field.")


@pytest.mark.parametrize(("error", "direction"), [(3600, "ahead of"), (-3600, "behind")])
def test_a_clock_that_differs_from_the_servers_is_reported(
    error: int, direction: str, command: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(time=lambda: time.time() + error)
    monkeypatch.setattr(check_module, "time", clock)
    ran = command("check")
    assert (ran.code, _steps(ran)) == (0, ["configuration", "token", "clock", "API"])
    words = ran.out.splitlines()[2].split()
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
