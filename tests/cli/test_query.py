"""``bitquery-auth query``: a query from the command line, and the server's own JSON on stdout."""

import io
import json
import os
import pty
import select
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitquery_auth._cli.query import indent_json
from bitquery_auth.sandbox import Sandbox
from tests.cli.runner import COMMAND, TIMEOUT, Runner
from tests.kit.examples import same_examples_in_every_run
from tests.kit.origin import Origin, answering
from tests.kit.world import World

QUERY = "{ EVM { DEXTrades(limit: {count: 2}) { Transaction { Hash } } } }"


def _sent_to(sandbox: Sandbox) -> list[dict[str, object]]:
    return [json.loads(each.body) for each in sandbox.requests if each.path == "/graphql"]


# -- the request -----------------------------------------------------------------------------------


def test_a_query_is_sent_to_bitquery_with_a_token(at_bitquery: Runner, bitquery: World) -> None:
    code, out, err = at_bitquery("query", QUERY)
    assert (code, err) == (0, "")
    assert len(json.loads(out)["data"]["EVM"]["DEXTrades"]) == 2
    assert bitquery.connects == ["oauth2.bitquery.io:443", "streaming.bitquery.io:443"]


def test_the_certificates_of_ssl_cert_file_are_trusted(at_bitquery: Runner) -> None:
    assert at_bitquery("query", QUERY, REQUESTS_CA_BUNDLE=None).code == 0


def test_a_second_query_uses_the_kept_token(command: Runner, sandbox: Sandbox) -> None:
    assert [command("query", QUERY).code for _ in range(2)] == [0, 0]
    assert (sandbox.token_requests, sandbox.api_requests) == (1, 2)


def test_a_kept_token_that_was_revoked_is_replaced_within_the_query(
    command: Runner, sandbox: Sandbox
) -> None:
    command("token")
    sandbox.revoke_all()
    assert command("query", QUERY).code == 0
    assert (sandbox.token_requests, sandbox.api_requests) == (2, 2)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_query_is_read_from_a_file(
    encoding: str, command: Runner, sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "query.graphql").write_text(f"# é\n{QUERY}", encoding=encoding)
    assert command("query", f"@{tmp_path / 'query.graphql'}").code == 0
    assert _sent_to(sandbox) == [{"query": f"# é\n{QUERY}"}]


def test_a_query_is_read_from_stdin(process: Runner, sandbox: Sandbox) -> None:
    assert process("query", "-", stdin=f"# é\n{QUERY}", PYTHONIOENCODING="ascii").code == 0
    assert _sent_to(sandbox) == [{"query": f"# é\n{QUERY}"}]


@pytest.mark.parametrize("argument", ['{"count": 3}', "@file", "-"])
def test_variables_are_sent(
    argument: str, command: Runner, sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "variables.json").write_text('{"count": 3}')
    argument = argument.replace("@file", f"@{tmp_path / 'variables.json'}")
    assert command("query", QUERY, "--variables", argument, stdin='{"count": 3}').code == 0
    assert _sent_to(sandbox) == [{"query": QUERY, "variables": {"count": 3}}]


def test_an_operation_is_named(command: Runner, sandbox: Sandbox) -> None:
    query = f"query Trades {QUERY} query Blocks {QUERY}"
    assert command("query", query, "--operation-name", "Blocks").code == 0
    assert _sent_to(sandbox) == [{"query": query, "operationName": "Blocks"}]


def test_variables_are_sent_as_they_were_written(command: Runner, api: Origin) -> None:
    variables = '{"b": 0.1234567890123456789, "a": 1e400, "c": [1.0, "\\u00e9é"]}'
    api.handler = answering(200, "{}")
    ran = command("query", QUERY, "--variables", variables, BITQUERY_ENDPOINT=api.at())
    assert ran.code == 0
    assert f'"variables": {variables}}}' in api.requests[0].body.decode()


def test_the_option_endpoint_wins_over_the_environment(command: Runner, api: Origin) -> None:
    api.handler = answering(200, '{"data": {}}')
    assert command("query", QUERY, "--endpoint", api.at("/eap")) == (0, '{"data": {}}', "")
    assert api.visits == ["POST /eap"]
    assert (api.tokens[0] or "").startswith("ory_at_")


# -- mistakes in the call --------------------------------------------------------------------------


def test_the_name_of_a_file_without_an_at_sign_is_asked_about(
    command: Runner, sandbox: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "trades.graphql"
    file.write_text(QUERY)
    code, _, err = command("query", str(file))
    assert (code, sandbox.requests) == (2, ())
    assert err.endswith(f"Did you mean @{file}?\n")


@pytest.mark.parametrize("query", ["", " ", "trades.graphql", "x" * 5000])
def test_text_that_is_not_graphql_is_not_sent(
    query: str, command: Runner, sandbox: Sandbox
) -> None:
    code, _, err = command("query", query)
    assert (code, sandbox.requests) == (2, ())
    assert err.startswith("bitquery-auth: QUERY must be a GraphQL query, such as '{ __typename }'.")


@pytest.mark.parametrize("variables", ["[1]", "{", "1", '"a"', "", '{"a": NaN}'])
def test_variables_that_are_not_a_json_object_are_not_sent(
    variables: str, command: Runner, sandbox: Sandbox
) -> None:
    code, out, err = command("query", QUERY, "--variables", variables)
    assert (code, out, sandbox.requests) == (2, "", ())
    assert err.startswith("bitquery-auth: --variables must be a JSON object, such as")


@pytest.mark.parametrize("option", ["QUERY", "--variables"])
def test_a_file_that_cannot_be_read_is_named(option: str, command: Runner, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    arguments = [f"@{missing}"] if option == "QUERY" else [QUERY, "--variables", f"@{missing}"]
    code, _, err = command("query", *arguments)
    assert code == 2
    assert err == f"bitquery-auth: {option}: cannot read {missing}: No such file or directory.\n"


def test_a_file_that_is_not_utf_8_is_named(command: Runner, tmp_path: Path) -> None:
    file = tmp_path / "query"
    file.write_bytes(QUERY.encode("utf-16"))
    code, _, err = command("query", f"@{file}")
    assert (code, err) == (2, f"bitquery-auth: QUERY must be UTF-8 text, which @{file} is not.\n")


def test_query_and_variables_cannot_both_come_from_stdin(command: Runner) -> None:
    code, _, err = command("query", "-", "--variables", "-")
    assert code == 2
    assert err == "bitquery-auth: Only one of QUERY and --variables can be read from stdin.\n"


# -- the response ----------------------------------------------------------------------------------

ODD_NUMBERS = '{"b": 0.1234567890123456789, "a": 1e400, "é": 1.0,\n\n"d": [], "c": "\\u00e9"}'


def test_a_pipe_receives_the_bytes_of_the_response(process: Runner, api: Origin) -> None:
    api.handler = answering(200, ODD_NUMBERS)
    assert process("query", QUERY, BITQUERY_ENDPOINT=api.at()) == (0, ODD_NUMBERS, "")


@pytest.mark.parametrize("encoding", ["ascii", "utf-16"])
def test_the_bytes_do_not_depend_on_the_encoding_of_stdout(
    encoding: str, process: Runner, api: Origin
) -> None:
    api.handler = answering(200, ODD_NUMBERS)
    ran = process("query", QUERY, BITQUERY_ENDPOINT=api.at(), PYTHONIOENCODING=encoding)
    assert ran == (0, ODD_NUMBERS, "")


@pytest.mark.parametrize("body", ["[]", "null", '"text"', '{"errors": []}', '{"errors": null}'])
def test_json_without_errors_is_a_success(body: str, command: Runner, api: Origin) -> None:
    api.handler = answering(200, body)
    assert command("query", QUERY, BITQUERY_ENDPOINT=api.at()) == (0, body, "")


def test_a_number_of_any_length_is_json(command: Runner, api: Origin) -> None:
    body = f'{{"data": {"9" * 10_000}}}'
    api.handler = answering(200, body)
    assert command("query", QUERY, BITQUERY_ENDPOINT=api.at()) == (0, body, "")


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        ('[{"message": "Unknown field."}, {"message": "More."}]', ": Unknown field."),
        ('[{"message": null}]', "."),
        ('["text"]', "."),
        ('{"message": "odd"}', "."),
    ],
)
def test_a_response_with_graphql_errors_is_printed_and_ends_with_5(
    errors: str, message: str, command: Runner, api: Origin
) -> None:
    body = f'{{"data": {{"partial": 1}}, "errors": {errors}}}'
    api.handler = answering(200, body)
    assert command("query", QUERY, BITQUERY_ENDPOINT=api.at()) == (
        5,
        body,
        f"bitquery-auth: The response has GraphQL errors{message}\n",
    )


@pytest.mark.parametrize("body", ["<html>", "", "{", b"\xff"])
def test_a_response_that_is_not_json_ends_with_2(
    body: str | bytes, command: Runner, api: Origin
) -> None:
    text = body.decode("latin-1") if isinstance(body, bytes) else body
    api.handler = answering(200, text)
    code, out, err = command("query", QUERY, BITQUERY_ENDPOINT=api.at())
    assert (code, out) == (2, "")
    assert err == (
        f"bitquery-auth: {api.allowed_host} responded with HTTP 200, but the body is not JSON. "
        "Check the URL: --endpoint, or BITQUERY_ENDPOINT.\n"
    )


# -- on a terminal ---------------------------------------------------------------------------------


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def test_json_is_laid_out_in_lines_only_on_a_terminal(
    command: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.responses = {"ok": {"data": [1.0, {}]}}
    assert command("query", "{ ok }").out.count("\n") == 0
    monkeypatch.setattr(io, "TextIOWrapper", _Terminal)
    assert command("query", "{ ok }").out == '{\n  "data": [\n    1.0,\n    {}\n  ]\n}\n'


def test_a_terminal_receives_the_json_in_lines(environment: dict[str, str], api: Origin) -> None:
    api.handler = answering(200, ODD_NUMBERS)
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [*COMMAND, "query", QUERY], env=environment | {"BITQUERY_ENDPOINT": api.at()}, stdout=theirs
    )
    os.close(theirs)
    assert _read_all(ours) == (
        '{\r\n  "b": 0.1234567890123456789,\r\n  "a": 1e400,\r\n  "é": 1.0,\r\n  "d": [],\r\n'
        '  "c": "\\u00e9"\r\n}\r\n'
    )
    assert running.wait(TIMEOUT) == 0


def _read_all(descriptor: int) -> str:
    data = b""
    with os.fdopen(descriptor, "rb", buffering=0) as terminal:
        while select.select([terminal], [], [], TIMEOUT)[0]:
            try:
                chunk = terminal.read(65536)
            except OSError:  # Linux reports so that the other end is closed.
                break
            if not chunk:
                break
            data += chunk
    return data.decode()


SCALARS = st.sampled_from(
    ["0", "-1.50", "1e400", "0.1234567890123456789", "true", "null", '"\\u00e9"', '"\\ud800\\""']
)
DOCUMENTS = st.recursive(
    SCALARS | st.sampled_from(["[]", "[ ]", "{}", "{\n\t}"]) | st.text().map(json.dumps),
    lambda inner: (
        st.lists(inner).map(lambda items: f"[{','.join(items)}]")
        | st.lists(st.tuples(st.text().map(json.dumps), inner)).map(
            lambda pairs: f"{{{', '.join(f'{key} :{value}' for key, value in pairs)}}}"
        )
    ),
)


@settings(same_examples_in_every_run, max_examples=50)
@given(DOCUMENTS)
def test_json_in_lines_has_the_same_numbers_strings_and_keys(document: str) -> None:
    indented = indent_json(document)
    assert _parsed(indented) == _parsed(document)
    assert [each for each in indented if not each.isspace()] == [
        each for each in document if not each.isspace()
    ]


def _parsed(text: str) -> object:
    """Return JSON with its numbers as text, its members in order, and duplicate keys."""
    return json.loads(text, object_pairs_hook=list, parse_int=str, parse_float=str)


def test_json_in_lines_is_indented_as_the_standard_library_does() -> None:
    document = {"a": [1, {"b": None}, [], {}], "c": {"d": "x"}}
    assert indent_json(json.dumps(document)) == json.dumps(document, indent=2)
