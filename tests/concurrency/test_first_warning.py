"""What is logged once is logged once, however many threads meet it first."""

import logging
import sys
from collections.abc import Callable, Iterator

import httpx
import pytest
import requests

from bitquery_auth import HTTPXAuth, RequestsAuth, StaticToken
from tests.kit.crowd import at_once

THREADS, ROUNDS = 16, 40
SOURCE = StaticToken("ory_at_token")


@pytest.fixture(autouse=True)
def _threads_take_turns_quickly() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def by_requests(url: str, allowed: str) -> Callable[[], object]:
    auth = RequestsAuth(SOURCE, allowed_hosts=[allowed], insecure_http=True)
    return lambda: auth(requests.Request("GET", url).prepare())


def by_httpx(url: str, allowed: str) -> Callable[[], object]:
    auth = HTTPXAuth(SOURCE, allowed_hosts=[allowed], insecure_http=True)
    return lambda: next(auth.sync_auth_flow(httpx.Request("GET", url)))


@pytest.mark.parametrize("call", [by_requests, by_httpx])
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://foreign.example.com/x", "foreign.example.com is not in allowed_hosts"),
        ("http://api.example.com/x", "unencrypted"),
    ],
    ids=["foreign", "unencrypted"],
)
def test_threads_that_meet_a_host_at_once_log_one_warning(
    call: Callable[[str, str], Callable[[], object]],
    url: str,
    words: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A forgotten host shows in the log, and does not fill it (hazard S2)."""
    for _ in range(ROUNDS):
        caplog.clear()
        at_once([call(url, "api.example.com")] * THREADS)
        warnings = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
        assert len(warnings) == 1, warnings
        assert words in warnings[0]
