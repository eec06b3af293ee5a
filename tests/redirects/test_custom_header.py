"""A header of another name carries the token as ``Authorization`` does.

httpx and httpx2 copy all headers but ``Authorization`` to the request that follows a redirect, so
the header that carries the token hides from that copy, and from nothing else.
"""

from typing import Any

import httpx
import httpx2
import pytest

from bitquery_auth import HTTPXAuth, StaticToken
from tests.hosts.conftest import TOKEN, CountingSource
from tests.kit.clients import HTTPX, Client, OpenClient, only
from tests.kit.origin import Origin, by_path, echo, redirecting
from tests.redirects.conftest import carried, rejecting_once, requiring_a_token

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


def test_it_is_sent_once(open_client: OpenClient, origin: Origin) -> None:
    client = open_client(StaticToken(TOKEN), header_name=NAME, scheme="")
    assert client.get(origin.at(), headers={NAME: "stale"}).status == 200
    (request,) = origin.requests
    assert [value for name, value in request.headers.pairs if name.lower() == NAME.lower()] == [
        TOKEN
    ]


def test_a_rejected_token_in_it_is_replaced(
    open_client: OpenClient, source: CountingSource, origin: Origin
) -> None:
    origin.handler = rejecting_once(echo)
    outcome = open_client(source, header_name=NAME).post(origin.at(), content=b"query")
    assert (outcome.status, outcome.history) == (200, (401,))
    first, second = [request.headers[NAME] for request in origin.requests]
    assert (first, second) == (f"Bearer {TOKEN}.0", f"Bearer {TOKEN}.1")


@only(HTTPX)
def test_other_headers_are_copied_by_a_redirect(
    kind: type[Client], open_client: OpenClient, source: CountingSource, origin: Origin
) -> None:
    origin.handler = by_path({"/old": redirecting(307, "/new"), "/new": requiring_a_token(echo)})
    client = open_client(source, header_name=NAME)
    assert client.get(origin.at("/old"), headers={"X-Trace": "mine"}).status == 200
    assert carried(origin) == [True, False, True]
    assert [request.headers["x-trace"] for request in origin.requests] == ["mine"] * 3
