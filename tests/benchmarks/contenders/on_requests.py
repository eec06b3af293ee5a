"""A contender on requests."""

from __future__ import annotations

from io import BytesIO
from itertools import repeat
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.hooks import dispatch_hook
from urllib3 import HTTPResponse

from tests.benchmarks.contenders.contender import BODY, Contender
from tests.benchmarks.endpoint import STUB_URL

_SEND_OPTIONS: dict[str, Any] = {
    "timeout": None,
    "verify": True,
    "proxies": {},
    "stream": False,
    "cert": None,
}


class StubAdapter(HTTPAdapter):
    """Responds without a socket: 401 to a request without a token."""

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        response = requests.Response()
        response.status_code = 200 if "Authorization" in request.headers else 401
        response.raw = HTTPResponse(BytesIO(BODY), preload_content=False)
        response.request = request
        response.url = str(request.url)
        response.connection = self
        return response


class OnRequests(Contender):
    """On a `requests.Session` that has the auth."""

    client = "requests"

    def open(self) -> None:
        self.auth = self.make_auth()
        self.session = self.make_session()
        self.session.mount("http://", HTTPAdapter(pool_maxsize=64))
        self.session.mount(STUB_URL, StubAdapter())

    def close(self) -> None:
        self.session.close()

    def make_session(self) -> requests.Session:
        """Make the session; by default a bare one with the auth."""
        session = requests.Session()
        session.auth = self.auth
        return session

    def authorize(self, request: requests.PreparedRequest) -> object:
        """Do what is done to each request. A contender that is not an auth object overrides it."""
        return self.auth(request)

    def post(self, url: str, body: Any) -> requests.Response:
        return self.session.post(url, data=body, timeout=30)

    def send(self, url: str, kind: str = "bytes") -> str:
        body = BODY if kind == "bytes" else (piece for piece in (BODY[:5], BODY[5:]))
        try:
            return str(self.post(url, body).status_code)
        except Exception as error:  # noqa: BLE001 - whatever a contender raises is its result
            return type(error).__name__

    def send_many(self, count: int) -> None:
        for _ in repeat(None, count):
            self.post(STUB_URL, BODY)

    def puts_hook(self) -> bool:
        request, _ = _exchanged()
        self.authorize(request)
        return bool(request.hooks["response"])

    def work(self, count: int) -> None:
        # A method of the class would be timed with the auth: the default is to call the auth.
        is_auth = type(self).authorize is OnRequests.authorize
        self._dispatch(count, self.auth if is_auth else self.authorize)

    def idle(self, count: int) -> None:
        self._dispatch(count, None)

    @staticmethod
    def _dispatch(count: int, authorize: Any) -> None:
        request, response = _exchanged()
        hooks: Any = request.hooks
        for _ in repeat(None, count):
            hooks["response"] = []  # as every prepared request has it
            if authorize is not None:
                authorize(request)
            dispatch_hook("response", hooks, response, **_SEND_OPTIONS)


def _exchanged() -> tuple[requests.PreparedRequest, requests.Response]:
    """Return a request that is about to be sent, and the good response that it will get."""
    headers = {
        "User-Agent": "benchmark",
        "Accept": "*/*",
        "Accept-Encoding": "gzip",
        "Connection": "keep-alive",
    }
    request = requests.Request("POST", STUB_URL, data=BODY, headers=headers).prepare()
    response = requests.Response()
    response.status_code = 200
    response.request = request
    response.url = STUB_URL
    return request, response
