"""``bitquery-auth query``: the query from wherever it is, the JSON of the answer on stdout, the rest as exit codes."""

import json
from pathlib import Path

import pytest

from bitquery_auth import ClientCredentials, StaticToken
from bitquery_auth._cli.surroundings import allowed_hosts, endpoint
from bitquery_auth.sandbox import Sandbox
from tests.cli.running import Command
from tests.kit.origin import Origin, answering
from tests.kit.world import World

QUERY = "{ EVM { DEXTrades(limit: {count: 2}) { Transaction { Hash } } } }"


def _sent(sandbox: Sandbox) -> list[dict[str, object]]:
    return [json.loads(each.body) for each in sandbox.requests if each.path == "/graphql"]


def test_a_query_as_argument_prints_the_json_of_the_answer_in_one_line(at_bitquery: Command, bitquery: World) -> None:
    code, out, err = at_bitquery("query", QUERY)
    assert (code, err) == (0, "")
    assert len(json.loads(out)["data"]["EVM"]["DEXTrades"]) == 2
    assert out.count("\n") == 1
    assert bitquery.connects == ["oauth2.bitquery.io:443", "streaming.bitquery.io:443"]


def test_a_second_query_uses_the_kept_token(command: Command, sandbox: Sandbox) -> None:
    assert [command("query", QUERY).code for _ in range(2)] == [0, 0]
    assert (sandbox.token_requests, sandbox.api_requests) == (1, 2)


def test_a_kept_token_that_was_revoked_is_replaced_in_the_request(command: Command, sandbox: Sandbox) -> None:
    command("token")
    sandbox.revoke_all()
    assert command("query", QUERY).code == 0
    assert (sandbox.token_requests, sandbox.api_refusals) == (2, 1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_query_comes_from_a_file(encoding: str, command: Command, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "query.graphql").write_text(f"# é\n{QUERY}", encoding=encoding)
    assert command("query", f"@{tmp_path / 'query.graphql'}").code == 0
    assert _sent(sandbox) == [{"query": f"# é\n{QUERY}"}]


def test_a_query_comes_from_stdin(command: Command, sandbox: Sandbox) -> None:
    assert command("query", "-", stdin=QUERY).code == 0
    assert _sent(sandbox) == [{"query": QUERY}]


@pytest.mark.parametrize("given", ['{"count": 3}', "@file", "-"])
def test_variables_go_along(given: str, command: Command, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "variables.json").write_text('{"count": 3}')
    given = given.replace("@file", f"@{tmp_path / 'variables.json'}")
    assert command("query", QUERY, "--variables", given, stdin='{"count": 3}').code == 0
    assert _sent(sandbox) == [{"query": QUERY, "variables": {"count": 3}}]


@pytest.mark.parametrize("given", ["[1]", "{", "1", '"a"', ""])
def test_variables_that_are_no_json_object_end_with_2(given: str, command: Command, sandbox: Sandbox) -> None:
    code, out, err = command("query", QUERY, "--variables", given)
    assert (code, out) == (2, "")
    assert err.startswith("bitquery-auth: --variables must be a JSON object, such as '{\"count\": 10}'")
    assert (sandbox.token_requests, sandbox.api_requests) == (0, 0)


@pytest.mark.parametrize("option", ["QUERY", "--variables"])
def test_a_file_that_cannot_be_read_is_named(option: str, command: Command, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    arguments = [f"@{missing}"] if option == "QUERY" else [QUERY, "--variables", f"@{missing}"]
    code, _, err = command("query", *arguments)
    assert (code, err) == (2, f"bitquery-auth: {option}: {missing} cannot be read: No such file or directory.\n")


def test_a_file_that_is_no_text_is_named(command: Command, tmp_path: Path) -> None:
    (tmp_path / "query").write_bytes(QUERY.encode("utf-16"))
    code, _, err = command("query", f"@{tmp_path / 'query'}")
    assert (code, err) == (2, f"bitquery-auth: QUERY: {tmp_path / 'query'} cannot be read: it is no UTF-8 text.\n")


def test_a_blank_query_is_not_sent(command: Command, sandbox: Sandbox) -> None:
    code, _, err = command("query", "-", stdin=" \n")
    assert (code, sandbox.api_requests) == (2, 0)
    assert err.startswith("bitquery-auth: QUERY is blank")


def test_stdin_is_read_for_one_thing_only(command: Command) -> None:
    code, _, err = command("query", "-", "--variables", "-")
    assert (code, err) == (2, "bitquery-auth: Only one of QUERY and --variables can be read from stdin.\n")


def test_the_endpoint_of_the_call_wins_over_that_of_the_environment(command: Command, api: Origin) -> None:
    api.handler = answering(200, '{"data": {}}')
    assert command("query", QUERY, "--endpoint", api.at("/eap")) == (0, '{"data": {}}\n', "")
    assert api.visits == ["POST /eap"]
    assert (api.tokens[0] or "").startswith("ory_at_")


def test_an_endpoint_beyond_this_machine_must_be_https(command: Command, sandbox: Sandbox) -> None:
    code, _, err = command("query", QUERY, "--endpoint", "http://api.example.com/graphql")
    assert (code, sandbox.token_requests) == (2, 0)
    assert "--endpoint, BITQUERY_ENDPOINT" in err
    assert "must be https" in err


@pytest.mark.parametrize("endpoint", [None, "", "  "])
def test_another_servers_token_is_not_sent_to_bitquery(
    endpoint: str | None, command: Command, sandbox: Sandbox
) -> None:
    """Hazard S2: the API that it is for has to be named."""
    code, out, err = command("query", QUERY, BITQUERY_ENDPOINT=endpoint)
    assert (code, out, sandbox.requests) == (2, "", ())
    assert err.startswith("bitquery-auth: The endpoint (--endpoint, BITQUERY_ENDPOINT) is required")
    assert command("query", QUERY, "--endpoint", sandbox.graphql_endpoint, BITQUERY_ENDPOINT=endpoint).code == 0


def test_an_endpoint_need_not_be_named_for_bitquerys_own_tokens() -> None:
    for source in (ClientCredentials("id", "secret"), StaticToken("copied")):
        assert endpoint(None, source) == "https://streaming.bitquery.io/graphql"


def test_an_ipv6_endpoint_is_given_the_token() -> None:
    assert allowed_hosts("http://[::1]:8080/graphql") == ("[::1]:8080",)
    assert allowed_hosts("https://streaming.bitquery.io/graphql") == ("streaming.bitquery.io",)


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ('[{"message": "Unknown field."}, {"message": "More."}]', ": Unknown field."),
        ('[{"message": 1}]', "."),
        ('["text"]', "."),
        ('{"message": "odd"}', "."),
    ],
)
def test_graphql_errors_end_with_5_and_the_answer_is_printed(
    errors: str, words: str, command: Command, api: Origin
) -> None:
    api.handler = answering(200, f'{{"data": null, "errors": {errors}}}')
    code, out, err = command("query", QUERY, BITQUERY_ENDPOINT=api.at())
    assert code == 5
    assert json.loads(out)["errors"] == json.loads(errors)
    assert err == f"bitquery-auth: The answer has GraphQL errors{words}\n"


@pytest.mark.parametrize("body", ["[]", "null", '"text"', '{"errors": []}', '{"errors": null}'])
def test_json_without_errors_is_printed_whatever_it_is(body: str, command: Command, api: Origin) -> None:
    api.handler = answering(200, body)
    assert command("query", QUERY, BITQUERY_ENDPOINT=api.at()) == (0, f"{body}\n", "")


def test_an_answer_that_is_no_json_ends_with_2(command: Command, api: Origin) -> None:
    api.handler = answering(200, "<html>")
    code, out, err = command("query", QUERY, BITQUERY_ENDPOINT=api.at())
    assert (code, out) == (2, "")
    assert err == f"bitquery-auth: {api.allowed_host} answered 200 with what is no JSON: is that a GraphQL URL?\n"


def test_letters_beyond_ascii_stay_readable(command: Command, api: Origin) -> None:
    api.handler = answering(200, '{"data": "\\u00e9\\u20ac"}')
    assert command("query", QUERY, BITQUERY_ENDPOINT=api.at()).out == '{"data": "é€"}\n'


def test_half_a_surrogate_pair_is_escaped(command: Command, api: Origin) -> None:
    api.handler = answering(200, '{"data": "\\ud800"}')
    assert command("query", QUERY, BITQUERY_ENDPOINT=api.at()).out == '{"data": "\\ud800"}\n'


def test_where_stdout_knows_ascii_only_the_rest_is_escaped(at_bitquery: Command) -> None:
    code, out, err = at_bitquery("query", QUERY, PYTHONIOENCODING="ascii")
    assert (code, err) == (0, "")
    assert json.loads(out)
