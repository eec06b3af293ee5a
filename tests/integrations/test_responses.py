"""responses, with which people test what they build on requests."""

import requests

from bitquery_auth import RequestsAuth, StaticToken
from bitquery_auth.sandbox import Sandbox
from tests.integrations.needs import needs
from tests.integrations.snippets import run

responses = needs("responses", "responses")

URL = "https://streaming.bitquery.io/graphql"


def test_a_static_token_needs_no_server() -> None:
    given = run("responses", auth=RequestsAuth(StaticToken("test")))
    assert given["answer"].json() == {"data": {}}
    assert given["answer"].request.headers["Authorization"] == "Bearer test"


def test_a_refusal_that_is_mocked_is_answered(sandbox: Sandbox) -> None:
    auth = RequestsAuth(sandbox.credentials(), allowed_hosts=["streaming.bitquery.io"])
    with responses.RequestsMock() as mock:
        mock.add_passthru(sandbox.url)
        mock.post(URL, status=401)
        mock.post(URL, json={"data": {}})
        answer = requests.post(URL, json={}, auth=auth, timeout=20)
        shown = [
            call.request.headers["Authorization"] for call in mock.calls if call.request.url == URL
        ]
    assert answer.json() == {"data": {}}
    assert len(set(shown)) == 2
    assert sandbox.token_requests == 2
