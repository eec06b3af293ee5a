"""A header of another name hides from the copy that httpx makes for a redirect, and nowhere else.

httpx and httpx2 copy all headers but ``Authorization`` to the request that follows a redirect.
"""

from typing import Any

import httpx
import httpx2
import pytest

from bitquery_auth import HTTPXAuth, StaticToken
from tests.kit.clients import HTTPX, OpenClient, only
from tests.kit.origin import Origin, by_path, echo, redirecting
from tests.kit.tokens import TOKEN, CountingSource
from tests.redirects.conftest import carried, requiring_a_token

NAME = "X-API-Key"


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_a_transport_may_change_and_delete_it(module: Any) -> None:
    def transport(request: Any) -> Any:
        assert request.headers[NAME] == TOKEN
        request.headers[NAME] = "signed"
        assert request.headers.get_list(NAME) == ["signed"]
        del request.headers[NAME]
        assert (NAME in request.headers, NAME.lower() in dict(request.headers)) == (False, False)
        return module.Response(200)

    auth = HTTPXAuth(StaticToken(TOKEN), allowed_hosts=["localhost"], header_name=NAME, scheme="")
    with module.Client(transport=module.MockTransport(transport), auth=auth) as client:
        assert client.get("http://localhost/").status_code == 200


@only(HTTPX)
def test_other_headers_are_copied_by_a_redirect(
    open_client: OpenClient, source: CountingSource, origin: Origin
) -> None:
    origin.handler = by_path({"/old": redirecting(307, "/new"), "/new": requiring_a_token(echo)})
    client = open_client(source, header_name=NAME)
    assert client.get(origin.at("/old"), headers={"X-Trace": "mine"}).status == 200
    assert carried(origin) == [True, False, True]
    assert [request.headers["x-trace"] for request in origin.requests] == ["mine"] * 3
