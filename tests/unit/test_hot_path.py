"""What a request costs while there is a usable token, by counting: a machine's speed takes no part.

An auth then reads one attribute of its source, compares the clocks, looks the host up and sets a
header. Each test states one thing that it does not do.
"""

import gc
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import httpx
import httpx2
import pytest
import requests
from requests.hooks import dispatch_hook

import bitquery_auth
from bitquery_auth import ClientCredentials, HTTPXAuth, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import MODULES

URL = "https://streaming.bitquery.io/graphql"
ROUNDS = 1000
_PACKAGE = str(Path(bitquery_auth.__file__).parent)


@dataclass(frozen=True)
class Way:
    """How a client uses its auth for one request that is answered 200.

    Attributes:
        calls: The most calls of our Python functions, or resumptions of our generators, for that.
        built_in: The most calls of built-in functions by ours, the clocks' apart.
    """

    auth_class: Any
    request_class: Any
    response_class: Any
    drive: Callable[[Any, Any, Any], None]
    calls: int
    built_in: int

    def exchange(self, auth: Any) -> Callable[[], None]:
        """Make what does that, again and again with the same request: so that only the auth's own work counts."""
        request, response = self.request(), self.response()
        return lambda: self.drive(auth, request, response)

    def request(self, kind: Any = None) -> Any:
        request = (kind or self.request_class)("POST", URL)
        return request.prepare() if isinstance(request, requests.Request) else request

    def response(self) -> Any:
        if self.response_class is not requests.Response:
            return self.response_class(200)
        response = requests.Response()
        response.status_code = 200
        return response


def _in_requests(auth: Any, request: Any, response: Any) -> None:
    request.hooks["response"].clear()  # every prepared request has a list of its own
    auth(request)
    dispatch_hook("response", request.hooks, response, stream=False, timeout=None, verify=True, cert=None, proxies={})


def _in_a_client(auth: Any, request: Any, response: Any) -> None:
    flow = auth.sync_auth_flow(request)
    next(flow)
    with suppress(StopIteration):
        flow.send(response)
    flow.close()


def _in_an_async_client(auth: Any, request: Any, response: Any) -> None:
    async def exchange() -> None:
        flow = auth.async_auth_flow(request)
        await anext(flow)
        with suppress(StopAsyncIteration):
            await flow.asend(response)
        await flow.aclose()

    _finish(exchange())


def _finish(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run what never waits: without an event loop, whose own work would be counted too."""
    with suppress(StopIteration):
        coroutine.send(None)
        pytest.fail("it waits for something")


WAYS = {
    "requests": Way(RequestsAuth, requests.Request, requests.Response, _in_requests, calls=3, built_in=2),
    "httpx": Way(HTTPXAuth, httpx.Request, httpx.Response, _in_a_client, calls=5, built_in=1),
    "httpx-async": Way(HTTPXAuth, httpx.Request, httpx.Response, _in_an_async_client, calls=5, built_in=1),
    "httpx2": Way(HTTPXAuth, httpx2.Request, httpx2.Response, _in_a_client, calls=5, built_in=1),
    "httpx2-async": Way(HTTPXAuth, httpx2.Request, httpx2.Response, _in_an_async_client, calls=5, built_in=1),
}


@pytest.fixture(params=list(WAYS.values()), ids=list(WAYS))
def way(request: pytest.FixtureRequest) -> Way:
    made: Way = request.param
    return made


@pytest.fixture
def source(sandbox: Sandbox) -> ClientCredentials:
    """One that has a token, far from its end."""
    credentials = sandbox.credentials()
    credentials.token()
    return credentials


@pytest.fixture
def exchange(way: Way, source: ClientCredentials) -> Callable[[], None]:
    """One request's work, when not the first: what is known of its host is known."""
    auth = way.auth_class(source, allowed_hosts=("streaming.bitquery.io",))
    made = way.exchange(auth)
    made()
    return made


class Forbidden:
    """A lock that nobody may take."""

    def __enter__(self) -> NoReturn:
        pytest.fail("the lock was taken")

    def __exit__(self, *_: object) -> None:
        """Never reached."""

    acquire = __enter__


def test_no_lock_is_taken(exchange: Callable[[], None], source: ClientCredentials) -> None:
    source._lock = Forbidden()  # type: ignore[assignment]
    exchange()


def test_no_token_is_requested(exchange: Callable[[], None], sandbox: Sandbox) -> None:
    """Hazard F4: a thousand requests cost one token request."""
    for _ in range(ROUNDS):
        exchange()
    assert sandbox.token_requests == 1


def test_each_clock_is_read_once(exchange: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    told = import_module("bitquery_auth._reuse").time

    class Watched:
        def __getattr__(self, name: str) -> Any:
            read.append(name)
            return getattr(told, name)

    for module in MODULES:
        monkeypatch.setattr(f"bitquery_auth.{module}.time", Watched())
    exchange()
    assert sorted(read) == ["monotonic", "time"]


def test_the_request_is_asked_once_for_its_url(way: Way, source: ClientCredentials) -> None:
    asked: list[object] = []

    class Asked:
        @property
        def url(self) -> Any:
            asked.append(self)
            return self.__dict__["_url"]

        @url.setter
        def url(self, value: Any) -> None:
            self.__dict__["_url"] = value

    plain = way.request()
    kind: Any = type("Watched", (Asked, type(plain)), {})
    request = kind.__new__(kind)
    request.__dict__.update(plain.__dict__, _url=plain.url)
    auth = way.auth_class(source, allowed_hosts=("streaming.bitquery.io",))
    way.drive(auth, request, way.response())  # the first looks more closely
    asked.clear()
    way.drive(auth, request, way.response())
    assert len(asked) == 1


def test_nothing_of_ours_is_made(exchange: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even a header's value: that is made once for each token."""
    for module in map(
        import_module, ("bitquery_auth._auth", "bitquery_auth._requests_auth", "bitquery_auth._httpx_auth")
    ):
        for name in ("Destination", "HeaderValue", "Origin", "RefusalHook"):
            monkeypatch.setattr(module, name, _Unmakeable, raising=False)
    exchange()


class _Unmakeable:
    def __new__(cls, *_: Any, **__: Any) -> NoReturn:
        pytest.fail("it was made anew")

    of = __new__


def test_nothing_is_left_behind(exchange: Callable[[], None]) -> None:
    """Hazard B5."""
    for _ in range(ROUNDS // 10):  # whatever is kept once is kept by now
        exchange()
    gc.collect()
    gc.disable()
    try:
        before = sys.getallocatedblocks()
        for _ in range(ROUNDS):
            exchange()
        grown = sys.getallocatedblocks() - before
    finally:
        gc.enable()
    assert grown < ROUNDS // 10


def test_a_request_takes_few_calls_of_functions(way: Way, exchange: Callable[[], None]) -> None:
    seen: Counter[str] = Counter()

    def profile(frame: FrameType, event: str, _: Any) -> None:
        if event in {"call", "c_call"} and frame.f_code.co_filename.startswith(_PACKAGE):
            seen[event] += 1

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        exchange()
    finally:
        sys.setprofile(before)
    assert 0 < seen["call"] <= way.calls
    assert 0 < seen["c_call"] <= way.built_in
