"""What is told once is told once, however many threads are the first to meet it."""

import logging
import sys
import threading
from collections.abc import Callable, Iterator

import httpx
import pytest
import requests

from bitquery_auth import HTTPXAuth, RequestsAuth, StaticToken

THREADS, ROUNDS = 16, 100


@pytest.fixture(autouse=True)
def _threads_take_turns_quickly() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def all_at_once(work: Callable[[], object]) -> None:
    """Do it in many threads, none of which begins before all can."""
    together = threading.Barrier(THREADS)

    def one() -> None:
        together.wait(20)
        work()

    threads = [threading.Thread(target=one) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)


def by_requests(url: str, allowed: str) -> Callable[[], object]:
    auth = RequestsAuth(StaticToken("ory_at_token"), allowed_hosts=[allowed], insecure_http=True)
    return lambda: auth(requests.Request("GET", url).prepare())


def by_httpx(url: str, allowed: str) -> Callable[[], object]:
    auth = HTTPXAuth(StaticToken("ory_at_token"), allowed_hosts=[allowed], insecure_http=True)
    return lambda: next(auth.sync_auth_flow(httpx.Request("GET", url)))


@pytest.mark.parametrize("call", [by_requests, by_httpx])
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://foreign.example.com/x", "foreign.example.com is not among allowed_hosts"),
        ("http://api.example.com/x", "cross the network readable"),
    ],
    ids=["foreign", "readable"],
)
def test_threads_that_meet_a_host_first_at_once_warn_of_it_once(
    call: Callable[[str, str], Callable[[], object]], url: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Hazard S2: a forgotten host shows in the log, and does not fill it."""
    for _ in range(ROUNDS):
        caplog.clear()
        all_at_once(call(url, "api.example.com"))
        warnings = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
        assert len(warnings) == 1, warnings
        assert words in warnings[0]
