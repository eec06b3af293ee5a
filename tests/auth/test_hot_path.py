"""A request while there is a valid token: it waits for nobody and leaves nothing behind."""

import gc
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NoReturn

import httpx
import httpx2
import pytest
import requests
from requests.hooks import dispatch_hook

from bitquery_auth import ClientCredentials, HTTPXAuth, RequestsAuth
from bitquery_auth.sandbox import Sandbox
from tests.kit.origin import Gate, Origin

URL = "https://streaming.bitquery.io/graphql"
ROUNDS = 1000

Work = Callable[[], None]


def _in_requests(source: ClientCredentials) -> Work:
    auth = RequestsAuth(source, allowed_hosts=["streaming.bitquery.io"])
    request, response = requests.Request("POST", URL).prepare(), requests.Response()
    response.status_code, response.request = 200, request

    def work() -> None:
        request.hooks["response"].clear()  # every prepared request has a list of its own
        auth(request)
        dispatch_hook("response", request.hooks, response, stream=False, timeout=None)

    return work


def _in_httpx(source: ClientCredentials) -> Work:
    auth = HTTPXAuth(source, allowed_hosts=["streaming.bitquery.io"])
    request = httpx.Request("POST", URL)

    def work() -> None:
        flow = auth.sync_auth_flow(request)
        sent = next(flow)
        with suppress(StopIteration):
            flow.send(httpx.Response(200, request=sent))

    return work


def _in_httpx2_async(source: ClientCredentials) -> Work:
    auth = HTTPXAuth(source, allowed_hosts=["streaming.bitquery.io"])
    request = httpx2.Request("POST", URL)

    async def one_request() -> None:
        flow = auth.async_auth_flow(request)
        sent = await anext(flow)
        with suppress(StopAsyncIteration):
            await flow.asend(httpx2.Response(200, request=sent))

    def work() -> None:
        with suppress(StopIteration):  # it never waits, so it needs no event loop
            one_request().send(None)
            pytest.fail("it waits")

    return work


@pytest.fixture(params=[_in_requests, _in_httpx, _in_httpx2_async])
def work(request: pytest.FixtureRequest, source: ClientCredentials) -> Work:
    """What the auth does for one request that is accepted; not for the first of its host."""
    work: Work = request.param(source)
    work()
    return work


@pytest.fixture
def source(sandbox: Sandbox, gate: Gate, origin: Origin) -> ClientCredentials:
    """A source with a token that is valid for an hour; the gate can hold its next fetch back."""
    source = sandbox.credentials(token_endpoint=origin.at("/oauth2/token"))
    source.token()
    return source


def test_requests_wait_for_no_fetch_in_progress_and_start_no_thread(
    work: Work,
    source: ClientCredentials,
    sandbox: Sandbox,
    gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No lock is held while another caller fetches."""

    def start(thread: threading.Thread) -> NoReturn:
        pytest.fail(f"{thread} was started")

    gate.close()
    with ThreadPoolExecutor(1) as pool:
        renewal = pool.submit(source.renew)
        assert gate.reached.wait(10)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            for _ in range(ROUNDS):
                work()
        assert not renewal.done()
        gate.open()
        renewal.result(10)
    assert sandbox.token_requests == 2


def test_a_request_leaves_nothing_in_memory(work: Work) -> None:
    for _ in range(ROUNDS // 10):
        work()
    gc.collect()
    gc.disable()
    try:
        before = sys.getallocatedblocks()
        for _ in range(ROUNDS):
            work()
        grown = sys.getallocatedblocks() - before
    finally:
        gc.enable()
    assert grown < ROUNDS // 2
