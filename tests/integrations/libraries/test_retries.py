"""Retries below the auth: they send the same token again, for a 503 and not for a 401."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from bitquery_auth import HTTPXAuth, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request, Response
from tests.integrations.libraries.story import counts
from tests.kit.origin import Handler, Origin


def _urllib3(status: int = 503) -> requests.Session:
    session = requests.Session()
    retry = Retry(2, allowed_methods=None, status_forcelist=[status])
    session.mount("http://", HTTPAdapter(max_retries=retry))
    return session


def _httpx_retries() -> httpx.Client:
    library = pytest.importorskip("httpx_retries")
    retry = library.Retry(total=3, status_forcelist=[503])
    return httpx.Client(transport=library.RetryTransport(retry=retry))


@pytest.mark.parametrize("open_session", [_urllib3, _httpx_retries])
def test_a_token_that_is_rejected_between_retries_is_replaced(
    open_session: Callable[[], Any],
    requests_auth: RequestsAuth,
    httpx_auth: HTTPXAuth,
    sandbox: Sandbox,
    api: Callable[[Handler], Origin],
) -> None:
    """Hazard E10."""

    def fail_once(_: Request) -> Response:
        if sandbox.api_requests == 2:
            sandbox.revoke_all()
            return Response(503, (("Retry-After", "0"),), b"later")
        return Response.text(200, "done")

    url = api(fail_once).at()
    with open_session() as session:
        session.auth = requests_auth if open_session is _urllib3 else httpx_auth
        assert session.get(url).text == "done"
        assert session.get(url).text == "done"  # 503, 401, 200
    assert counts(sandbox) == (2, 4, 1)


def test_a_401_among_the_statuses_of_urllib3_never_reaches_the_auth(
    sandbox: Sandbox, requests_auth: RequestsAuth
) -> None:
    """Hazard E10. The next request without such retries recovers."""
    with _urllib3(401) as session:
        session.auth = requests_auth
        assert session.get(sandbox.graphql_endpoint, timeout=20).status_code == 200
        sandbox.revoke_all()
        with pytest.raises(requests.exceptions.RetryError):
            session.get(sandbox.graphql_endpoint, timeout=20)
    assert counts(sandbox) == (1, 4, 3)
    response = requests.get(sandbox.graphql_endpoint, auth=requests_auth, timeout=20)
    assert response.status_code == 200
    assert sandbox.token_requests == 2
