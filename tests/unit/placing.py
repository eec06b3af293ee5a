"""What each client makes of a URL, without sending: the host it would connect to, and the token it would carry."""

from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import httpx2
import requests

from bitquery_auth import HTTPXAuth, RequestsAuth, StaticToken

TOKEN = "the-token"


class Placed(NamedTuple):
    """What would be sent."""

    url: str
    header: str | None


def _text(value: str | bytes | None) -> str | None:
    return value.decode() if isinstance(value, bytes) else value


def by_requests(url: str, **settings: Any) -> Placed:
    auth = RequestsAuth(StaticToken(TOKEN), **settings)
    prepared = requests.Request("GET", url, auth=auth).prepare()
    return Placed(str(prepared.url), _text(prepared.headers.get("Authorization")))


def _by(module: Any) -> Callable[..., Placed]:
    def place(url: str, **settings: Any) -> Placed:
        flow = HTTPXAuth(StaticToken(TOKEN), **settings).sync_auth_flow(module.Request("GET", url))
        request = next(flow)
        flow.close()
        return Placed(str(request.url), request.headers.get("Authorization"))

    return place


PLACERS: dict[str, Callable[..., Placed]] = {
    "requests": by_requests,
    "httpx": _by(httpx),
    "httpx2": _by(httpx2),
}

BAD_URL = (requests.exceptions.InvalidURL, httpx.InvalidURL, httpx2.InvalidURL, requests.exceptions.MissingSchema)
