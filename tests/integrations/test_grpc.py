"""gRPC: interceptors for threads and for asyncio, and call credentials."""

import pickle
import threading
from collections.abc import Callable, Iterator
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
from tests.integrations.grpc_service import (
    KINDS,
    RESPONSES,
    AsyncioClient,
    Service,
    ThreadsClient,
    metadata_of,
)
from tests.kit.clock import Clock
from tests.kit.crowd import at_once
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


on_threads = pytest.mark.parametrize("open_client", [ThreadsClient], indirect=True)


def counts(sandbox: Sandbox) -> tuple[int, int, int]:
    """Token requests, calls, and calls that were rejected."""
    return sandbox.token_requests, sandbox.api_requests, sandbox.api_refusals


def error_of(call: Callable[..., object], *args: Any, code: Any = UNAUTHENTICATED) -> Any:
    """Return the error of a call, which must end with this code."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*args)
    error: Any = caught.value
    assert error.code() is code
    return error


# -- tokens ----------------------------------------------------------------------------------------


def test_calls_of_every_kind_carry_one_token(client: Any, sandbox: Sandbox) -> None:
    """Hazard F4."""
    assert {kind: client.call(kind) for kind in KINDS} == RESPONSES
    assert counts(sandbox) == (1, 4, 0)


def test_calls_at_once_share_one_token_and_its_successor(client: Any, sandbox: Sandbox) -> None:
    """Hazards C1 and C6."""
    sandbox.delay = 0.1
    for tokens in (1, 2):
        assert at_once([client.call] * 12) == [b"block"] * 12
        assert sandbox.token_requests == tokens
        sandbox.revoke_all()


@pytest.mark.parametrize("kind", ["unary", "stream"])
def test_a_call_with_a_revoked_token_is_repeated_once_with_another(
    client: Any, sandbox: Sandbox, kind: str
) -> None:
    """Hazard R1."""
    client.call(kind)
    sandbox.revoke_all()
    assert client.call(kind) == RESPONSES[kind]
    assert counts(sandbox) == (2, 3, 1)


@pytest.mark.parametrize("kind", ["requests", "both"])
def test_after_a_rejected_stream_of_requests_the_next_call_has_another_token(
    client: Any, sandbox: Sandbox, kind: str
) -> None:
    """Hazard R4: the requests have been read, so they cannot be sent again."""
    client.call(kind)
    sandbox.revoke_all()
    error_of(client.call, kind)
    until(lambda: sandbox.token_requests == 2)
    client.call(kind)
    assert counts(sandbox) == (2, 3, 1)


def test_a_stream_that_has_yielded_something_is_not_repeated(
    client: Any, service: Service, sandbox: Sandbox
) -> None:
    client.call()
    service.after = 1
    sandbox.revoke_all()
    error_of(client.call, "stream")
    assert counts(sandbox) == (1, 2, 1)


def test_a_stream_without_responses_ends(client: Any, sandbox: Sandbox) -> None:
    assert client.call("stream", b"") == []
    sandbox.revoke_all()
    assert client.call("stream", b"") == []
    assert counts(sandbox) == (2, 3, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_an_api_that_rejects_every_call_costs_a_bounded_number_of_tokens(
    client: Any, sandbox: Sandbox, clock: Clock, kind: str
) -> None:
    """Hazard R3. A call that is accepted ends the pause."""
    sandbox.accept_nothing = True
    for _ in range(20):
        error_of(client.call, kind)
    until(lambda: sandbox.token_requests == 2)
    sandbox.accept_nothing = False
    client.call()
    sandbox.revoke_all()
    assert client.call() == b"block"
    assert sandbox.token_requests == 3


def test_replay_never_leaves_the_call_as_it_ended(open_client: Open, sandbox: Sandbox) -> None:
    """Hazard R5."""
    client = open_client(sandbox.credentials(), replay="never")
    client.call()
    sandbox.revoke_all()
    error_of(client.call)
    assert client.call() == b"block"
    assert counts(sandbox) == (2, 3, 1)


# -- what a call carries ---------------------------------------------------------------------------


def test_a_call_to_another_host_carries_no_token_and_starts_nothing(
    open_client: Open, service: Service, sandbox: Sandbox
) -> None:
    """Hazard S2."""
    hosts = ["corecast.bitquery.io", "localhost:1"]
    client = open_client(sandbox.credentials(), allowed_hosts=hosts)
    for kind in KINDS:
        error_of(client.call, kind)
    assert all("authorization" not in metadata for metadata in service.seen)
    assert counts(sandbox) == (0, 4, 4)


def test_the_header_and_the_scheme_are_settings(open_client: Open, service: Service) -> None:
    """Hazard G3: a bare token, in the case that gRPC demands."""
    client = open_client(StaticToken("ory_at_x"), header_name="X-Token", scheme="")
    error_of(client.call)
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
    client.call()
    sandbox.revoke_all()
    error_of(client.call)
    assert outcomes == [(grpc.StatusCode.OK, 200), (UNAUTHENTICATED, 401)]
    assert sandbox.token_requests == 1


def test_credentials_of_one_call_are_kept(client: Any, service: Service) -> None:
    class Trace(grpc.AuthMetadataPlugin):  # type: ignore[misc]  # gRPC has no types
        def __call__(self, _: Any, callback: Any) -> None:
            callback((("x-trace", "7"),), None)

    assert client.call(credentials=grpc.metadata_call_credentials(Trace())) == b"block"
    (metadata,) = service.seen
    assert metadata["x-trace"] == "7"
    assert metadata["authorization"].startswith("Bearer ")


# -- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "is_revoked"),
    [*((kind, False) for kind in KINDS), ("unary", True), ("stream", True)],
)
def test_a_call_without_a_token_ends_with_the_reason_in_its_details(
    client: Any, sandbox: Sandbox, kind: str, *, is_revoked: bool
) -> None:
    """Before the first call, and after one that was rejected."""
    if is_revoked:
        client.call()
        sandbox.revoke_all()
    sandbox.outage = 503
    assert "responded 503" in error_of(client.call, kind, code=UNAVAILABLE).details()
    assert counts(sandbox) == ((2, 2, 1) if is_revoked else (1, 0, 0))


def test_a_source_that_fails_ends_the_call_and_shows_no_secret(open_client: Open) -> None:
    """Hazard S5. A call that never ends would be worse."""

    class Broken:
        def token(self) -> Any:
            raise LookupError("s3cret")

        def discard(self, token: Any) -> None: ...

    error = error_of(open_client(Broken()).call, code=UNAVAILABLE)
    assert "LookupError" in error.details()
    assert "s3cret" not in str(error)


# -- a channel for threads -------------------------------------------------------------------------


@on_threads
def test_future_does_not_wait_and_replaces_a_rejected_token_for_the_next_call(
    client: ThreadsClient, service: Service, sandbox: Sandbox
) -> None:
    def future() -> Any:
        service.responds.clear()
        call = client.method("unary").future(b"block")
        service.responds.set()
        return call

    assert future().result(20) == b"block"
    sandbox.revoke_all()
    error_of(future().result, 20)
    until(lambda: sandbox.token_requests == 2)
    assert future().result(20) == b"block"
    assert sandbox.api_refusals == 1


@on_threads
def test_a_stream_is_a_call_as_well(client: ThreadsClient, sandbox: Sandbox) -> None:
    client.call()
    sandbox.revoke_all()
    responses = client.method("stream")(b"block")
    assert next(responses) == b"block"
    assert list(responses) == [b"block"] * 2
    assert responses.code() is grpc.StatusCode.OK
    assert list(responses.trailing_metadata()) == []


@on_threads
def test_a_stream_that_is_cancelled_ends(client: ThreadsClient) -> None:
    responses = client.method("stream")(b"block")
    next(responses)
    responses.cancel()
    error_of(list, responses, code=grpc.StatusCode.CANCELLED)


# -- call credentials ------------------------------------------------------------------------------


def test_call_credentials_attach_the_token(
    service: Service, source: ClientCredentials, sandbox: Sandbox
) -> None:
    auth = grpc.metadata_call_credentials(GrpcAuth(source, allowed_hosts=[service.host]))
    credentials = grpc.composite_channel_credentials(service.tls, auth)
    with grpc.secure_channel(service.host, credentials) as channel:
        call = channel.unary_unary("/corecast/unary")
        assert [call(b"block"), call(b"block")] == [b"block"] * 2
    assert sandbox.token_requests == 1


def test_a_pickle_keeps_the_settings_and_no_event_loop_waits_for_a_fetch(
    source: ClientCredentials,
) -> None:
    """Hazard P1. gRPC asks for the metadata of a call of grpc.aio on the thread of its loop."""
    auth = GrpcAuth(source, allowed_hosts=["localhost"], header_name="X-Token", scheme="")
    restored = pickle.loads(pickle.dumps(auth))
    ((name, value),), error, thread = metadata_of(restored, "https://localhost/corecast")
    assert name == "x-token"
    assert value.startswith("ory_at_")
    assert error is None
    assert thread != threading.get_ident()
