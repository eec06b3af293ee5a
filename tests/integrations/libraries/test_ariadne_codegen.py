"""The client that ariadne-codegen generates from a schema and from queries."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from anyio.from_thread import BlockingPortal

from bitquery_auth import HTTPXAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.libraries.story import check_story
from tests.kit import QUERY

pytest.importorskip("ariadne_codegen")

SCHEMA = """
type Query { EVM(network: Network!): EVM! }
enum Network { eth }
input Limit { count: Int! }
type EVM { DEXTrades(limit: Limit!): [Trade!]! }
type Trade { Transaction: Transaction! }
type Transaction { Hash: String! }
"""
SETTINGS = """
[tool.ariadne-codegen]
schema_path = "schema.graphql"
queries_path = "queries.graphql"
convert_to_snake_case = false
"""


def test_a_generated_client_uses_one_token_and_another_after_a_revocation(
    sandbox: Sandbox,
    httpx_auth: HTTPXAuth,
    portal: BlockingPortal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "schema.graphql").write_text(SCHEMA)
    (tmp_path / "queries.graphql").write_text(f"query trades {QUERY['query']}")
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    program = "from ariadne_codegen.main import main; main()"
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, timeout=60, check=True)
    monkeypatch.syspath_prepend(tmp_path)
    from graphql_client import Client

    client = Client(sandbox.graphql_endpoint, http_client=httpx.AsyncClient(auth=httpx_auth))

    def call() -> None:
        assert len(portal.call(client.trades).EVM.DEXTrades) == 3

    with portal.wrap_async_context_manager(client):
        check_story(call, sandbox)
