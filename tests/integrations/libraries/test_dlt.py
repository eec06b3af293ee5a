"""dlt, which copies the configuration of a source and masks secrets in it."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bitquery_auth import RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.libraries.story import counts
from tests.kit.origin import Handler, Origin, answering

pytest.importorskip("dlt")
JSON = {"Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def _in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep dlt away from the files and the settings of this machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")


@pytest.fixture
def auth(sandbox: Sandbox) -> Any:
    from bitquery_auth.integrations.dlt import DltAuth

    return DltAuth(sandbox.credentials(), allowed_hosts=["127.0.0.1"])


def test_pages_go_on_over_a_revocation(
    sandbox: Sandbox, requests_auth: RequestsAuth, api: Callable[[Handler], Origin]
) -> None:
    from dlt.sources.helpers.rest_client import RESTClient
    from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator

    client = RESTClient(base_url=api(answering(200, "[1, 2]", **JSON)).at(), auth=requests_auth)
    paginator = PageNumberPaginator(base_page=0, total_path=None, maximum_page=3)
    seen: list[Any] = []
    for page in client.paginate("any", paginator=paginator):
        seen += list(page)
        if len(seen) == 2:
            sandbox.revoke_all()
    assert seen == [1, 2] * 3
    assert counts(sandbox) == (2, 4, 1)


def test_masking_of_secrets_leaves_the_auth_alone(
    auth: Any, sandbox: Sandbox, api: Callable[[Handler], Origin]
) -> None:
    """dlt checks every source that is made, and masks its secrets for the message."""
    from dlt.sources.rest_api import rest_api_source

    rows = api(answering(200, '[{"hash": "0x1"}]', **JSON))
    for _ in range(2):
        client: Any = {"base_url": rows.at(), "auth": auth, "paginator": "single_page"}
        assert len(list(rest_api_source({"client": client, "resources": ["transfers"]}))) == 1
    assert counts(sandbox) == (1, 2, 0)


def test_copies_share_the_token(auth: Any) -> None:
    """Hazard P1."""
    assert copy.deepcopy({"auth": auth})["auth"] is auth
    assert copy.copy(auth) is auth
    assert auth.copy() is auth


def test_it_is_an_auth_of_dlts_and_counts_as_set(auth: Any) -> None:
    """An auth that is falsy would lose to a netrc."""
    from dlt.sources.helpers.rest_client.auth import AuthConfigBase

    assert isinstance(auth, AuthConfigBase)
    assert auth
    assert auth.is_resolved()
    assert not list(auth)
