"""GraphQL queries: the sandbox's own data, responses of a test, and texts that are not GraphQL."""

import re
from pathlib import Path
from typing import Any

import graphql
import pytest

from bitquery_auth.sandbox import Sandbox
from tests.sandbox.calls import call_api, new_token, query

TRADES = """
query ($count: Int) {
  EVM(mempool: true, network: eth) {
    DEXTrades(limit: {count: $count}) {
      Block { Number Time }
      Transaction { Hash }
      Trade {
        Buy { Amount Currency { Name Symbol } Buyer }
        Sell { Amount Currency { Name } Buyer }
      }
    }
  }
}
"""
FRAGMENTS = '''
# a comment
{ EVM { first: Blocks(limit: {count: 2}) { ...Unknown ... on BlockItem { Block { Time } } } } }
fragment Unknown on BlockItem {
  ... @include(if: true) { Transfers(text: "}", more: """{""") { Amount } }
}
'''
BLOCKS = "{ EVM { Blocks(limit: {count: 2}) { Block { Number } } } }"


TIMES = ("2026-01-01T00:00:12Z", "2026-01-01T00:00:24Z")


def queries_in(path: str) -> list[str]:
    text = Path(__file__).parents[2].joinpath(path).read_text(encoding="utf-8")
    return sorted(set(re.findall(r"\{ EVM \{ [^'\"]+\}", text)))


def test_trades_have_the_fields_of_bitquerys_documentation_and_are_the_same_on_every_run(
    sandbox: Sandbox,
) -> None:
    few, many = (
        query(sandbox, TRADES, variables={"count": count})["data"]["EVM"]["DEXTrades"]
        for count in (5, 50)
    )
    assert many[:5] == few
    assert [trade["Block"]["Number"] for trade in few] == [1, 2, 3, 4, 5]
    assert len({trade["Transaction"]["Hash"] for trade in many}) == 50
    for trade in many:
        assert re.fullmatch("0x[0-9a-f]{64}", trade["Transaction"]["Hash"])
        buy, sell = trade["Trade"]["Buy"], trade["Trade"]["Sell"]
        assert min(float(buy["Amount"]), float(sell["Amount"])) > 0
        assert re.fullmatch("0x[0-9a-f]{40}", buy["Buyer"])
        assert buy["Currency"]["Name"] != sell["Currency"]["Name"]


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ("", 10),
        ("(where: {Block: {Time: {}}})", 10),
        ("( where: {x: [1, 2]}, limit:{offset: 5, count:7} )", 7),
        ("(limit: {count: 0})", 0),
        ("(limit: {count: $many})", 10),
        ("(limit: {count: $none})", 10),
        ("(limit: {count: 999999})", 10_000),
    ],
)
def test_the_limit_says_how_many_blocks_come(sandbox: Sandbox, arguments: str, count: int) -> None:
    blocks = f"Blocks{arguments} {{ Block {{ Number }} }}"
    text = f"{{ Other(limit: {{count: 2}}) {{ x }} EVM {{ {blocks} }} }}"
    assert len(query(sandbox, text, variables={"none": None})["data"]["EVM"]["Blocks"]) == count


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (BLOCKS, {"EVM": {"Blocks": [{"Block": {"Number": 1}}, {"Block": {"Number": 2}}]}}),
        ("query A @x(y: 1) { __typename }", {"__typename": "Query"}),
        ("mutation { kind: __typename @skip(if: true) }", {"kind": "Mutation"}),
        ("{ EVM { Transfers { Amount } } Solana { Blocks { Slot } } }", {"EVM": {}}),
        (FRAGMENTS, {"EVM": {"first": [{"Block": {"Time": time}} for time in TIMES]}}),
    ],
    ids=["a query", "a name and directives", "an alias", "unknown fields", "fragments"],
)
def test_data_has_the_fields_that_the_query_asks_for_and_the_sandbox_has(
    sandbox: Sandbox, text: str, data: dict[str, Any]
) -> None:
    assert query(sandbox, text) == {"data": data}


def test_operation_name_selects_the_operation(sandbox: Sandbox) -> None:
    text = "query A { a: __typename } query B { b: __typename }"
    assert query(sandbox, text, operationName="B") == {"data": {"b": "Query"}}
    assert query(sandbox, text)["data"] == {"a": "Query"}
    errors = query(sandbox, text, operationName="C")["errors"]
    assert errors == [{"message": "Unknown operation named 'C'."}]


@pytest.mark.parametrize("path", ["README.md", "bitquery_auth/_cli/arguments.py"])
def test_the_queries_of_the_documentation_get_data(sandbox: Sandbox, path: str) -> None:
    texts = queries_in(path)
    assert texts
    assert all(all(query(sandbox, text)["data"]["EVM"].values()) for text in texts)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("plain words", "expected a query, found 'plain'"),
        ("# a comment", "expected a query, found the end of the document"),
        ("{ EVM { Blocks { Block { Number } } }", "expected a name, found the end of the document"),
        ("{ EVM } }", "expected a query, found '}'"),
        ("{ }", "expected a name, found '}'"),
        ("query", "expected '{', found the end of the document"),
        ("{ EVM(limit: {count: 1) { x } }", "expected '}', found ')'"),
        ("{ EVM(limit: [1 { x }", "expected ']', found the end of the document"),
        ("fragment A { x }", "expected 'on', found '{'"),
        ('{ x(text: "open) }', "unexpected character '\"'"),
        ("{ … }", "unexpected character '…'"),
    ],
)
def test_a_text_that_is_not_graphql_gets_a_graphql_error(
    sandbox: Sandbox, text: str, message: str
) -> None:
    assert query(sandbox, text) == {"errors": [{"message": f"Syntax Error: {message}."}]}


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"{",
            b"\xff",
            b"[" * 100_000,
            b"[]",
            b"5",
            b"{}",
            b'{"query": " "}',
            b'{"query": 5}',
        ),
        b'{"query": "{ __typename }", "variables": [1]}',
        b'{"query": "{ __typename }", "operationName": ["a"]}',
    ],
)
def test_a_body_that_is_no_request_of_graphql_gets_a_graphql_error(
    sandbox: Sandbox, body: bytes
) -> None:
    response = call_api(sandbox, new_token(sandbox), "POST", data=body)
    assert response.status_code == 400
    assert response.json()["errors"][0]["message"]


def test_introspection_gets_a_schema_by_which_the_sandboxs_data_are_valid(
    sandbox: Sandbox,
) -> None:
    result = query(sandbox, graphql.get_introspection_query(input_value_deprecation=True))
    schema = graphql.build_client_schema(result["data"])
    assert graphql.validate_schema(schema) == []
    assert graphql.validate(schema, graphql.parse("subscription " + BLOCKS)) == []
    variables = {"count": 2}
    sent = query(sandbox, TRADES, variables=variables)["data"]
    by_schema = graphql.graphql_sync(schema, TRADES, sent, variable_values=variables)
    assert (by_schema.errors, by_schema.data) == (None, sent)


def test_a_mapping_or_a_function_provides_responses_to_queries(sandbox: Sandbox) -> None:
    def respond(text: str, variables: Any) -> dict[str, Any] | None:
        return {"data": {text: variables}} if variables else None

    own = {"data": {"EVM": None}, "errors": [{"message": "points limit exceeded"}]}
    sandbox.responses = {"Transfers": own}
    assert query(sandbox, "{ EVM { Transfers { Amount } } }") == own
    assert query(sandbox, "{ __typename }") == {"data": {"__typename": "Query"}}
    sandbox.responses = respond
    assert query(sandbox, "any text", variables={"a": 1}) == {"data": {"any text": {"a": 1}}}
    assert query(sandbox, "{ __typename }") == {"data": {"__typename": "Query"}}
