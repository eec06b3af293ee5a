"""Every library uses one token, and goes on with another one after a revocation."""

from collections.abc import Callable
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox import Sandbox
from tests.integrations.libraries.each_library import LIBRARIES
from tests.integrations.libraries.story import check_story
from tests.kit.origin import Handler, Origin

INSTALLED = [name for name, library in LIBRARIES.items() if library.is_installed]
AUTHS = {
    "requests": ("bitquery_auth", "RequestsAuth"),
    "httpx": ("bitquery_auth", "HTTPXAuth"),
    "aiohttp": ("bitquery_auth.integrations.aiohttp", "AiohttpAuth"),
    "dlt": ("bitquery_auth.integrations.dlt", "DltAuth"),
}


@pytest.mark.filterwarnings("default")  # the libraries' own warnings are not about us
@pytest.mark.parametrize("name", INSTALLED)
def test_a_library_uses_one_token_and_another_after_a_revocation(
    name: str, source: ClientCredentials, sandbox: Sandbox, api: Callable[[Handler], Origin]
) -> None:
    library = LIBRARIES[name]
    module, kind = AUTHS[library.auth]
    auth: Any = getattr(import_module(module), kind)(source, allowed_hosts=["127.0.0.1"])
    url = sandbox.graphql_endpoint if library.api is None else api(library.api).at(library.path)
    modules = map(import_module, library.modules)
    with contextmanager(library.use)(url, auth, *modules) as call:
        check_story(call, sandbox, requests_per_call=library.requests_per_call)
