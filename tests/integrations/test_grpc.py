"""gRPC: interceptors for threads and for asyncio, and call credentials."""

import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from anyio.from_thread import BlockingPortal

from bitquery_auth import ClientCredentials, StaticToken, TokenSource
from bitquery_auth.integrations.grpc import GrpcAuth
from bitquery_auth.sandbox import Sandbox
from tests.integrations.grpc_service import AsyncioClient, Service, ThreadsClient, metadata_of
from tests.kit.clock import Clock
from tests.kit.waiting import until

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@pytest.fixture
def service(sandbox: Sandbox, authority: tuple[trustme.CA, Path]) -> Iterator[Service]:
    with Service(sandbox, authority[0]) as running:
        yield running


Open = Callable[..., Any]


@pytest.fixture(params=[ThreadsClient, AsyncioClient])
def open_client(
    request: pytest.FixtureRequest, service: Service, portal: BlockingPortal
) -> Iterator[Open]:
    """Open a client whose auth has a source and settings."""
    with ExitStack() as stack:

        def opened(source: TokenSource, **settings: Any) -> Any:
            settings.setdefault("allowed_hosts", [service.host])
            client = request.param(service, GrpcAuth(source, **settings), portal)
            stack.callback(client.close)
            return client

        yield opened


@pytest.fixture
def client(open_client: Open, source: ClientCredentials) -> Any:
    return open_client(source)


def counts(sandbox: Sandbox) -> tuple[int, int, int]:
    """Token requests, calls, and calls that were rejected."""
    return sandbox.token_requests, sandbox.api_requests, sandbox.api_refusals


# -- tokens ----------------------------------------------------------------------------------------


def test_calls_of_every_kind_carry_one_token(client: Any, sandbox: Sandbox) -> None:
    """Hazard F4."""
    assert client.unary() == b"block"
    assert client.stream() == [b"block"] * 3
    assert client.requests() == b"ab"
    assert client.both() == [b"a", b"b"]
    assert counts(sandbox) == (1, 4, 0)


def test_calls_at_once_cost_one_token_request(client: Any, sandbox: Sandbox) -> None:
    """Hazard C1."""
    sandbox.delay = 0.1
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(lambda _: client.unary(), range(12))) == [b"block"] * 12
    assert sandbox.token_requests == 1


@pytest.mark.parametrize("method", ["unary", "stream"])
def test_a_call_with_a_revoked_token_is_repeated_once_with_another(
    client: Any, sandbox: Sandbox, method: str
) -> None:
    """Hazard R1."""
    first = getattr(client, method)()
    sandbox.revoke_all()
    assert getattr(client, method)() == first
    assert counts(sandbox) == (2, 3, 1)


@pytest.mark.parametrize("method", ["requests", "both"])
def test_after_a_rejected_stream_of_requests_the_next_call_has_another_token(
    client: Any, sandbox: Sandbox, method: str
) -> None:
    """Hazard R4: the requests have been read, so they cannot be sent again."""
    getattr(client, method)()
    sandbox.revoke_all()
    with pytest.raises(grpc.RpcError) as caught:
        getattr(client, method)()
    assert caught.value.code() is UNAUTHENTICATED  # type: ignore[attr-defined]  # of every call
    until(lambda: sandbox.token_requests == 2)
    getattr(client, method)()
    assert counts(sandbox) == (2, 3, 1)


def test_a_stream_that_has_yielded_something_is_not_repeated(
    client: Any, service: Service, sandbox: Sandbox
) -> None:
    client.unary()
    service.after = 1
    sandbox.revoke_all()
    with pytest.raises(grpc.RpcError) as caught:
        client.stream()
    assert caught.value.code() is UNAUTHENTICATED  # type: ignore[attr-defined]  # of every call
    assert counts(sandbox) == (1, 2, 1)


def test_a_stream_without_responses_ends(client: Any, sandbox: Sandbox) -> None:
    assert client.stream(b"") == []
    sandbox.revoke_all()
    assert client.stream(b"") == []
    assert counts(sandbox) == (2, 3, 1)


def test_a_dozen_calls_that_are_rejected_at_once_cost_one_token(
    client: Any, sandbox: Sandbox
) -> None:
    """Hazard C6."""
    client.unary()
    sandbox.revoke_all()
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(lambda _: client.unary(), range(12))) == [b"block"] * 12
    assert sandbox.token_requests == 2


@pytest.mark.parametrize("method", ["unary", "stream", "requests", "both"])
def test_an_api_that_rejects_every_call_costs_a_bounded_number_of_tokens(
    client: Any, sandbox: Sandbox, method: str
) -> None:
    """Hazard R3."""
    sandbox.accept_nothing = True
    for _ in range(20):
        with pytest.raises(grpc.RpcError) as caught:
            getattr(client, method)()
        assert caught.value.code() is UNAUTHENTICATED  # type: ignore[attr-defined]  # of every call
    until(lambda: sandbox.token_requests == 2)


def test_after_the_pause_a_call_that_is_accepted_ends_the_backoff(
    client: Any, sandbox: Sandbox, clock: Clock
) -> None:
    sandbox.accept_nothing = True
    with pytest.raises(grpc.RpcError):
        client.unary()
    sandbox.accept_nothing = False
    assert client.unary() == b"block"
    sandbox.revoke_all()
    assert client.unary() == b"block"
    assert sandbox.token_requests == 3


def test_replay_never_leaves_the_call_as_it_ended(open_client: Open, sandbox: Sandbox) -> None:
    """Hazard R5."""
    client = open_client(sandbox.credentials(), replay="never")
    client.unary()
    sandbox.revoke_all()
    with pytest.raises(grpc.RpcError):
        client.unary()
    assert client.unary() == b"block"
    assert counts(sandbox) == (2, 3, 1)


# -- what a call carries ---------------------------------------------------------------------------


def test_a_call_to_another_host_carries_no_token_and_starts_nothing(
    open_client: Open, service: Service, sandbox: Sandbox
) -> None:
    """Hazard S2."""
    hosts = ["corecast.bitquery.io", "localhost:1"]
    client = open_client(sandbox.credentials(), allowed_hosts=hosts)
    for method in (client.unary, client.stream, client.requests):
        with pytest.raises(grpc.RpcError):
            method()
    assert all("authorization" not in metadata for metadata in service.seen)
    assert counts(sandbox) == (0, 3, 3)


def test_the_header_and_the_scheme_are_settings(open_client: Open, service: Service) -> None:
    """Hazard G3: a bare token, in the case that gRPC demands."""
    client = open_client(StaticToken("ory_at_x"), header_name="X-Token", scheme="")
    with pytest.raises(grpc.RpcError):
        client.unary()
    assert service.seen[0]["x-token"] == "ory_at_x"


def test_is_auth_failure_decides_what_a_rejected_call_is(
    open_client: Open, sandbox: Sandbox
) -> None:
    """Hazard R6."""
    outcomes = []

    def never(outcome: Any) -> bool:
        outcomes.append((outcome.code, outcome.status_code))
        return False

    client = open_client(sandbox.credentials(), is_auth_failure=never)
    client.unary()
    sandbox.revoke_all()
    with pytest.raises(grpc.RpcError):
        client.unary()
    assert outcomes == [(grpc.StatusCode.OK, 200), (UNAUTHENTICATED, 401)]
    assert sandbox.token_requests == 1


def test_credentials_of_one_call_are_kept(client: Any, service: Service) -> None:
    class Trace(grpc.AuthMetadataPlugin):  # type: ignore[misc]  # gRPC has no types
        def __call__(self, _: Any, callback: Any) -> None:
            callback((("x-trace", "7"),), None)

    assert client.unary(credentials=grpc.metadata_call_credentials(Trace())) == b"block"
    (metadata,) = service.seen
    assert metadata["x-trace"] == "7"
    assert metadata["authorization"].startswith("Bearer ")


# -- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["unary", "stream", "requests", "both"])
def test_a_call_without_a_token_ends_with_the_reason_in_its_details(
    client: Any, sandbox: Sandbox, method: str
) -> None:
    sandbox.outage = 503
    with pytest.raises(grpc.RpcError) as caught:
        getattr(client, method)()
    error: Any = caught.value
    assert error.code() is UNAVAILABLE
    assert "responded 503" in error.details()


@pytest.mark.parametrize("method", ["unary", "stream"])
def test_a_rejected_call_for_which_there_is_no_other_token_ends_with_the_reason(
    client: Any, sandbox: Sandbox, method: str
) -> None:
    client.unary()
    sandbox.revoke_all()
    sandbox.outage = 503
    with pytest.raises(grpc.RpcError) as caught:
        getattr(client, method)()
    error: Any = caught.value
    assert error.code() is UNAVAILABLE
    assert "responded 503" in error.details()
    assert counts(sandbox) == (2, 2, 1)


def test_a_source_that_fails_ends_the_call_and_shows_no_secret(open_client: Open) -> None:
    """Hazard S5. A call that never ends would be worse."""

    class Broken:
        def token(self) -> Any:
            raise LookupError("s3cret")

        def discard(self, token: Any) -> None: ...

    with pytest.raises(grpc.RpcError) as caught:
        open_client(Broken()).unary()
    error: Any = caught.value
    assert "LookupError" in error.details()
    assert "s3cret" not in str(error)


# -- a channel for threads -------------------------------------------------------------------------


@pytest.fixture
def threads_client(
    service: Service, source: ClientCredentials, portal: BlockingPortal
) -> Iterator[ThreadsClient]:
    client = ThreadsClient(service, GrpcAuth(source, allowed_hosts=[service.host]), portal)
    yield client
    client.close()


def test_future_does_not_wait_and_replaces_a_rejected_token_for_the_next_call(
    threads_client: ThreadsClient, sandbox: Sandbox
) -> None:
    assert threads_client.future().result(20) == b"block"
    sandbox.revoke_all()
    with pytest.raises(grpc.RpcError) as caught:
        threads_client.future().result(20)
    assert caught.value.code() is UNAUTHENTICATED  # type: ignore[attr-defined]  # of every call
    until(lambda: sandbox.token_requests == 2)
    assert threads_client.future().result(20) == b"block"
    assert sandbox.api_refusals == 1


def test_a_stream_is_a_call_as_well(threads_client: ThreadsClient, sandbox: Sandbox) -> None:
    threads_client.unary()
    sandbox.revoke_all()
    responses = threads_client.responses()
    assert next(responses) == b"block"
    assert list(responses) == [b"block"] * 2
    assert responses.code() is grpc.StatusCode.OK
    assert list(responses.trailing_metadata()) == []


def test_a_stream_that_is_cancelled_ends(threads_client: ThreadsClient) -> None:
    responses = threads_client.responses()
    next(responses)
    responses.cancel()
    with pytest.raises(grpc.RpcError) as caught:
        list(responses)
    assert caught.value.code() is grpc.StatusCode.CANCELLED  # type: ignore[attr-defined]  # of every call


# -- call credentials ------------------------------------------------------------------------------


def test_call_credentials_attach_the_token(
    service: Service, source: ClientCredentials, sandbox: Sandbox
) -> None:
    auth = grpc.metadata_call_credentials(GrpcAuth(source, allowed_hosts=[service.host]))
    credentials = grpc.composite_channel_credentials(service.tls, auth)
    with grpc.secure_channel(service.host, credentials) as channel:
        call = channel.unary_unary("/corecast/Unary")
        assert [call(b"block"), call(b"block")] == [b"block"] * 2
    assert sandbox.token_requests == 1


def test_the_thread_of_an_event_loop_does_not_wait_for_a_fetch(source: ClientCredentials) -> None:
    """gRPC asks for the metadata of a call of grpc.aio on that thread."""
    auth = GrpcAuth(source, allowed_hosts=["localhost"])
    metadata, error, thread = metadata_of(auth, "https://localhost/corecast")
    assert [name for name, _ in metadata] == ["authorization"]
    assert error is None
    assert thread != threading.get_ident()


def test_a_pickle_keeps_the_settings(source: ClientCredentials) -> None:
    """Hazard P1."""
    auth = GrpcAuth(source, allowed_hosts=["localhost"], header_name="X-Token", scheme="")
    restored = pickle.loads(pickle.dumps(auth))
    ((name, value),), _, _ = metadata_of(restored, "https://localhost/corecast")
    assert name == "x-token"
    assert value.startswith("ory_at_")
