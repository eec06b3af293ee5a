"""``bitquery-auth query``: a query from the command line, and the server's own JSON on stdout."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitquery_auth._cli.query import indent_json
from bitquery_auth.sandbox import Sandbox
from tests.cli.runner import Runner
from tests.kit.examples import same_examples_in_every_run
from tests.kit.origin import Origin, answering
from tests.kit.world import World

QUERY = "{ EVM { DEXTrades(limit: {count: 2}) { Transaction { Hash } } } }"


def _sent_to(sandbox: Sandbox) -> list[dict[str, object]]:
    return [json.loads(each.body) for each in sandbox.requests if each.path == "/graphql"]


# -- the request -----------------------------------------------------------------------------------


def test_a_query_is_sent_to_bitquery_with_a_token(at_bitquery: Runner, bitquery: World) -> None:
    """The certificates of SSL_CERT_FILE are trusted."""
    code, out, err = at_bitquery("query", QUERY, REQUESTS_CA_BUNDLE=None)
    assert (code, err) == (0, "")
    assert len(json.loads(out)["data"]["EVM"]["DEXTrades"]) == 2
    assert bitquery.connects == ["oauth2.bitquery.io:443", "streaming.bitquery.io:443"]


def test_a_query_uses_the_kept_token_unless_it_was_revoked(
    command: Runner, sandbox: Sandbox
) -> None:
    assert [command("query", QUERY).code for _ in range(2)] == [0, 0]
    assert (sandbox.token_requests, sandbox.api_requests) == (1, 2)
    sandbox.revoke_all()
    assert command("query", QUERY).code == 0
    assert (sandbox.token_requests, sandbox.api_requests) == (2, 4)


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


@pytest.mark.parametrize("argument", ["{}", "@file", "-"])
def test_variables_are_sent_as_they_were_written(
    argument: str, command: Runner, api: Origin, tmp_path: Path
) -> None:
    variables = '{"b": 0.1234567890123456789, "a": 1e400, "c": [1.0, "\\u00e9é"]}'
    (tmp_path / "file").write_text(variables, encoding="utf-8")
    argument = argument.replace("{}", variables).replace("file", str(tmp_path / "file"))
    api.handler = answering(200, "{}")
    options = ["--variables", argument, "--endpoint", api.at()]
    assert command("query", QUERY, *options, stdin=variables).code == 0
    assert f'"variables": {variables}}}' in api.requests[0].body.decode()


def test_an_operation_is_named(command: Runner, sandbox: Sandbox) -> None:
    query = f"query Trades {QUERY} query Blocks {QUERY}"
    assert command("query", query, "--operation-name", "Blocks").code == 0
    assert _sent_to(sandbox) == [{"query": query, "operationName": "Blocks"}]


def test_the_option_endpoint_wins_over_the_environment(command: Runner, api: Origin) -> None:
    api.handler = answering(200, '{"data": {}}')
    assert command("query", QUERY, "--endpoint", api.at("/eap")) == (0, '{"data": {}}', "")
    assert api.visits == ["POST /eap"]
    assert (api.tokens[0] or "").startswith("ory_at_")


# -- mistakes in the call --------------------------------------------------------------------------

_NOT_GRAPHQL = "QUERY must be a GraphQL query, such as '{ __typename }'. @FILE reads it"
_NOT_JSON = "--variables must be a JSON object, such as '{\"count\": 10}', @FILE or -."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["FOLDER/query"], "'{ __typename }'. Did you mean @FOLDER/query?"),
        *[([query], _NOT_GRAPHQL) for query in ("", "trades.graphql", "x" * 5000)],
        *[([QUERY, "--variables", text], _NOT_JSON) for text in ("[1]", "{", "", '{"a": NaN}')],
        (["@FOLDER/missing"], "QUERY: cannot read FOLDER/missing: No such file or directory."),
        ([QUERY, "--variables", "@FOLDER/missing"], "--variables: cannot read FOLDER/missing: "),
        (["@FOLDER/utf-16"], "QUERY must be UTF-8 text, which @FOLDER/utf-16 is not."),
        (["-", "--variables", "-"], "Only one of QUERY and --variables can be read from stdin."),
    ],
)
def test_a_mistake_in_the_call_ends_with_2_before_anything_is_sent(
    arguments: list[str], message: str, command: Runner, sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "query").write_text(QUERY)
    (tmp_path / "utf-16").write_bytes(QUERY.encode("utf-16"))
    arguments = [each.replace("FOLDER", str(tmp_path)) for each in arguments]
    code, out, err = command("query", *arguments)
    assert (code, out, sandbox.requests) == (2, "", ())
    assert err.startswith("bitquery-auth: ")
    assert message.replace("FOLDER", str(tmp_path)) in err


# -- the response ----------------------------------------------------------------------------------

ODD_NUMBERS = '{"b": 0.1234567890123456789, "a": 1e400, "é": 1.0,\n\n"d": [], "c": "\\u00e9"}'


@pytest.mark.parametrize("encoding", ["ascii", "utf-16"])
def test_a_pipe_receives_the_bytes_of_the_response_whatever_its_encoding(
    encoding: str, process: Runner, api: Origin
) -> None:
    api.handler = answering(200, ODD_NUMBERS)
    ran = process("query", QUERY, BITQUERY_ENDPOINT=api.at(), PYTHONIOENCODING=encoding)
    assert ran == (0, ODD_NUMBERS, "")


@pytest.mark.parametrize(
    "body",
    ["[]", "null", '"text"', '{"errors": []}', '{"errors": null}', f'{{"a": {"9" * 10_000}}}'],
    ids=lambda body: body[:20],
)
def test_json_without_errors_is_a_success(body: str, command: Runner, api: Origin) -> None:
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
    error = f"bitquery-auth: The response has GraphQL errors{message}\n"
    assert command("query", QUERY, BITQUERY_ENDPOINT=api.at()) == (5, body, error)


@pytest.mark.parametrize("body", ["<html>", "", "{", b"\xff"])
def test_a_response_that_is_not_json_ends_with_2(
    body: str | bytes, command: Runner, api: Origin
) -> None:
    api.handler = answering(200, body)
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


def test_json_is_laid_out_in_lines_on_a_terminal(
    command: Runner, api: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.handler = answering(200, ODD_NUMBERS)
    monkeypatch.setattr(io, "TextIOWrapper", _Terminal)
    assert command("query", QUERY, BITQUERY_ENDPOINT=api.at()).out == (
        '{\n  "b": 0.1234567890123456789,\n  "a": 1e400,\n  "é": 1.0,\n  "d": [],\n'
        '  "c": "\\u00e9"\n}\n'
    )


TEXTS = st.text(max_size=5).map(json.dumps)
ATOMS = ["-1.50", "1e400", "null", '"\\u00e9"', '"\\ud800\\""', "[ ]", "{\n\t}"]
DOCUMENTS = st.recursive(
    st.sampled_from(ATOMS) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
        | st.lists(st.tuples(TEXTS, inner), max_size=3).map(
            lambda pairs: f"{{{', '.join(f'{key} :{value}' for key, value in pairs)}}}"
        )
    ),
    max_leaves=8,
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
