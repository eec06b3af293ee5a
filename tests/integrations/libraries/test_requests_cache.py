"""requests-cache, which runs hooks twice, and caches 401s and POSTs where it is told to."""

from typing import Any

import pytest
import requests

from bitquery_auth import RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.libraries.story import counts
from tests.kit import QUERY

requests_cache = pytest.importorskip("requests_cache")


@pytest.mark.parametrize("options", [{}, {"allowable_codes": (200, 401)}])
def test_a_401_of_requests_cache_is_returned_whether_it_was_cached_or_not(
    requests_auth: RequestsAuth, sandbox: Sandbox, options: dict[str, Any]
) -> None:
    sandbox.accept_nothing = True
    with requests_cache.CachedSession(backend="memory", **options) as session:
        session.auth = requests_auth
        for _ in range(3):
            assert session.get(sandbox.graphql_endpoint).status_code == 401
    assert sandbox.token_requests == 2
    assert sandbox.api_requests == (2 if options else 4)


def test_an_installed_cache_of_posts_keeps_no_token_request(
    sandbox: Sandbox, requests_auth: RequestsAuth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "Session", requests.Session)  # so that it is restored
    monkeypatch.setattr(requests.sessions, "Session", requests.sessions.Session)
    requests_cache.install_cache(backend="memory", allowable_methods=["GET", "POST"])
    try:
        for number in range(3):
            body = {**QUERY, "variables": {"number": number}}
            response = requests.post(
                sandbox.graphql_endpoint, json=body, auth=requests_auth, timeout=20
            )
            assert response.status_code == 200
            sandbox.revoke_all()
    finally:
        requests_cache.uninstall_cache()
    assert counts(sandbox) == (3, 5, 2)
