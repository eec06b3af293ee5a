"""Caches in front of an API: what they respond, and what they do to hooks and to 401s."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from bitquery_auth import HTTPXAuth, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.libraries.story import counts
from tests.kit import QUERY
from tests.kit.origin import Handler, Origin, answering

KEPT = {"Cache-Control": "public, max-age=3600", "Date": "Fri, 31 Dec 2100 00:00:00 GMT"}


def _cachecontrol() -> Any:
    return pytest.importorskip("cachecontrol").CacheControl(requests.Session())


def _hishel() -> Any:
    return pytest.importorskip("hishel.httpx").CacheClient(rfc=True)


def _requests_cache(**options: Any) -> Any:
    return pytest.importorskip("requests_cache").CachedSession(backend="memory", **options)


@pytest.mark.parametrize("open_cache", [_cachecontrol, _hishel, _requests_cache])
def test_what_a_cache_responds_reaches_no_server(
    open_cache: Callable[[], Any],
    requests_auth: RequestsAuth,
    httpx_auth: HTTPXAuth,
    sandbox: Sandbox,
    api: Callable[[Handler], Origin],
) -> None:
    url = api(answering(200, "kept", **KEPT)).at()
    with open_cache() as session:
        session.auth = httpx_auth if open_cache is _hishel else requests_auth
        assert [session.get(url).text for _ in range(3)] == ["kept"] * 3
    assert counts(sandbox) == (1, 1, 0)


# -- requests-cache, which runs hooks twice -------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"allowable_codes": (200, 401)}])
def test_a_401_of_requests_cache_is_returned_whether_it_was_cached_or_not(
    requests_auth: RequestsAuth, sandbox: Sandbox, options: dict[str, Any]
) -> None:
    sandbox.accept_nothing = True
    with _requests_cache(**options) as session:
        session.auth = requests_auth
        for _ in range(3):
            assert session.get(sandbox.graphql_endpoint).status_code == 401
    assert sandbox.token_requests == 2
    assert sandbox.api_requests == (2 if options else 4)


def test_an_installed_cache_of_posts_keeps_no_token_request(
    sandbox: Sandbox, requests_auth: RequestsAuth, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests_cache = pytest.importorskip("requests_cache")
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
