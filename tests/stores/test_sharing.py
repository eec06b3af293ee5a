"""Sources that share a store, each as if it were in a process of its own."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from bitquery_auth import ClientCredentials, ConfigurationError, RequestsAuth, Token, TokenEndpointError
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.stores.conftest import Place

Source = Callable[..., ClientCredentials]


@pytest.fixture
def source(sandbox: Sandbox, place: Place) -> Source:
    """Another process's source."""
    return lambda **settings: sandbox.credentials(store=place.another(), **settings)


@pytest.fixture
def overlapping(monkeypatch: pytest.MonkeyPatch) -> Callable[[ClientCredentials, ClientCredentials, str], list[Token]]:
    """Call a method of two sources: of the second once the first's token request is under way."""

    def call(leader: ClientCredentials, waiter: ClientCredentials, method: str) -> list[Token]:
        asking, waiting = threading.Event(), threading.Event()
        request_token, store = leader._exchange.request_token, waiter._settings["store"]
        lock = store.lock

        def asked(endpoint: str, secret: str) -> Any:
            asking.set()
            assert waiting.wait(20)
            return request_token(endpoint, secret)

        def locked(key: str, timeout: float) -> Any:
            waiting.set()
            return lock(key, timeout)

        monkeypatch.setattr(leader._exchange, "request_token", asked)
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(getattr(leader, method))
            assert asking.wait(20)
            monkeypatch.setattr(store, "lock", locked)
            second = pool.submit(getattr(waiter, method))
            return [first.result(), second.result()]

    return call


def test_the_second_process_takes_the_first_ones_token(sandbox: Sandbox, source: Source) -> None:
    """Hazard P3."""
    first = source().token()
    assert source().token() == first
    assert sandbox.token_requests == 1


def test_a_token_of_no_scope_is_shared_as_well(sandbox: Sandbox, source: Source) -> None:
    """Hydra answers an empty scope where none was asked for."""
    first = source(scope=None).token()
    assert first.scope == ""
    assert source(scope=None).token() == first
    assert sandbox.token_requests == 1


def test_processes_that_start_at_once_make_one_request(sandbox: Sandbox, source: Source) -> None:
    """Hazards P3, C1: the store is read again after its lock."""
    sandbox.delay = 0.1
    sources = [source() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(lambda each: each.token().access_token, sources))
    assert (len(tokens), sandbox.token_requests) == (1, 1)


def test_the_leeway_is_scaled_to_what_is_left_of_a_shared_token(sandbox: Sandbox, source: Source, clock: Clock) -> None:
    """Of 100 seconds that are left, 20 are leeway and 10 renewal ahead, not 60 and more."""
    sandbox.lifetime = 1000
    first = source().token()
    clock.advance(900)
    late = source()
    assert late.token() == first
    clock.advance(60)
    assert late.token() == first
    assert sandbox.token_requests == 1


def test_a_token_that_has_ended_is_not_taken(sandbox: Sandbox, source: Source, clock: Clock) -> None:
    """Hazard E9."""
    first = source().token()
    clock.advance(sandbox.lifetime)
    assert source().token() != first
    assert sandbox.token_requests == 2


def test_a_shared_token_is_used_no_longer_than_it_lives(sandbox: Sandbox, source: Source, clock: Clock) -> None:
    first = source().token()
    clock.advance(sandbox.lifetime - 10)
    late = source()
    assert late.token() == first
    clock.advance(10)
    assert late.token() != first


def test_of_two_processes_that_renew_ahead_one_asks(
    sandbox: Sandbox, source: Source, clock: Clock, overlapping: Any
) -> None:
    one, other = source(renew_ahead=0), source(renew_ahead=0)
    first = one.token()
    other.token()
    clock.advance(sandbox.lifetime - 30)  # inside the leeway of both
    tokens = overlapping(one, other, "token")
    assert tokens[0] == tokens[1] != first
    assert sandbox.token_requests == 2


def test_a_process_that_renews_later_takes_what_another_renewed(sandbox: Sandbox, source: Source, clock: Clock) -> None:
    one, other = source(renew_ahead=0), source(renew_ahead=0)
    one.token()
    other.token()
    clock.advance(sandbox.lifetime - 30)
    assert one.token() == other.token()
    assert sandbox.token_requests == 2


def test_renew_passes_by_what_is_kept_and_keeps_its_own(sandbox: Sandbox, source: Source) -> None:
    source().token()
    renewed = source().renew()
    assert sandbox.token_requests == 2
    assert source().token() == renewed
    assert sandbox.token_requests == 2


def test_renew_passes_by_what_another_process_renewed_before(sandbox: Sandbox, source: Source) -> None:
    one, other = source(), source()
    one.token()
    other.token()
    renewed = one.renew()
    assert other.renew() != renewed
    assert sandbox.token_requests == 3


def test_renew_joins_the_renewal_of_another_process(sandbox: Sandbox, source: Source, overlapping: Any) -> None:
    one, other = source(), source()
    first = one.token()
    other.token()
    tokens = overlapping(one, other, "renew")
    assert tokens[0] == tokens[1] != first
    assert sandbox.token_requests == 2


def test_discarding_does_not_touch_the_store(source: Source, place: Place) -> None:
    one = source()
    token = one.token()
    one.discard(token)
    assert token.access_token.encode() in place.contents()


def test_a_discarded_token_leaves_the_store_with_the_next_fetch(sandbox: Sandbox, source: Source, place: Place) -> None:
    one = source()
    token = one.token()
    one.discard(token)
    sandbox.outage = 503
    with pytest.raises(TokenEndpointError):
        one.token()
    assert token.access_token.encode() not in place.contents()


def test_after_a_refusal_one_process_asks_and_the_others_take_its_token(sandbox: Sandbox, source: Source) -> None:
    """Hazards R1, C6."""
    sources = [source() for _ in range(4)]
    refused = sources[0].token()
    for each in sources:
        each.token()
        each.discard(refused)
    assert len({each.token() for each in sources}) == 1
    assert sandbox.token_requests == 2


def test_a_late_refusal_leaves_the_successor_in_the_store(sandbox: Sandbox, source: Source) -> None:
    """Hazard C6."""
    one, late = source(), source()
    refused = one.token()
    late.token()
    one.discard(refused)
    successor = one.token()
    late.discard(refused)
    assert late.token() == source().token() == successor
    assert sandbox.token_requests == 2


def test_after_all_tokens_were_revoked_a_process_with_an_older_one_is_held_back_by_nothing(
    sandbox: Sandbox, source: Source
) -> None:
    """The token in the store was refused, too, but was not fetched in answer to a refusal: it is no fresh one."""
    behind, ahead = source(), source()
    with requests.Session() as session:
        session.auth = RequestsAuth(behind, allowed_hosts=sandbox.allowed_hosts)
        assert session.post(sandbox.graphql_endpoint, json={"query": "{ x }"}).status_code == 200
        ahead.token()
        ahead.renew()
        sandbox.revoke_all()
        session.post(sandbox.graphql_endpoint, json={"query": "{ x }"})
        assert session.post(sandbox.graphql_endpoint, json={"query": "{ x }"}).status_code == 200


def test_a_revoked_token_is_gone_for_all(sandbox: Sandbox, source: Source, place: Place) -> None:
    token = source().token()
    assert source().revoke()
    assert token.access_token.encode() not in place.contents()


def test_it_is_taken_out_under_the_lock(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hazard P3: else it may be another process's new one that is removed."""
    revoking = source()
    revoking.token()
    store, events = revoking._settings["store"], []
    lock, discard = store.lock, store.discard

    @contextmanager
    def locked(*args: Any) -> Iterator[None]:
        with lock(*args):
            events.append("locked")
            yield
        events.append("free")

    def discarded(*args: Any) -> None:
        events.append("discarded")
        discard(*args)

    monkeypatch.setattr(store, "lock", locked)
    monkeypatch.setattr(store, "discard", discarded)
    assert revoking.revoke()
    assert events == ["locked", "discarded", "free"]


def test_a_wrong_secret_does_not_work_off_the_store(source: Source, sandbox: Sandbox, place: Place) -> None:
    source().token()
    settings: dict[str, Any] = {"token_endpoint": sandbox.token_endpoint, "scope": "api", "store": place.another()}
    with pytest.raises(TokenEndpointError):
        ClientCredentials(sandbox.client_id, "a wrong one", **settings).token()


def test_a_fetch_that_fails_keeps_nobody_out(sandbox: Sandbox, source: Source) -> None:
    sandbox.outage = 500
    with pytest.raises(TokenEndpointError):
        source().token()
    sandbox.outage = None
    assert source(timeout=5).token()


def test_a_secret_that_cannot_be_read_is_an_error_although_a_token_is_kept(
    source: Source, sandbox: Sandbox, place: Place
) -> None:
    def no_secret() -> str:
        raise KeyError("locked")

    source().token()
    settings: dict[str, Any] = {"token_endpoint": sandbox.token_endpoint, "scope": "api", "store": place.another()}
    with pytest.raises(ConfigurationError):
        ClientCredentials(sandbox.client_id, no_secret, **settings).token()


def test_no_secret_is_in_the_store(source: Source, sandbox: Sandbox, place: Place) -> None:
    """Hazard P4: neither in a value nor in a key, and no part of the id or the settings either."""
    sandbox.client_secret = "sentinel-secret-of-the-application"
    source().token()
    contents = place.contents()
    assert b"ory_at_" in contents
    assert b"sentinel" not in contents
    assert sandbox.client_id.encode() not in contents
