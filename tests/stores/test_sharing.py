"""Sources that share a store, each as if it were in a process of its own."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from bitquery_auth import ClientCredentials, RequestsAuth, Token, TokenEndpointError
from bitquery_auth.sandbox import Sandbox
from tests.kit.clock import Clock
from tests.kit.origin import Gate, Origin
from tests.kit.waiting import until
from tests.stores.conftest import Place
from tests.stores.memory import WatchedStore

Source = Callable[..., ClientCredentials]


@pytest.fixture
def source(sandbox: Sandbox, place: Place) -> Source:
    """Return the source of another process."""
    return lambda **settings: sandbox.credentials(store=place.another(), **settings)


# -- one token for all -----------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["api", None])
def test_the_second_process_uses_the_token_of_the_first(
    sandbox: Sandbox, source: Source, scope: str | None
) -> None:
    """Hazard P3. Hydra responds with an empty scope if none was requested."""
    first = source(scope=scope).token()
    assert first.scope == (scope or "")
    assert source(scope=scope).token() == first
    assert sandbox.token_requests == 1


def test_the_leeway_is_a_share_of_what_is_left_of_a_shared_token(
    sandbox: Sandbox, source: Source, clock: Clock
) -> None:
    """Of 100 seconds that are left, 20 are leeway and 10 renewal ahead, not 60 and more."""
    sandbox.lifetime = 1000
    first = source().token()
    clock.advance(900)
    late = source()
    assert late.token() == first
    clock.advance(60)
    assert late.token() == first
    assert sandbox.token_requests == 1


def test_a_token_of_unknown_expiry_has_the_default_lifetime_from_when_it_is_read(
    sandbox: Sandbox, place: Place, clock: Clock
) -> None:
    place.store.set("k", Token("endless"))
    store = WatchedStore(place.another())
    source = sandbox.credentials(store=store, default_lifetime=100, renew_ahead=0)
    assert source.token().access_token == "endless"
    clock.advance(79)
    assert source.token().access_token == "endless"
    clock.advance(2)
    assert source.token().access_token != "endless"


# -- renewal ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["token", "renew"])
def test_of_two_processes_that_renew_a_token_one_requests_it(
    sandbox: Sandbox, place: Place, clock: Clock, origin: Origin, gate: Gate, method: str
) -> None:
    """The second one waits for the lock while the first one fetches."""
    settings: dict[str, Any] = {"renew_ahead": 0, "token_endpoint": origin.at("/oauth2/token")}
    stores = [WatchedStore(place.another()) for _ in range(2)]
    sources = [sandbox.credentials(store=store, **settings) for store in stores]
    (old,) = {source.token() for source in sources}
    clock.advance(sandbox.lifetime - 30)  # inside the leeway of both
    gate.close()
    stores[1].calls.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(getattr(sources[0], method))
        assert gate.reached.wait(20)
        second = pool.submit(getattr(sources[1], method))
        until(lambda: "lock" in stores[1].calls)
        gate.open()
        assert first.result() == second.result() != old
    assert sandbox.token_requests == 2


def test_renew_stores_its_token_and_does_not_use_what_was_stored_before(
    sandbox: Sandbox, source: Source
) -> None:
    one, other = source(), source()
    one.token()
    other.token()
    renewed = one.renew()
    assert source().token() == renewed
    assert other.renew() != renewed
    assert sandbox.token_requests == 3


# -- tokens that were rejected or revoked ----------------------------------------------------------


def test_a_discarded_token_leaves_the_store_at_the_next_fetch_even_if_that_fails(
    sandbox: Sandbox, place: Place
) -> None:
    store = WatchedStore(place.store)
    source = sandbox.credentials(store=store)
    token = source.token()
    store.calls.clear()
    source.discard(token)
    assert store.calls == []
    assert token.access_token.encode() in place.contents()
    sandbox.outage = 503
    with pytest.raises(TokenEndpointError):
        source.token()
    assert token.access_token.encode() not in place.contents()


def test_processes_whose_token_was_rejected_share_one_new_token(
    sandbox: Sandbox, source: Source
) -> None:
    """Hazards R1, C6."""
    sources = [source() for _ in range(4)]
    rejected = sources[0].token()
    for each in sources:
        each.token()
        each.discard(rejected)
    assert len({each.token() for each in sources}) == 1
    assert sandbox.token_requests == 2


def test_a_late_discard_leaves_the_successor_in_the_store(sandbox: Sandbox, source: Source) -> None:
    """Hazard C6."""
    one, late = source(), source()
    rejected = one.token()
    late.token()
    one.discard(rejected)
    successor = one.token()
    late.discard(rejected)
    assert late.token() == source().token() == successor
    assert sandbox.token_requests == 2


def test_a_process_that_finds_a_revoked_token_in_the_store_recovers_all_the_same(
    sandbox: Sandbox, source: Source
) -> None:
    """The stored token was not requested because of the 401: it may have been revoked as well."""
    behind, ahead = source(), source()
    with requests.Session() as session:
        session.auth = RequestsAuth(behind, allowed_hosts=sandbox.allowed_hosts)

        def status() -> int:
            return session.post(sandbox.graphql_endpoint, json={"query": "{ x }"}).status_code

        assert status() == 200
        ahead.token()
        ahead.renew()
        sandbox.revoke_all()
        status()
        assert status() == 200


def test_a_revoked_token_is_removed_under_the_lock(sandbox: Sandbox, place: Place) -> None:
    """Hazard P3: without it, the new token of another process might be removed."""
    store = WatchedStore(place.store)
    source = sandbox.credentials(store=store)
    source.token()
    store.calls.clear()
    assert source.revoke()
    assert store.calls == ["lock", "get", "discard", "unlock"]
    assert b"ory_at_" not in place.contents()


def test_revoking_leaves_a_token_that_another_process_has_stored_and_waits_for_nobody(
    sandbox: Sandbox, place: Place
) -> None:
    one = sandbox.credentials(store=WatchedStore(place.store))
    one.token()
    place.another().set("k", Token("successor"))
    with place.another().lock("k", 0):
        began = time.monotonic()
        assert one.revoke()
        assert time.monotonic() - began < 5
    assert place.store.get("k") == Token("successor")


# -- secrets ---------------------------------------------------------------------------------------


def test_a_secret_that_cannot_be_read_is_an_error_although_a_token_is_stored(
    source: Source, sandbox: Sandbox, place: Place
) -> None:
    def no_secret() -> str:
        raise KeyError("locked")

    source().token()
    settings: dict[str, Any] = {"token_endpoint": sandbox.token_endpoint, "scope": "api"}
    with pytest.raises(KeyError):
        ClientCredentials("id", no_secret, store=place.another(), **settings).token()


def test_neither_secret_nor_client_id_is_in_the_store(
    source: Source, sandbox: Sandbox, place: Place
) -> None:
    """Hazard P4."""
    sandbox.client_secret = "sentinel-secret-of-the-application"
    source().token()
    contents = place.contents()
    assert b"ory_at_" in contents
    assert b"sentinel" not in contents
    assert sandbox.client_id.encode() not in contents
