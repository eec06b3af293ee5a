"""The client that ariadne-codegen generates from a schema and the user's queries."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal

from bitquery_auth import HTTPXAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.needs import needs
from tests.integrations.snippets import run
from tests.integrations.story import Call, Story

needs("ariadne_codegen", "ariadne-codegen")

SCHEMA = """
type Query { EVM(network: Network!): EVM! }
enum Network { eth }
input Limit { count: Int! }
type EVM { DEXTrades(limit: Limit!): [Trade!]! }
type Trade { Transaction: Transaction! }
type Transaction { Hash: String! }
"""
QUERIES = (
    "query trades { EVM(network: eth) { DEXTrades(limit: {count: 3}) { Transaction { Hash } } } }"
)
SETTINGS = """
[tool.ariadne-codegen]
schema_path = "schema.graphql"
queries_path = "queries.graphql"
convert_to_snake_case = false
"""


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the generated package."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "schema.graphql").write_text(SCHEMA)
    (folder / "queries.graphql").write_text(QUERIES)
    (folder / "pyproject.toml").write_text(SETTINGS)
    command = [sys.executable, "-c", "from ariadne_codegen.main import main; main()"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return folder


class TestAriadneCodegen(Story):
    @pytest.fixture
    def call(
        self,
        generated: Path,
        sandbox: Sandbox,
        httpx_auth: HTTPXAuth,
        portal: BlockingPortal,
        monkeypatch: pytest.MonkeyPatch,
    ) -> Iterator[Call]:
        monkeypatch.syspath_prepend(generated)
        client = run("ariadne_codegen", url=sandbox.graphql_endpoint, auth=httpx_auth)["client"]

        def call() -> None:
            assert len(portal.call(client.trades).EVM.DEXTrades) == 3

        with portal.wrap_async_context_manager(client):
            yield call
