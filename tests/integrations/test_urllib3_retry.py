"""urllib3's retries, which are below the auth: they send the same token again, for a 503 and not for a 401."""

from collections.abc import Callable, Iterator

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from bitquery_auth import RequestsAuth
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request, Response
from tests.integrations.snippets import run
from tests.integrations.story import QUERY, Call, Story, counts
from tests.kit.origin import Handler, Origin


@pytest.fixture
def session(requests_auth: RequestsAuth) -> Iterator[requests.Session]:
    with requests.Session() as session:
        run("urllib3_retry", session=session, auth=requests_auth)
        session.mount("http://", session.get_adapter("https://any"))  # loopback has no certificate
        yield session


class TestUrllib3Retry(Story):
    @pytest.fixture
    def call(self, session: requests.Session, sandbox: Sandbox) -> Call:
        def call() -> None:
            response = session.post(sandbox.graphql_endpoint, json={"query": QUERY}, timeout=20)
            assert len(response.json()["data"]["EVM"]["DEXTrades"]) == 3

        return call


def test_a_refusal_in_the_middle_of_retries_is_answered(
    session: requests.Session, sandbox: Sandbox, api: Callable[[Handler], Origin]
) -> None:
    """Hazard E10."""

    def failing_twice(_: Request) -> Response:
        if sandbox.api_requests in {2, 3}:
            if sandbox.api_requests == 3:
                sandbox.revoke_all()
            return Response.text(503, "later")
        return Response.text(200, "done")

    url = api(failing_twice).at()
    assert session.post(url, data="q", timeout=20).text == "done"
    assert session.post(url, data="q", timeout=20).text == "done"  # 503, 503, 401, and then 200
    assert counts(sandbox) == (2, 5, 1)


def test_a_401_among_the_retried_statuses_keeps_the_auth_from_seeing_it(
    sandbox: Sandbox, requests_auth: RequestsAuth
) -> None:
    """Hazard E10: pinned, as no auth can help it. The next request without such retries recovers."""
    with requests.Session() as session:
        session.auth = requests_auth
        session.mount(
            "http://",
            HTTPAdapter(max_retries=Retry(2, allowed_methods=None, status_forcelist=[401])),
        )
        assert session.get(sandbox.graphql_endpoint, timeout=20).status_code == 200
        sandbox.revoke_all()
        with pytest.raises(requests.exceptions.RetryError):
            session.get(sandbox.graphql_endpoint, timeout=20)
    assert counts(sandbox) == (1, 4, 3)
    assert requests.get(sandbox.graphql_endpoint, auth=requests_auth, timeout=20).status_code == 200
    assert sandbox.token_requests == 2
