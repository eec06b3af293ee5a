"""dlt's REST client."""

from collections.abc import Callable

import pytest

from bitquery_auth import RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.needs import needs
from tests.integrations.snippets import run
from tests.integrations.story import Call, Story, counts
from tests.kit.origin import Handler, Origin, answering

needs("dlt.sources.helpers.rest_client", "dlt")

JSON = {"Content-Type": "application/json"}


class TestDltRestClient(Story):
    @pytest.fixture
    def call(self, requests_auth: RequestsAuth, api: Callable[[Handler], Origin]) -> Call:
        rest = api(answering(200, '{"ok": true}', **JSON))
        client = run("dlt", url=rest.at(), auth=requests_auth)["client"]

        def call() -> None:
            assert client.get("any").json() == {"ok": True}

        return call


def test_pages_go_on_over_a_revocation(
    sandbox: Sandbox, requests_auth: RequestsAuth, api: Callable[[Handler], Origin]
) -> None:
    rest = api(answering(200, "[1, 2]", **JSON))
    client = run("dlt", url=rest.at(), auth=requests_auth)["client"]
    from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator  # noqa: PLC0415 - installed, if here

    pages = client.paginate(
        "any", paginator=PageNumberPaginator(base_page=0, total_path=None, maximum_page=3)
    )
    seen = []
    for page in pages:
        seen += list(page)
        if len(seen) == 2:
            sandbox.revoke_all()
    assert seen == [1, 2] * 3
    assert counts(sandbox) == (2, 4, 1)
