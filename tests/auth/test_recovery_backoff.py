"""An API that goes on saying 401: what it costs, and how soon requests work again.

Hazards R3 and R8.
"""

import gc
import logging
import sys
from contextlib import suppress
from itertools import count
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitquery_auth import ClientCredentials, HTTPXAuth, Token
from bitquery_auth._auth.base import RecoveryBackoff
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clients import Client, OpenClient
from tests.kit.clock import Clock
from tests.kit.examples import same_examples_in_every_run
from tests.kit.origin import Origin

# -- with every client -----------------------------------------------------------------------------


@pytest.fixture
def client(
    open_client: OpenClient, source: ClientCredentials, sandbox: Sandbox, origin: Origin
) -> Client:
    """A client of two APIs: the sandbox, which rejects every token, and `origin`."""
    sandbox.accept_nothing = True
    return open_client(source, allowed_hosts=[*sandbox.allowed_hosts, origin.allowed_host])


def test_a_thousand_401s_cost_at_most_12_tokens_and_the_first_200_is_returned(
    client: Client, sandbox: Sandbox, origin: Origin, clock: Clock
) -> None:
    """In a thousand seconds, while another API accepts the tokens of the same source."""
    for call in range(1000):
        assert client.get(sandbox.graphql_endpoint).status == 401
        if call % 25 == 0:
            assert client.get(origin.at()).status == 200
        clock.advance(1)
    assert sandbox.token_requests <= 12  # one, and after 1, 2, 4 … 256, 300, 300 s
    assert sandbox.api_requests <= 1011
    sandbox.accept_nothing = False
    assert client.get(sandbox.graphql_endpoint).status == 200


@pytest.mark.parametrize(("replay", "api_requests"), [("all", 31), ("never", 30)])
def test_while_no_time_passes_the_token_is_replaced_once_for_all_auths_of_its_source(
    open_client: OpenClient,
    source: ClientCredentials,
    sandbox: Sandbox,
    replay: str,
    api_requests: int,
) -> None:
    """An auth made for each request must not begin without what the others found out."""
    sandbox.accept_nothing = True
    for _ in range(3):
        client = open_client(source, replay=replay)
        for _ in range(10):
            assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 401
    assert (sandbox.token_requests, sandbox.api_requests) == (2, api_requests)


def test_a_rejected_fresh_token_stays_in_use(
    client: Client, source: ClientCredentials, sandbox: Sandbox
) -> None:
    """The API's copy of the tokens may lag behind; the token works once it has caught up."""
    client.post(sandbox.graphql_endpoint, json=QUERY)
    fresh = source.token()
    sandbox.accept_nothing = False
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
    assert source.token() == fresh
    assert sandbox.token_requests == 2


# -- call by call, without sockets -----------------------------------------------------------------

API, OTHER = "https://api.example.com/graphql", "https://other.example.com/graphql"
PAUSES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300)
"""Seconds between the replacements of a token that an API always rejects."""


class Tokens:
    """Has another token once one is discarded, or the same again."""

    def __init__(self, clock: Clock, *, only_one: bool = False) -> None:
        self._clock = clock
        self._tokens = (Token(f"token-{0 if only_one else number}") for number in count())
        self._token = next(self._tokens)
        self.discarded_at: list[float] = []

    def token(self) -> Token:
        return self._token

    def discard(self, token: Token | str) -> None:
        if token == self._token:
            self._token = next(self._tokens)
            self.discarded_at.append(self._clock.time())


class Driver:
    """Sends requests to APIs that accept or reject every token.

    Args:
        source: Where the tokens come from.
    """

    def __init__(self, source: Any) -> None:
        self.source = source
        self._auth = HTTPXAuth(source, allowed_hosts=["*.example.com"])

    def tries(self, status: int, url: str = API) -> int:
        """Send a request, every try of which has this status; return how often it was sent."""
        flow = self._auth.sync_auth_flow(httpx.Request("GET", url))
        request, tries = next(flow), 1
        with suppress(StopIteration):
            while True:
                request = flow.send(httpx.Response(status, request=request))
                tries += 1
        return tries

    def is_recovered_from(self, url: str = API) -> bool:
        """Whether a 401 leads to a second try, which is rejected, too."""
        return self.tries(401, url) == 2


@pytest.fixture
def driver(clock: Clock) -> Driver:
    return Driver(Tokens(clock))


def test_each_pause_is_twice_the_one_before_up_to_five_minutes(
    driver: Driver, clock: Clock
) -> None:
    for pause in PAUSES:
        assert driver.is_recovered_from()
        clock.advance(pause - 0.001)
        assert not driver.is_recovered_from()
        clock.advance(0.001)
    assert driver.is_recovered_from()
    assert len(driver.source.discarded_at) == len(PAUSES) + 1


@pytest.mark.parametrize("status", [200, 403, 500])
def test_any_other_response_ends_the_pause_and_the_doubling(
    driver: Driver, clock: Clock, status: int
) -> None:
    for pause in (1, 2, 4):
        assert driver.is_recovered_from()
        clock.advance(pause)
    driver.is_recovered_from()
    assert driver.tries(status) == 1
    assert driver.is_recovered_from()
    clock.advance(0.999)
    assert not driver.is_recovered_from()
    clock.advance(0.001)
    assert driver.is_recovered_from()


def test_the_pause_of_one_api_does_not_concern_another(driver: Driver) -> None:
    assert driver.is_recovered_from(API)
    assert driver.is_recovered_from(OTHER)
    assert driver.tries(200, OTHER) == 1
    assert not driver.is_recovered_from(API)


def test_failures_that_are_noted_together_begin_one_pause() -> None:
    backoff = RecoveryBackoff()
    assert [backoff.record_failure(100.0) for _ in range(3)] == [1, 0, 0]
    assert [backoff.may_recover(now) for now in (100.0, 100.999, 101.0)] == [False, False, True]
    assert backoff.record_failure(101.0) == 2


def test_a_source_that_has_no_other_token_is_asked_once_a_pause(clock: Clock) -> None:
    source, began = Tokens(clock, only_one=True), clock.time()
    driver = Driver(source)
    for _ in range(1000):
        assert not driver.is_recovered_from()
        clock.advance(0.01)
    assert [round(moment - began) for moment in source.discarded_at] == [0, 1, 3, 7]


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


@same_examples_in_every_run
@given(
    history=st.lists(
        st.tuples(st.floats(0, 20), st.sampled_from([API, OTHER]), st.booleans()), max_size=60
    )
)
def test_after_any_history_an_accepted_request_makes_the_next_401_recovered_from(
    clock: Clock, history: list[tuple[float, str, bool]]
) -> None:
    driver = Driver(Tokens(clock))
    for wait, url, accepts in history:
        driver.tries(200 if accepts else 401, url)
        clock.advance(wait)
    assert driver.tries(200) == 1
    assert driver.is_recovered_from()


@pytest.mark.parametrize("host", ["host{}.example.com", "host{}.example"])
def test_the_hosts_of_a_crawler_are_not_remembered_without_end(
    driver: Driver, clock: Clock, caplog: pytest.LogCaptureFixture, host: str
) -> None:
    """Neither hosts that see the token, each of which rejects it, nor others."""
    caplog.set_level(logging.CRITICAL, "bitquery_auth")

    def crawl(numbers: range) -> None:
        for number in numbers:
            driver.is_recovered_from(f"https://{host.format(number)}/")
            clock.advance(1000)
            driver.source.discarded_at.clear()

    crawl(range(1000))
    gc.collect()
    before = sys.getallocatedblocks()
    crawl(range(1000, 4000))
    gc.collect()
    assert sys.getallocatedblocks() - before < 3000
