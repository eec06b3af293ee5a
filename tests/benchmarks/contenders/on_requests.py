"""A contender on requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import repeat
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.hooks import dispatch_hook
from urllib3 import HTTPResponse

from tests.benchmarks.contenders.face import BODY, Answer, Contender
from tests.benchmarks.endpoint import STUB_URL

_SEND_OPTIONS: dict[str, Any] = {
    "timeout": None,
    "verify": True,
    "proxies": {},
    "stream": False,
    "cert": None,
}
_CONTENT = b'{"received": %d}' % len(BODY)


class StubAdapter(HTTPAdapter):
    """Answers without a socket: 401 to a request without a token."""

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        response = requests.Response()
        response.status_code = 200 if "Authorization" in request.headers else 401
        response.raw = HTTPResponse(BytesIO(_CONTENT), preload_content=False)
        response.request = request
        response.url = str(request.url)
        response.connection = self  # type: ignore[attr-defined]
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

    def send(self, url: str, kind: str = "bytes") -> Answer:
        try:
            response = self.post(url, _chunks() if kind == "generator" else BODY)
            return Answer(
                response.status_code, response.json()["received"] if response.ok else None
            )
        except Exception as error:  # noqa: BLE001 - whatever a contender raises is its result
            return Answer(error=type(error).__name__)

    def at_once(self, count: int, url: str, kind: str = "bytes") -> list[Answer]:
        return in_threads(self, count, url, kind)

    def send_many(self, count: int, url: str) -> None:
        for _ in repeat(None, count):
            self.post(url, BODY)

    def puts_hook(self) -> bool:
        request, _ = _exchanged()
        self.authorize(request)
        return bool(request.hooks["response"])

    def work(self, count: int) -> None:
        request, response = _exchanged()
        # A method of the class would be timed with the auth: the default is to call the auth
        # itself.
        authorize: Any = (
            self.auth if type(self).authorize is OnRequests.authorize else self.authorize
        )
        hooks: Any = request.hooks
        for _ in repeat(None, count):
            hooks["response"] = []  # as every prepared request has it
            authorize(request)
            dispatch_hook("response", hooks, response, **_SEND_OPTIONS)

    def idle(self, count: int) -> None:
        request, response = _exchanged()
        hooks: Any = request.hooks
        for _ in repeat(None, count):
            hooks["response"] = []
            dispatch_hook("response", hooks, response, **_SEND_OPTIONS)


def _exchanged() -> tuple[requests.PreparedRequest, requests.Response]:
    """A request that is about to be sent, and the good answer that it will get."""
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


def _chunks() -> Iterator[bytes]:
    yield BODY[:5]
    yield BODY[5:]


def in_threads(contender: Contender, count: int, url: str, kind: str) -> list[Answer]:
    """Send from so many threads, which begin together."""
    gate = threading.Barrier(count)

    def one(_: int) -> Answer:
        gate.wait()
        return contender.send(url, kind)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))
