"""The floor of each client: a header that never changes, set by the barest auth there can be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import httpx2
import requests
from requests.auth import AuthBase

from tests.benchmarks.contenders.contender import request_token
from tests.benchmarks.contenders.on_httpx import OnAsyncHttpx, OnHttpx
from tests.benchmarks.contenders.on_requests import OnRequests

_CANNOT = dict.fromkeys(("revocation", "outage"), "fetches one token")


class _Header(AuthBase):
    def __init__(self, value: str) -> None:
        self.value = value

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers["Authorization"] = self.value
        return r


def _nothing(response: requests.Response, *_: Any, **__: Any) -> requests.Response:
    return response


class _HeaderAndHook(_Header):
    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers["Authorization"] = self.value
        r.hooks["response"].append(_nothing)
        return r


def _flow(base: Any) -> Any:
    class Header(base):
        def __init__(self, value: str) -> None:
            self.value = value

        def auth_flow(self, request: Any) -> Iterator[Any]:
            request.headers["Authorization"] = self.value
            yield request

    return Header


class _Fixed:
    name = "fixed header"
    is_floor = True
    cannot = _CANNOT
    auth_class: Any

    def make_auth(self: Any) -> Any:
        return self.auth_class(f"Bearer {request_token(self.app)['access_token']}")


class FixedRequests(_Fixed, OnRequests):
    distribution = module = "requests"
    auth_class = _Header


class HookedRequests(FixedRequests):
    """What requests itself needs for a response hook: the floor for all that use one."""

    name = "fixed header, empty hook"
    is_floor = False
    cannot = _CANNOT | dict.fromkeys(("herd", "steady", "imports"), "fetches one token")
    auth_class = _HeaderAndHook


class FixedHttpx(_Fixed, OnHttpx):
    client = distribution = module = "httpx"
    module_of_client = httpx
    auth_class = _flow(httpx.Auth)


class FixedAsyncHttpx(OnAsyncHttpx, FixedHttpx):
    client = "httpx async"


class FixedHttpx2(FixedHttpx):
    client = distribution = module = "httpx2"
    module_of_client = httpx2
    auth_class = _flow(httpx2.Auth)


class FixedAsyncHttpx2(OnAsyncHttpx, FixedHttpx2):
    client = "httpx2 async"
