"""dlt's rest_api source takes its own kind of auth only, copies its configuration, and masks secrets in it."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Response
from tests.integrations.needs import needs
from tests.integrations.story import Call, Story, counts
from tests.kit.origin import Handler, Origin

needs("dlt", "dlt")

from dlt.sources.helpers.rest_client.auth import AuthConfigBase  # noqa: E402
from dlt.sources.rest_api import rest_api_source  # noqa: E402

from bitquery_auth.integrations.dlt import DltAuth  # noqa: E402

ROWS = Response(200, (("Content-Type", "application/json"),), b'[{"hash": "0x1"}, {"hash": "0x2"}]')


@pytest.fixture(autouse=True)
def _in_its_own_folder(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What dlt writes, and what it looks up, is none of the machine's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")


@pytest.fixture
def auth(sandbox: Sandbox) -> DltAuth:
    return DltAuth(sandbox.credentials(), allowed_hosts=["127.0.0.1"])


@pytest.fixture
def rows(api: Callable[[Handler], Origin], auth: DltAuth) -> Callable[[], list[Any]]:
    """Read what a source gives."""
    origin = api(lambda _: ROWS)

    def read() -> list[Any]:
        client: Any = {"base_url": origin.at(), "auth": auth, "paginator": "single_page"}
        return list(rest_api_source({"client": client, "resources": ["transfers"]}))

    return read


class TestRestApi(Story):
    @pytest.fixture
    def call(self, rows: Callable[[], list[Any]]) -> Call:
        def read() -> None:
            assert [row["hash"] for row in rows()] == ["0x1", "0x2"]

        return read


def test_masking_leaves_the_live_auth_alone(
    rows: Callable[[], list[Any]], auth: DltAuth, sandbox: Sandbox
) -> None:
    """Every source that is made is checked, and for that its secrets are masked."""
    before = dict(vars(auth))
    for _ in range(2):
        rows()
    assert {
        name: value
        for name, value in vars(auth).items()
        if name not in {"_destinations", "_placed"}
    } == {name: value for name, value in before.items() if name not in {"_destinations", "_placed"}}
    assert counts(sandbox) == (1, 2, 0)


def test_copies_have_the_same_token(auth: DltAuth) -> None:
    """Hazard P1: dlt makes deep copies of configurations."""
    assert copy.deepcopy({"auth": auth})["auth"] is auth
    assert copy.copy(auth) is auth
    assert auth.copy() is auth


def test_it_is_one_of_dlts_that_counts_as_given(auth: DltAuth) -> None:
    """A falsy auth would lose to a netrc."""
    assert isinstance(auth, AuthConfigBase)
    assert auth
    assert auth.is_resolved()
    assert not list(auth)
    assert "secret" not in repr(auth).lower()
