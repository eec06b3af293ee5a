"""What an API's answer means for ``query``: one line that says what to do, and an exit code."""

from pathlib import Path

import pytest

from bitquery_auth._cli import api as api_module
from bitquery_auth.sandbox import Sandbox
from tests.cli.running import Command
from tests.kit.origin import Gate, Origin, answering

QUERY = "{ __typename }"


def test_a_401_that_stays_ends_with_3(command: Command, sandbox: Sandbox) -> None:
    sandbox.accept_nothing = True
    code, out, err = command("query", QUERY)
    assert (code, out) == (3, "")
    assert "answered 401: Unauthorized. The API refuses the token, a fresh one too" in err
    assert sandbox.token_requests == 2


def test_a_copied_token_that_is_refused_says_where_to_get_another(command: Command, sandbox: Sandbox) -> None:
    code, out, err = command("query", QUERY, BITQUERY_CLIENT_SECRET=None, BITQUERY_TOKEN="ory_at_old")
    assert (code, out, sandbox.api_requests) == (3, "", 1)
    assert "copy a new one" in err
    assert "ory_at_old" not in err


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (301, "give the final URL"),
        (402, "no points"),
        (403, "plan does not include"),
        (404, "check --endpoint"),
        (418, "answered 418"),
        (429, "wait, then try again"),
        (500, "answered 500"),
        (503, "answered 503"),
    ],
)
def test_another_status_ends_with_4(status: int, words: str, command: Command, api: Origin) -> None:
    api.handler = answering(status, "no more\n points.", Location="/elsewhere")
    code, out, err = command("query", QUERY, BITQUERY_ENDPOINT=api.at())
    assert (code, out, len(api.requests)) == (4, "", 1)
    assert err.startswith(f"bitquery-auth: {api.allowed_host} answered {status}: no more points.")
    assert words in err


def test_a_page_of_html_is_not_quoted(command: Command, api: Origin) -> None:
    api.handler = answering(500, "<html>lots</html>", **{"Content-Type": "text/html"})
    ran = command("query", QUERY, BITQUERY_ENDPOINT=api.at())
    assert ran == (4, "", f"bitquery-auth: {api.allowed_host} answered 500.\n")


def test_an_api_that_quotes_the_token_does_not_bring_it_to_the_screen(command: Command, api: Origin) -> None:
    """Hazard S5: a server's words may hold what was sent to it."""
    token = command("token").out.strip()
    api.handler = answering(400, f"bad {token} and ory_at_another \x1b[31m")
    code, _, err = command("query", QUERY, BITQUERY_ENDPOINT=api.at())
    assert (code, api.tokens) == (4, [token])
    assert err == f"bitquery-auth: {api.allowed_host} answered 400: bad <hidden> and <hidden>  [31m.\n"


def test_a_graphql_error_that_quotes_a_token_does_not_bring_it_to_stderr(command: Command, api: Origin) -> None:
    api.handler = answering(200, '{"errors": [{"message": "ory_at_abc is bad"}]}')
    assert "ory_at_" not in command("query", QUERY, BITQUERY_ENDPOINT=api.at()).err


def test_an_api_that_hangs_up_ends_with_4(command: Command, api: Origin) -> None:
    api.handler = lambda _: None
    code, out, err = command("query", QUERY, BITQUERY_ENDPOINT=api.at())
    assert (code, out) == (4, "")
    assert err.startswith(f"bitquery-auth: No answer from {api.allowed_host}: ")
    assert err.count("\n") == 1


def test_an_api_that_does_not_answer_in_time_ends_with_4(
    command: Command, sandbox: Sandbox, api: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("token")
    monkeypatch.setattr(api_module, "_TIMEOUT", 0.2)
    gate = Gate(sandbox)
    gate.close()
    api.handler = gate
    code, _, err = command("query", QUERY, BITQUERY_ENDPOINT=api.at())
    gate.open()
    assert (code, err) == (4, f"bitquery-auth: No answer from {api.allowed_host}: nothing within 0 s.\n")


def test_a_certificate_file_that_is_missing_is_named(command: Command, tmp_path: Path) -> None:
    command("token")
    missing = str(tmp_path / "missing.pem")
    code, _, err = command(
        "query", QUERY, "--endpoint", "https://streaming.bitquery.io/graphql", REQUESTS_CA_BUNDLE=missing
    )
    assert code == 4
    assert err.startswith("bitquery-auth: No answer from streaming.bitquery.io: ")
    assert missing in err


def test_no_token_for_the_query_ends_as_token_does(command: Command, sandbox: Sandbox) -> None:
    code, out, err = command("query", QUERY, BITQUERY_CLIENT_SECRET="wrong")
    assert (code, out, sandbox.api_requests) == (3, "", 0)
    assert "invalid_client" in err


def test_an_error_without_words_is_called_by_its_name(
    command: Command, api: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr("requests.Session.post", fail)
    assert command("query", QUERY).err.endswith(": OSError.\n")
