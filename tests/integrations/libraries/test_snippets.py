"""Every library uses one token, and goes on with another one after a revocation."""

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox import Sandbox
from tests.integrations.libraries.snippets import SNIPPETS, Snippet
from tests.integrations.libraries.story import check_story
from tests.kit.origin import Handler, Origin

INSTALLED = [name for name, snippet in SNIPPETS.items() if snippet.is_installed]


@pytest.fixture(params=INSTALLED)
def snippet(request: pytest.FixtureRequest) -> Snippet:
    return SNIPPETS[request.param]


@pytest.fixture
def auth(snippet: Snippet, source: ClientCredentials) -> Any:
    return auth_of(snippet.auth)(source, allowed_hosts=("127.0.0.1",))


def auth_of(kind: str) -> Any:
    """Return the class of an auth; its library is installed where a snippet's is."""
    import bitquery_auth

    if kind == "aiohttp":
        from bitquery_auth.integrations.aiohttp import AiohttpAuth

        return AiohttpAuth
    if kind == "dlt":
        from bitquery_auth.integrations.dlt import DltAuth

        return DltAuth
    return {"requests": bitquery_auth.RequestsAuth, "httpx": bitquery_auth.HTTPXAuth}[kind]


@pytest.mark.filterwarnings("default")  # the libraries' own warnings are not about us
def test_a_library_uses_one_token_and_another_after_a_revocation(
    snippet: Snippet, auth: Any, sandbox: Sandbox, api: Callable[[Handler], Origin]
) -> None:
    url = sandbox.graphql_endpoint if snippet.api is None else api(snippet.api).at(snippet.path)
    with contextmanager(snippet.uses)(url, auth) as call:
        check_story(call, sandbox, requests_per_call=snippet.requests_per_call)
