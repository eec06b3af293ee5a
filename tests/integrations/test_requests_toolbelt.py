"""requests-toolbelt: sessions with a base URL, and forms that are streamed."""

import io
from collections.abc import Iterator

import pytest
import requests

from bitquery_auth import RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.needs import needs
from tests.integrations.snippets import run
from tests.integrations.story import QUERY, Call, Story, counts

toolbelt = needs("requests_toolbelt", "requests-toolbelt")


@pytest.fixture
def session(sandbox: Sandbox, requests_auth: RequestsAuth) -> Iterator[requests.Session]:
    with run("requests_toolbelt", url=sandbox.url, auth=requests_auth)["session"] as session:
        yield session


class TestBaseUrlSession(Story):
    @pytest.fixture
    def call(self, session: requests.Session) -> Call:
        def call() -> None:
            response = session.post("/graphql", json={"query": QUERY}, timeout=20)
            assert len(response.json()["data"]["EVM"]["DEXTrades"]) == 3

        return call


def test_a_refused_streamed_form_is_handed_over_and_the_next_one_works(
    session: requests.Session, sandbox: Sandbox
) -> None:
    """Hazard R4: the encoder neither tells nor seeks; sent again it would be empty, and its reader wait for ever."""

    def send() -> int:
        form = toolbelt.MultipartEncoder({"file": ("a.txt", io.BytesIO(b"content"))})
        headers = {"Content-Type": form.content_type}
        return session.post("/graphql", data=form, headers=headers, timeout=20).status_code

    assert send() == 400  # the sandbox wants JSON of those it lets in
    sandbox.revoke_all()
    assert send() == 401
    assert send() == 400
    assert counts(sandbox) == (2, 3, 1)
    bodies = [each.body for each in sandbox.requests if each.path == "/graphql"]
    assert all(b"content" in body for body in bodies)
