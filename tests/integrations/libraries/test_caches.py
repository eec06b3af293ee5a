"""Caches in front of an API: what they respond, and what they do to hooks and to 401s."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from bitquery_auth import HTTPXAuth, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.libraries.story import counts
from tests.kit import QUERY
from tests.kit.origin import Handler, Origin, answering

KEPT = {"Cache-Control": "public, max-age=3600", "Date": "Fri, 31 Dec 2100 00:00:00 GMT"}


def test_what_cachecontrol_responds_from_its_cache_reaches_no_server(
    requests_auth: RequestsAuth, sandbox: Sandbox, api: Callable[[Handler], Origin]
) -> None:
    cachecontrol = pytest.importorskip("cachecontrol")
    url = api(answering(200, "kept", **{"Cache-Control": "max-age=3600"})).at()
    with cachecontrol.CacheControl(requests.Session()) as session:
        session.auth = requests_auth
        assert [session.get(url, timeout=20).text for _ in range(3)] == ["kept"] * 3
    assert counts(sandbox) == (1, 1, 0)


def test_what_hishel_responds_from_its_cache_reaches_no_server(
    httpx_auth: HTTPXAuth,
    sandbox: Sandbox,
    api: Callable[[Handler], Origin],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hishel = pytest.importorskip("hishel.httpx")
    monkeypatch.chdir(tmp_path)  # its database is put there
    url = api(answering(200, "kept", **KEPT)).at()
    with hishel.CacheClient(auth=httpx_auth, rfc=True) as client:
        assert [client.get(url).text for _ in range(3)] == ["kept"] * 3
    assert counts(sandbox) == (1, 1, 0)


# -- requests-cache, which runs hooks twice -------------------------------------------------------


@contextmanager
def cached_session(auth: RequestsAuth, **options: Any) -> Iterator[requests.Session]:
    requests_cache = pytest.importorskip("requests_cache")
    with requests_cache.CachedSession(backend="memory", **options) as session:
        session.auth = auth
        yield session


def test_what_requests_cache_responds_from_its_cache_reaches_no_server(
    requests_auth: RequestsAuth, sandbox: Sandbox
) -> None:
    with cached_session(requests_auth) as session:
        responses = [session.get(sandbox.graphql_endpoint, timeout=20) for _ in range(3)]
    assert [response.status_code for response in responses] == [200] * 3
    assert counts(sandbox) == (1, 1, 0)


@pytest.mark.parametrize("options", [{}, {"allowable_codes": (200, 401)}])
def test_a_401_of_requests_cache_is_returned_whether_it_was_cached_or_not(
    requests_auth: RequestsAuth, sandbox: Sandbox, options: dict[str, Any]
) -> None:
    sandbox.accept_nothing = True
    with cached_session(requests_auth, **options) as session:
        for _ in range(3):
            assert session.get(sandbox.graphql_endpoint, timeout=20).status_code == 401
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
