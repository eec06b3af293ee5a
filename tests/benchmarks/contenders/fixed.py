"""The floor of each client: a header that never changes, set by the barest auth there can be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import httpx2
import requests
from requests.auth import AuthBase

from tests.benchmarks.contenders.on_httpx import OnAsyncHttpx, OnHttpx
from tests.benchmarks.contenders.on_requests import OnRequests

_VALUE = f"Bearer fixed_{'x' * 80}"
_NO_TOKENS = "fetches no token"
_CANNOT = dict.fromkeys(("revocation", "outage", "short"), _NO_TOKENS)


class _Header(AuthBase):
    def __init__(self) -> None:
        self.value = _VALUE

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


class FixedRequests(OnRequests):
    name = "fixed header"
    distribution = "requests"
    module = "requests"
    is_floor = True
    cannot = _CANNOT

    def make_auth(self) -> Any:
        return _Header()


class HookedRequests(FixedRequests):
    """What requests itself needs for a response hook: the floor for all that use one."""

    name = "fixed header, empty hook"
    is_floor = False
    cannot = dict.fromkeys(
        ("herd", "steady", "revocation", "outage", "short", "imports"), _NO_TOKENS
    )

    def make_auth(self) -> Any:
        return _HeaderAndHook()


def _flow(base: Any) -> Any:
    class Header(base):
        def auth_flow(self, request: Any) -> Iterator[Any]:
            request.headers["Authorization"] = _VALUE
            yield request

    return Header


class FixedHttpx(OnHttpx):
    name = "fixed header"
    client = distribution = module = "httpx"
    module_of_client = httpx
    is_floor = True
    cannot = _CANNOT
    _auth_class = _flow(httpx.Auth)

    def make_auth(self) -> Any:
        return self._auth_class()


class FixedAsyncHttpx(OnAsyncHttpx, FixedHttpx):
    client = "httpx async"


class FixedHttpx2(FixedHttpx):
    client = distribution = module = "httpx2"
    module_of_client = httpx2
    _auth_class = _flow(httpx2.Auth)


class FixedAsyncHttpx2(OnAsyncHttpx, FixedHttpx2):
    client = "httpx2 async"
