"""dlt, which copies the configuration of a source and masks secrets in it."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from bitquery_auth import ClientCredentials, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.libraries.story import counts
from tests.kit.origin import Handler, Origin, answering

rest_client = pytest.importorskip("dlt.sources.helpers.rest_client")
JSON = {"Content-Type": "application/json"}


def test_pages_go_on_over_a_revocation(
    sandbox: Sandbox, requests_auth: RequestsAuth, api: Callable[[Handler], Origin]
) -> None:
    from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator

    url = api(answering(200, "[1, 2]", **JSON)).at()
    client = rest_client.RESTClient(base_url=url, auth=requests_auth)
    paginator = PageNumberPaginator(base_page=0, total_path=None, maximum_page=3)
    seen: list[Any] = []
    for page in client.paginate("any", paginator=paginator):
        seen += list(page)
        if len(seen) == 2:
            sandbox.revoke_all()
    assert seen == [1, 2] * 3
    assert counts(sandbox) == (2, 4, 1)


def test_it_is_an_auth_of_dlts_whose_copies_share_the_token(source: ClientCredentials) -> None:
    """Hazard P1. An auth that is falsy would lose to a netrc."""
    from dlt.sources.helpers.rest_client.auth import AuthConfigBase

    from bitquery_auth.integrations.dlt import DltAuth

    auth: Any = DltAuth(source, allowed_hosts=["127.0.0.1"])
    assert isinstance(auth, AuthConfigBase)
    assert auth
    assert auth.is_resolved()
    assert not list(auth)
    assert copy.deepcopy({"auth": auth})["auth"] is auth
    assert copy.copy(auth) is auth
    assert auth.copy() is auth
