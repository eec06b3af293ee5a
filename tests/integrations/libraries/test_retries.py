"""Retries below the auth: they send the same token again, for a 503 and not for a 401."""

from collections.abc import Callable, Iterator

import httpx
import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from bitquery_auth import HTTPXAuth, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request, Response
from tests.integrations.libraries.story import check_story, counts
from tests.kit.origin import Handler, Origin


@pytest.fixture
def session(requests_auth: RequestsAuth) -> Iterator[requests.Session]:
    """A session that repeats a request for each status but 401."""
    retry = Retry(3, allowed_methods=None, status_forcelist=[502, 503, 504])
    with requests.Session() as session:
        session.auth = requests_auth
        session.mount("http://", HTTPAdapter(max_retries=retry))
        yield session


def test_a_session_with_retries_uses_one_token_and_another_after_a_revocation(
    session: requests.Session, sandbox: Sandbox
) -> None:
    check_story(
        lambda: session.get(sandbox.graphql_endpoint, timeout=20).raise_for_status(), sandbox
    )


def test_a_token_rejected_between_retries_of_urllib3_is_replaced(
    session: requests.Session, sandbox: Sandbox, api: Callable[[Handler], Origin]
) -> None:
    """Hazard E10."""

    def fail_twice(_: Request) -> Response:
        if sandbox.api_requests in {2, 3}:
            if sandbox.api_requests == 3:
                sandbox.revoke_all()
            return Response.text(503, "later")
        return Response.text(200, "done")

    url = api(fail_twice).at()
    assert session.post(url, data="q", timeout=20).text == "done"
    assert session.post(url, data="q", timeout=20).text == "done"  # 503, 503, 401, 200
    assert counts(sandbox) == (2, 5, 1)


def test_a_401_among_the_statuses_of_urllib3_never_reaches_the_auth(
    sandbox: Sandbox, requests_auth: RequestsAuth
) -> None:
    """Hazard E10. The next request without such retries recovers."""
    retry = Retry(2, allowed_methods=None, status_forcelist=[401])
    with requests.Session() as session:
        session.auth = requests_auth
        session.mount("http://", HTTPAdapter(max_retries=retry))
        assert session.get(sandbox.graphql_endpoint, timeout=20).status_code == 200
        sandbox.revoke_all()
        with pytest.raises(requests.exceptions.RetryError):
            session.get(sandbox.graphql_endpoint, timeout=20)
    assert counts(sandbox) == (1, 4, 3)
    response = requests.get(sandbox.graphql_endpoint, auth=requests_auth, timeout=20)
    assert response.status_code == 200
    assert sandbox.token_requests == 2


def test_a_token_rejected_between_retries_of_httpx_retries_is_replaced(
    httpx_auth: HTTPXAuth, sandbox: Sandbox, api: Callable[[Handler], Origin]
) -> None:
    """Hazard E10."""
    httpx_retries = pytest.importorskip("httpx_retries")

    def fail_once(_: Request) -> Response:
        if sandbox.api_requests == 2:
            sandbox.revoke_all()
            return Response(503, (("Retry-After", "0"),), b"later")
        return Response.text(200, "done")

    url = api(fail_once).at()
    retry = httpx_retries.Retry(total=3, status_forcelist=[502, 503])
    transport = httpx_retries.RetryTransport(retry=retry)
    with httpx.Client(auth=httpx_auth, transport=transport) as client:
        assert client.get(url).text == "done"
        assert client.get(url).text == "done"  # 503, 401, 200
    assert counts(sandbox) == (2, 4, 1)
