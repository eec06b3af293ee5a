"""``bitquery-auth check``: step by step to what is wrong, in words that say how to mend it."""

import time

import pytest
import requests

from bitquery_auth._cli import check as check_module
from bitquery_auth.sandbox import Sandbox
from tests.cli.running import Command
from tests.kit.origin import Origin, answering
from tests.kit.world import World


def test_all_is_well(at_bitquery: Command, bitquery: World) -> None:
    code, out, err = at_bitquery("check")
    assert (code, err) == (0, "")
    assert out == (
        "configuration: client credentials, token endpoint https://oauth2.bitquery.io/oauth2/token; "
        "the API is at https://streaming.bitquery.io/graphql\n"
        "token:         received, good for 3599 s, scope api\n"
        "API:           answers 200\n"
    )
    assert (bitquery.sandbox.token_requests, bitquery.sandbox.api_requests) == (1, 1)


def test_it_asks_for_a_new_token_whatever_is_kept(command: Command, sandbox: Sandbox) -> None:
    command("token")
    assert command("check").code == 0
    assert sandbox.token_requests == 2


def _steps(out: str) -> list[str]:
    return [line.partition(":")[0] for line in out.splitlines()]


def _last(out: str) -> str:
    return out.splitlines()[-1]


def test_nothing_is_configured(command: Command) -> None:
    code, out, _ = command("check", BITQUERY_CLIENT_ID=None, BITQUERY_CLIENT_SECRET=None)
    assert (code, _steps(out)) == (2, ["configuration"])
    assert "Set BITQUERY_CLIENT_ID and BITQUERY_CLIENT_SECRET" in out


def test_a_manual_application_has_no_secret(command: Command) -> None:
    """The account page shows an id for every application, and a secret for those of type Automatic only."""
    code, out, _ = command("check", BITQUERY_CLIENT_SECRET=None)
    assert (code, _steps(out)) == (2, ["configuration"])
    assert "Set BITQUERY_CLIENT_SECRET" in out
    assert "Automatic" in out


def test_a_v1_key_is_told_from_a_token(command: Command) -> None:
    code, out, _ = command("check", BITQUERY_CLIENT_SECRET=None, BITQUERY_API_KEY="BQYabcdef")
    assert (code, _steps(out)) == (2, ["configuration"])
    assert "V1 key" in out
    assert "abcdef" not in out


def test_an_endpoint_that_a_token_may_not_go_to(command: Command, sandbox: Sandbox) -> None:
    code, out, _ = command("check", "--endpoint", "http://example.com/graphql")
    assert (code, _steps(out), sandbox.token_requests) == (2, ["configuration"], 0)


@pytest.mark.parametrize("endpoint", [None, "", "  "])
def test_another_server_whose_api_is_not_named(endpoint: str | None, command: Command, sandbox: Sandbox) -> None:
    """Hazard S2: its token would go to Bitquery."""
    code, out, _ = command("check", BITQUERY_ENDPOINT=endpoint)
    assert (code, _steps(out), sandbox.requests) == (2, ["configuration"], ())
    assert "BITQUERY_ENDPOINT) is required" in _last(out)


def test_a_wrong_secret(command: Command) -> None:
    code, out, _ = command("check", BITQUERY_CLIENT_SECRET="wrong-wrong")
    assert (code, _steps(out)) == (3, ["configuration", "token"])
    assert "invalid_client" in _last(out)
    assert _last(out).endswith("In the environment: BITQUERY_CLIENT_ID, BITQUERY_CLIENT_SECRET.")


def test_a_wrong_method_of_authentication_names_the_right_one(command: Command, sandbox: Sandbox) -> None:
    sandbox.token_endpoint_auth_method = "client_secret_basic"
    code, out, _ = command("check")
    assert (code, _steps(out)) == (3, ["configuration", "token"])
    assert _last(out).endswith(
        "Set token_endpoint_auth_method='client_secret_basic'. In the environment: BITQUERY_TOKEN_ENDPOINT_AUTH_METHOD."
    )
    assert command("check", BITQUERY_TOKEN_ENDPOINT_AUTH_METHOD="client_secret_basic").code == 0


def test_a_scope_that_the_application_may_not_have(command: Command) -> None:
    code, out, _ = command("check", BITQUERY_SCOPE="other")
    assert (code, _steps(out)) == (3, ["configuration", "token"])
    assert "invalid_scope" in _last(out)
    assert _last(out).endswith("In the environment: BITQUERY_SCOPE.")


def test_a_token_without_the_scope_that_the_api_wants(command: Command, sandbox: Sandbox) -> None:
    sandbox.required_scope = "api"
    code, out, _ = command("check", BITQUERY_SCOPE=None)
    assert (code, _steps(out)) == (4, ["configuration", "token", "API"])
    assert "received, good for 3599 s, without a scope" in out
    assert "the token lacks a scope" in _last(out)


def test_a_token_endpoint_that_does_not_answer(command: Command, sandbox: Sandbox) -> None:
    sandbox.outage = "drop"
    code, out, _ = command("check")
    assert (code, _steps(out)) == (4, ["configuration", "token"])
    assert "No answer from" in _last(out)


def test_a_token_endpoint_that_does_not_say_for_how_long(command: Command, api: Origin) -> None:
    api.handler = answering(200, '{"access_token": "ory_at_abc"}')
    code, out, _ = command("check", BITQUERY_TOKEN_ENDPOINT=api.at("/token"), BITQUERY_ENDPOINT=api.at("/graphql"))
    assert code == 0
    assert "received, it does not say for how long, scope api" in out


def test_an_api_that_does_not_answer(command: Command, api: Origin) -> None:
    api.handler = lambda _: None
    code, out, _ = command("check", "--endpoint", api.at())
    assert (code, _steps(out)) == (4, ["configuration", "token", "API"])
    assert "No answer from" in _last(out)


@pytest.mark.parametrize(("status", "body"), [(200, "<html>Welcome</html>"), (200, ""), (204, ""), (200, "{")])
def test_a_url_where_no_graphql_is(status: int, body: str, command: Command, api: Origin) -> None:
    api.handler = answering(status, body)
    code, out, _ = command("check", "--endpoint", api.at())
    assert (code, _steps(out)) == (2, ["configuration", "token", "API"])
    assert _last(out).endswith(
        f"wrong. {api.allowed_host} answered {status} with what is no JSON: is that a GraphQL URL?"
    )


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ('[{"message": "No such field."}]', ": No such field."),
        ('[{"message": "ory_at_abc"}]', ": <hidden>."),
        ("[1]", "."),
    ],
)
def test_an_api_that_answers_with_graphql_errors(errors: str, words: str, command: Command, api: Origin) -> None:
    api.handler = answering(200, f'{{"data": null, "errors": {errors}}}')
    code, out, _ = command("check", "--endpoint", api.at())
    assert (code, _steps(out)) == (5, ["configuration", "token", "API"])
    assert _last(out).endswith(f"wrong. The answer has GraphQL errors{words}")


def test_an_api_that_refuses_every_token(command: Command, sandbox: Sandbox) -> None:
    sandbox.accept_nothing = True
    code, out, _ = command("check")
    assert (code, _steps(out)) == (3, ["configuration", "token", "API"])
    assert "a fresh one too" in _last(out)


def test_a_copied_token_is_judged_by_the_api(command: Command, sandbox: Sandbox) -> None:
    token = command("token").out.strip()
    code, out, _ = command("check", BITQUERY_CLIENT_SECRET=None, BITQUERY_TOKEN=token)
    assert (code, _last(out)) == (0, "API:           answers 200")
    assert "configuration: a token that was copied" in out


def test_a_copied_token_that_has_ended(command: Command) -> None:
    code, out, _ = command("check", BITQUERY_CLIENT_SECRET=None, BITQUERY_TOKEN="ory_at_old")
    assert (code, _steps(out)) == (3, ["configuration", "token", "API"])
    assert "copy a new one" in _last(out)


@pytest.mark.parametrize(("off", "words"), [(3600, "ahead"), (-3600, "behind")])
def test_a_clock_that_is_off_by_an_hour_is_told(
    off: int, words: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Off:
        @staticmethod
        def time() -> float:
            return time.time() + off

    monkeypatch.setattr(check_module, "time", Off)
    code, out, _ = command("check")
    assert (code, _steps(out)) == (0, ["configuration", "token", "clock", "API"])
    told = out.splitlines()[2]
    assert abs(int(told.split()[4]) - 3600) <= 60
    assert told.endswith(f" s {words}: set it right (NTP)")


@pytest.mark.parametrize("date", [{}, {"Date": "soon"}])
def test_a_server_that_does_not_say_the_time_is_not_held_to_it(date: dict[str, str]) -> None:
    response = requests.Response()
    response.headers.update(date)
    assert check_module._clock_skew(response) == 0
