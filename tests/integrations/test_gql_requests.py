"""gql over requests, uploads included."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from bitquery_auth import RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.needs import needs
from tests.integrations.snippets import run
from tests.integrations.story import QUERY, Call, Story, counts
from tests.kit.origin import Handler, Origin, answering

gql = needs("gql", "gql[requests]")
needs("gql.transport.requests", "gql[requests]")


class TestGqlOverRequests(Story):
    @pytest.fixture
    def call(self, sandbox: Sandbox, requests_auth: RequestsAuth) -> Call:
        client = run("gql_requests", url=sandbox.graphql_endpoint, auth=requests_auth)["client"]

        def call() -> None:
            assert len(client.execute(gql.gql(QUERY))["EVM"]["DEXTrades"]) == 3

        return call


def test_a_refused_upload_is_handed_over_and_the_next_one_works(
    sandbox: Sandbox, requests_auth: RequestsAuth, api: Callable[[Handler], Origin]
) -> None:
    """Hazard R4: gql streams uploads, and what is streamed cannot be sent again."""
    from gql.transport.exceptions import TransportServerError  # noqa: PLC0415 - installed, if it comes here

    uploads = api(answering(200, '{"data": {"ok": true}}', **{"Content-Type": "application/json"}))
    client = run("gql_requests", url=uploads.at(), auth=requests_auth)["client"]

    def upload() -> Any:
        mutation = gql.gql("mutation ($file: Upload!) { keep(file: $file) }")
        mutation.variable_values = {"file": gql.FileVar(io.BytesIO(b"content"), filename="a.txt")}
        return client.execute(mutation, upload_files=True)

    upload()
    sandbox.revoke_all()
    with pytest.raises(TransportServerError) as raised:
        upload()
    assert raised.value.code == 401
    assert upload() == {"ok": True}
    assert counts(sandbox) == (2, 3, 1)
