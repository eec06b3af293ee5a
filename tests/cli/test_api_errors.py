"""What an error of the API means for ``query``: one line that says what to do, and an exit code."""

import time
from pathlib import Path

import pytest

from bitquery_auth.sandbox import Sandbox
from tests.cli.runner import Runner
from tests.kit.origin import Gate, Handler, Origin, answering

QUERY = "{ __typename }"
PASTED = {"BITQUERY_CLIENT_ID": None, "BITQUERY_TOKEN": "ory_at_old"}


@pytest.mark.parametrize(
    ("status", "exit_code", "hint"),
    [
        (301, 4, "to the final URL."),
        (402, 4, "The account has no points or no plan left: see account.bitquery.io."),
        (403, 4, "or the URL is wrong."),
        (404, 2, "Check the URL: --endpoint, or BITQUERY_ENDPOINT."),
        (418, 4, ""),
        (429, 4, "Too many requests in this minute: try again later."),
        (503, 4, ""),
    ],
)
def test_another_status_has_a_hint_and_an_exit_code(
    status: int, exit_code: int, hint: str, command: Runner, api: Origin
) -> None:
    api.handler = answering(status, "no more\n points.\n", Location="/elsewhere")
    code, out, err = command("query", QUERY, BITQUERY_ENDPOINT=api.at())
    assert (code, out, len(api.requests)) == (exit_code, "", 1)
    message = f"{api.allowed_host} responded with HTTP {status}: no more  points."
    assert err.startswith(f"bitquery-auth: {message}")
    assert err.endswith(f"{hint}\n")


@pytest.mark.parametrize(
    ("body", "content_type", "quoted"),
    [
        ('{"errors": [{"message": "too many requests"}]}', "text/plain", ": too many requests."),
        ("<html>lots</html>", "text/html", "."),
    ],
)
def test_the_message_of_a_graphql_error_is_quoted_and_a_web_page_is_not(
    body: str, content_type: str, quoted: str, command: Runner, api: Origin
) -> None:
    api.handler = answering(500, body, Content_Type=content_type)
    ran = command("query", QUERY, BITQUERY_ENDPOINT=api.at())
    assert ran == (4, "", f"bitquery-auth: {api.allowed_host} responded with HTTP 500{quoted}\n")


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    "body", ["bad {token} \x1b[31m", '{{"errors": [{{"message": "bad {token}"}}]}}']
)
def test_a_token_that_the_api_quotes_is_not_shown(
    status: int, body: str, command: Runner, api: Origin
) -> None:
    token = command("token").out.strip()
    api.handler = answering(status, body.format(token=token))
    err = command("query", QUERY, BITQUERY_ENDPOINT=api.at()).err
    assert token not in err
    assert "\x1b" not in err
    assert api.tokens == [token]


@pytest.mark.parametrize(
    ("handler", "reason"),
    [(lambda _: None, ""), (answering(200, "{}", Content_Encoding="gzip"), "gzip")],
    ids=["connection closed", "not decodable"],
)
def test_no_whole_response_ends_with_4(
    handler: Handler, reason: str, command: Runner, api: Origin
) -> None:
    api.handler = handler
    code, out, err = command("query", QUERY, BITQUERY_ENDPOINT=api.at())
    assert (code, out) == (4, "")
    assert err.startswith(f"bitquery-auth: No response from {api.allowed_host}: ")
    assert reason in err
    assert err.count("\n") == 1


def test_an_api_that_does_not_respond_in_time_ends_with_4(
    command: Runner, sandbox: Sandbox, api: Origin
) -> None:
    command("token")
    api.handler = gate = Gate(sandbox)
    gate.close()
    began = time.monotonic()
    code, _, err = command("query", QUERY, "--timeout", "0.2", BITQUERY_ENDPOINT=api.at())
    assert time.monotonic() - began < 15
    gate.open()
    reason = "nothing within 0.2 s (see --timeout)"
    assert (code, err) == (4, f"bitquery-auth: No response from {api.allowed_host}: {reason}.\n")


@pytest.mark.parametrize("host", ["127.0.0.1:1", "[::1]:1"])
def test_an_api_where_nothing_listens_is_reported_in_the_words_of_the_system(
    host: str, command: Runner
) -> None:
    code, _, err = command("query", QUERY, "--endpoint", f"https://{host}/", **PASTED)
    assert code == 4
    assert err.startswith(f"bitquery-auth: No response from {host}: [Errno ")


def test_a_certificate_file_that_is_missing_is_named(command: Runner, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.pem")
    at_bitquery = {"BITQUERY_ENDPOINT": None, "REQUESTS_CA_BUNDLE": missing}
    code, _, err = command("query", QUERY, **PASTED, **at_bitquery)
    assert code == 4
    assert err.startswith("bitquery-auth: No response from streaming.bitquery.io: ")
    assert missing in err


def test_a_query_for_which_there_is_no_token_is_not_sent(command: Runner, sandbox: Sandbox) -> None:
    code, out, err = command("query", QUERY, BITQUERY_CLIENT_SECRET="wrong")
    assert (code, out, sandbox.api_requests) == (3, "", 0)
    assert "invalid_client" in err
