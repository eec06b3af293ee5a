"""When a 401 leads to a new token, call by call: an API without sockets, on the test's clock."""

import asyncio
import gc
import logging
import sys
from collections.abc import Generator
from contextlib import suppress
from itertools import count
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bitquery_auth import HTTPXAuth, Token
from tests.kit.clock import Clock

API, OTHER = "https://api.example.com/graphql", "https://other.example.com/graphql"
PAUSES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300)
"""Seconds between the replacements of a token that an API always rejects."""


class CountingSource:
    """Has another token once one is discarded."""

    def __init__(self) -> None:
        self._numbers = count()
        self._token = self._next()
        self.replacements = 0

    def _next(self) -> Token:
        return Token(f"token-{next(self._numbers)}")

    def token(self) -> Token:
        return self._token

    def discard(self, token: Token | str) -> None:
        if token == self._token:
            self._token = self._next()
            self.replacements += 1


class Driver:
    """Sends requests to APIs that accept or reject every token.

    Args:
        source: Where the tokens come from.
    """

    def __init__(self, source: Any = None) -> None:
        self.source = source or CountingSource()
        self.auth = HTTPXAuth(self.source, allowed_hosts=["*.example.com"])

    def begin(self, url: str = API) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a request, whose response is to be sent into what this returns."""
        flow = self.auth.sync_auth_flow(httpx.Request("GET", url))
        self.sent = next(flow)
        return flow

    def respond(self, flow: Generator[httpx.Request, httpx.Response, None], status: int) -> int:
        """Send one status in response to every try, and return how often the request was sent."""
        tries = 1
        with suppress(StopIteration):
            while True:
                self.sent = flow.send(httpx.Response(status, request=self.sent))
                tries += 1
        return tries

    def is_recovered_from(self, url: str = API) -> bool:
        """Whether a 401 leads to a second try, which is rejected, too."""
        return self.respond(self.begin(url), 401) == 2

    def accept(self, url: str = API) -> None:
        """Have a request accepted."""
        assert self.respond(self.begin(url), 200) == 1


def test_each_pause_is_twice_the_one_before_up_to_five_minutes(clock: Clock) -> None:
    driver = Driver()
    for pause in PAUSES:
        assert driver.is_recovered_from()
        clock.advance(pause - 0.001)
        assert not driver.is_recovered_from()
        clock.advance(0.001)
    assert driver.is_recovered_from()
    assert driver.source.replacements == len(PAUSES) + 1


def test_an_accepted_token_ends_the_pause_and_the_doubling(clock: Clock) -> None:
    driver = Driver()
    for pause in (1, 2, 4):
        assert driver.is_recovered_from()
        clock.advance(pause)
    driver.is_recovered_from()
    driver.accept()
    assert driver.is_recovered_from()
    clock.advance(0.999)
    assert not driver.is_recovered_from()
    clock.advance(0.001)
    assert driver.is_recovered_from()


def test_requests_rejected_together_begin_one_pause(clock: Clock) -> None:
    driver = Driver()
    for pause in (1, 2):
        flows = [driver.begin() for _ in range(16)]
        for flow in flows:
            driver.respond(flow, 401)
        clock.advance(pause - 0.001)
        assert not driver.is_recovered_from()
        clock.advance(0.001)
    assert driver.source.replacements == 2


def test_a_late_401_of_an_older_token_does_not_count_against_its_successor(clock: Clock) -> None:
    driver = Driver()
    late = driver.begin()
    old = driver.sent
    first = driver.begin()
    driver.sent = first.send(httpx.Response(401, request=driver.sent))
    with suppress(StopIteration):
        first.send(httpx.Response(200, request=driver.sent))
    driver.sent = old
    again = late.send(httpx.Response(401, request=old))
    assert again.headers["Authorization"] == "Bearer token-1"
    with suppress(StopIteration):
        late.send(httpx.Response(200, request=again))
    assert driver.source.replacements == 1
    assert driver.is_recovered_from()


def test_a_source_that_has_no_other_token_is_asked_once_a_pause(clock: Clock) -> None:
    asked = []

    class OneToken:
        def token(self) -> Token:
            return Token("the-same")

        def discard(self, token: Token | str) -> None:
            asked.append(clock.time())

    driver = Driver(OneToken())
    began = clock.time()
    for _ in range(1000):
        assert not driver.is_recovered_from()
        clock.advance(0.01)
    assert [round(moment - began) for moment in asked] == [0, 1, 3, 7]


def test_tasks_that_find_out_together_that_there_is_no_other_token_begin_one_pause(
    clock: Clock,
) -> None:
    discards = []

    class OneToken:
        def token(self) -> Token:
            return Token("the-same")

        async def atoken(self) -> Token:
            await asyncio.sleep(0)  # lets the other tasks come as far
            return self.token()

        def discard(self, token: Token | str) -> None:
            discards.append(token)

    auth = HTTPXAuth(OneToken(), allowed_hosts=["*.example.com"])
    transport = httpx.MockTransport(lambda _: httpx.Response(401))

    async def discards_after(seconds: float, requests: int) -> int:
        clock.advance(seconds)
        async with httpx.AsyncClient(auth=auth, transport=transport) as client:
            await asyncio.gather(*(client.get(API) for _ in range(requests)))
        return len(discards)

    assert asyncio.run(discards_after(0, 16)) == 16
    assert asyncio.run(discards_after(0.999, 1)) == 16
    assert asyncio.run(discards_after(0.001, 1)) == 17


def test_a_source_that_cannot_be_referred_to_weakly_recovers_as_well() -> None:
    class Slotted:
        __slots__ = ("_token",)

        def __init__(self) -> None:
            self._token = Token("a")

        def token(self) -> Token:
            return self._token

        def discard(self, token: Token | str) -> None:
            self._token = Token("b")

    assert Driver(Slotted()).is_recovered_from()


with_the_clock = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True, deadline=None
)
"""Each example has a driver of its own, and on the clock only differences count."""


@with_the_clock
@given(waits=st.lists(st.floats(0, 100), min_size=1, max_size=100))
def test_an_api_that_always_rejects_costs_at_most_one_token_a_pause(
    clock: Clock, waits: list[float]
) -> None:
    driver = Driver()
    for wait in waits:
        driver.is_recovered_from()
        clock.advance(wait)
    most, end = 1, 0
    for pause in (*PAUSES, *[PAUSES[-1]] * 100):
        end += pause
        most += end <= sum(waits)
    assert 1 <= driver.source.replacements <= most


@with_the_clock
@given(
    history=st.lists(
        st.tuples(st.floats(0, 20), st.sampled_from([API, OTHER]), st.booleans()), max_size=60
    )
)
def test_after_any_history_an_accepted_request_makes_the_next_401_recovered_from(
    clock: Clock, history: list[tuple[float, str, bool]]
) -> None:
    driver = Driver()
    for wait, url, accepts in history:
        driver.respond(driver.begin(url), 200 if accepts else 401)
        clock.advance(wait)
    driver.accept()
    assert driver.is_recovered_from()


@with_the_clock
@given(history=st.lists(st.tuples(st.floats(0, 20), st.booleans()), max_size=60))
def test_what_one_api_does_makes_no_difference_to_another(
    clock: Clock, history: list[tuple[float, bool]]
) -> None:
    alone, mixed = Driver(), Driver()
    for number, (wait, accepts) in enumerate(history):
        clock.advance(wait)
        mixed.respond(mixed.begin(OTHER), 200 if number % 2 else 401)
        status = 200 if accepts else 401
        tries = [driver.respond(driver.begin(), status) for driver in (alone, mixed)]
        assert tries[0] == tries[1]


@pytest.mark.parametrize("host", ["host{}.example.com", "host{}.example"])
def test_the_hosts_of_a_crawler_are_not_remembered_without_end(
    clock: Clock, caplog: pytest.LogCaptureFixture, host: str
) -> None:
    """Neither hosts that see the token, each of which rejects it, nor others."""
    caplog.set_level(logging.CRITICAL, "bitquery_auth")
    driver = Driver()

    def crawl(numbers: range) -> None:
        for number in numbers:
            driver.is_recovered_from(f"https://{host.format(number)}/")
            clock.advance(1000)

    crawl(range(1000))
    gc.collect()
    before = sys.getallocatedblocks()
    crawl(range(1000, 4000))
    gc.collect()
    assert sys.getallocatedblocks() - before < 3000
