"""pandas and polars take headers or bytes, and no auth: the token is put there for each read."""

import io
import urllib.error
from collections.abc import Callable
from typing import Any

import pytest
import requests

from bitquery_auth import ClientCredentials, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Response
from tests.integrations.needs import needs
from tests.integrations.story import Call, Story, counts
from tests.kit.origin import Handler, Origin

JSON = Response(200, (("Content-Type", "application/json"),), b'[{"hash": "0x1"}, {"hash": "0x2"}]')


@pytest.fixture
def url(api: Callable[[Handler], Origin]) -> str:
    return api(lambda _: JSON).at()


class TestPandas:
    """``storage_options`` are headers; after a 401 the source is told, and the next read works."""

    @pytest.fixture
    def read(self, url: str, source: ClientCredentials) -> Callable[[], Any]:
        pandas = needs_here("pandas")

        def read() -> Any:
            headers = {"Authorization": f"Bearer {source.token().access_token}"}
            return pandas.read_json(url, storage_options=headers)

        return read

    def test_reads_use_one_token(self, read: Callable[[], Any], sandbox: Sandbox) -> None:
        for _ in range(3):
            assert list(read()["hash"]) == ["0x1", "0x2"]
        assert counts(sandbox) == (1, 3, 0)

    def test_after_a_refusal_the_source_is_told(
        self, read: Callable[[], Any], source: ClientCredentials, sandbox: Sandbox
    ) -> None:
        read()
        sandbox.revoke_all()
        with pytest.raises(urllib.error.HTTPError, match="401"):
            read()
        source.renew()
        assert len(read()) == 2
        assert counts(sandbox) == (2, 3, 1)


@pytest.mark.parametrize("call", ["pandas", "polars"], indirect=True)
class TestBytesOfASession(Story):
    """Either reads what a session has fetched, which recovers by itself."""

    @pytest.fixture
    def call(self, request: pytest.FixtureRequest, url: str, requests_auth: RequestsAuth) -> Call:
        library = needs_here(request.param)

        def read() -> None:
            with requests.Session() as session:
                session.auth = requests_auth
                answer = session.get(url, timeout=20)
            answer.raise_for_status()
            assert list(library.read_json(io.BytesIO(answer.content))["hash"]) == ["0x1", "0x2"]

        return read


def needs_here(module: str) -> Any:
    """Give a library's module, or skip the test."""
    return needs(module, module)
