"""gRPC: call credentials, as Bitquery's CoreCast wants them."""

import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import pytest
import trustme

from bitquery_auth import StaticToken, TokenSource
from bitquery_auth.sandbox import Sandbox
from tests.integrations.needs import needs

grpc = needs("grpc", "grpcio")

from bitquery_auth.integrations.grpc import GrpcAuth  # noqa: E402


class Service:
    """A gRPC service on this machine: it answers with the authorization it saw, to those the sandbox knows."""

    def __init__(self, sandbox: Sandbox, authority: trustme.CA) -> None:
        self._sandbox = sandbox
        self.seen: list[dict[str, Any]] = []
        self._server = grpc.server(ThreadPoolExecutor(8))
        handler = grpc.unary_unary_rpc_method_handler(self._answer)
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("corecast", {"Get": handler}),))
        certificate = authority.issue_cert("localhost")
        pair = (certificate.private_key_pem.bytes(), b"".join(each.bytes() for each in certificate.cert_chain_pems))
        self._port = self._server.add_secure_port("localhost:0", grpc.ssl_server_credentials([pair]))
        self._root = authority.cert_pem.bytes()

    @property
    def host(self) -> str:
        return f"localhost:{self._port}"

    def _answer(self, _: bytes, context: Any) -> bytes:
        metadata = dict(context.invocation_metadata())
        self.seen.append(metadata)
        token = metadata.get("authorization", "").removeprefix("Bearer ")
        if self._sandbox._tokens.find(token, now=self._sandbox.clock()) is None:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "Unauthorized")
        return b"block"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(None).wait()

    def channel(self, auth: GrpcAuth) -> Any:
        """Open a channel whose calls have the auth."""
        tls = grpc.ssl_channel_credentials(self._root)
        return grpc.secure_channel(
            self.host, grpc.composite_channel_credentials(tls, grpc.metadata_call_credentials(auth))
        )


@pytest.fixture
def service(sandbox: Sandbox) -> Iterator[Service]:
    with Service(sandbox, trustme.CA()) as running:
        yield running


Open = Callable[..., Callable[[], bytes]]


@pytest.fixture
def open_call(service: Service) -> Iterator[Open]:
    """Open a channel; give a call on it."""
    channels = []

    def opened(source: TokenSource, **settings: Any) -> Callable[[], bytes]:
        channel = service.channel(GrpcAuth(source, **({"allowed_hosts": [service.host]} | settings)))
        channels.append(channel)
        method = channel.unary_unary("/corecast/Get")
        return lambda: method(b"", timeout=20)

    yield opened
    for channel in channels:
        channel.close()


def test_calls_carry_one_token(open_call: Open, sandbox: Sandbox) -> None:
    """Hazard F4."""
    call = open_call(sandbox.credentials())
    assert [call() for _ in range(3)] == [b"block"] * 3
    assert sandbox.token_requests == 1


def test_calls_at_once_cost_one_token_request(open_call: Open, sandbox: Sandbox) -> None:
    """Hazard C1."""
    sandbox.delay = 0.1
    call = open_call(sandbox.credentials())
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(lambda _: call(), range(16))) == [b"block"] * 16
    assert sandbox.token_requests == 1


def test_after_a_refusal_the_source_is_told_and_the_next_call_works(open_call: Open, sandbox: Sandbox) -> None:
    """Hazard R1: gRPC tells call credentials nothing of how a call ended."""
    source = sandbox.credentials()
    call = open_call(source)
    call()
    sandbox.revoke_all()
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    source.renew()
    assert call() == b"block"
    assert sandbox.token_requests == 2


def test_a_call_to_another_host_goes_without_the_token(open_call: Open, service: Service, sandbox: Sandbox) -> None:
    """Hazard S2."""
    call = open_call(sandbox.credentials(), allowed_hosts=["corecast.bitquery.io", "localhost:1"])
    with pytest.raises(grpc.RpcError):
        call()
    assert "authorization" not in service.seen[0]
    assert sandbox.token_requests == 0


def test_the_key_and_the_scheme_are_settings(open_call: Open, service: Service) -> None:
    """Hazard G3: a bare token, in the spelling that gRPC demands."""
    call = open_call(StaticToken("ory_at_x"), header_name="X-Token", scheme="")
    with pytest.raises(grpc.RpcError):
        call()
    assert service.seen[0]["x-token"] == "ory_at_x"


def test_without_a_token_to_be_had_the_call_ends_with_the_reason(open_call: Open, sandbox: Sandbox) -> None:
    sandbox.outage = 503
    with pytest.raises(grpc.RpcError) as caught:
        open_call(sandbox.credentials())()
    assert "503" in caught.value.details()


def test_a_source_that_breaks_ends_the_call_and_tells_no_secret(open_call: Open) -> None:
    """Hazard S5: and a call that waited for ever would be worse than one that ends."""

    class Broken:
        def token(self) -> Any:
            raise LookupError("s3cret")

        def discard(self, token: Any) -> None: ...

    with pytest.raises(grpc.RpcError) as caught:
        open_call(Broken())()
    assert "LookupError" in caught.value.details()
    assert "s3cret" not in str(caught.value)


def test_grpcs_thread_does_not_wait_for_a_fetch(sandbox: Sandbox) -> None:
    """It may be the event loop's of grpc.aio."""
    auth = GrpcAuth(sandbox.credentials(), allowed_hosts=["localhost"])
    threads: list[int] = []
    done = threading.Event()

    class Context:
        service_url = "https://localhost/corecast"
        method_name = "Get"

    def callback(metadata: Any, error: Any) -> None:
        threads.append(threading.get_ident())
        done.set()

    auth(Context(), callback)
    assert done.wait(20)
    assert threads != [threading.get_ident()]


def test_a_pickle_works(sandbox: Sandbox) -> None:
    """Hazard P1."""
    auth = pickle.loads(pickle.dumps(GrpcAuth(sandbox.credentials(), allowed_hosts=["localhost"], scheme="")))
    assert auth._settings == {"allowed_hosts": ("localhost",), "header_name": "authorization", "scheme": ""}
