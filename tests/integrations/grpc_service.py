"""A gRPC service on this machine, and its clients: for threads and for asyncio."""

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import grpc
import grpc.aio
import trustme
from anyio.from_thread import BlockingPortal

from bitquery_auth.integrations.grpc import GrpcAuth
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Headers, Request

KINDS = {
    "unary": "unary_unary",
    "stream": "unary_stream",
    "requests": "stream_unary",
    "both": "stream_stream",
}
"""The service has a method of each kind."""

RESPONSES = {"unary": b"block", "stream": [b"block"] * 3, "requests": b"ab", "both": [b"a", b"b"]}


class Service:
    """A service that accepts the tokens that are valid at the sandbox.

    Args:
        sandbox: Counts the calls, and rejects those without a valid token.
        authority: Issues the certificate of the service.

    Attributes:
        seen: The metadata of each call.
        after: How many responses a stream sends before it checks the token.
        responds: Calls are held while it is not set.
    """

    def __init__(self, sandbox: Sandbox, authority: trustme.CA) -> None:
        self.seen: list[dict[str, Any]] = []
        self.after = 0
        self.responds = threading.Event()
        self.responds.set()
        self._sandbox = sandbox
        self._server = grpc.server(ThreadPoolExecutor(16))
        handlers = {
            name: getattr(grpc, f"{kind}_rpc_method_handler")(getattr(self, f"_{name}"))
            for name, kind in KINDS.items()
        }
        generic = grpc.method_handlers_generic_handler("corecast", handlers)
        self._server.add_generic_rpc_handlers((generic,))
        certificate = authority.issue_cert("localhost")
        chain = b"".join(each.bytes() for each in certificate.cert_chain_pems)
        pair = (certificate.private_key_pem.bytes(), chain)
        port = self._server.add_secure_port("localhost:0", grpc.ssl_server_credentials([pair]))
        self.host = f"localhost:{port}"
        self.tls = grpc.ssl_channel_credentials(authority.cert_pem.bytes())

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(None).wait()

    def _check(self, context: Any) -> None:
        metadata = dict(context.invocation_metadata())
        self.seen.append(metadata)
        assert self.responds.wait(20), "the test did not let the call go on"
        headers = Headers(tuple((name, str(value)) for name, value in metadata.items()))
        response = self._sandbox.respond(Request("GET", "/graphql", headers, b""), lambda _: False)
        if response is None or response.status == 401:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "Unauthorized")

    def _unary(self, request: bytes, context: Any) -> bytes:
        self._check(context)
        return request

    def _stream(self, request: bytes, context: Any) -> Iterator[bytes]:
        yield from [request] * self.after
        self._check(context)
        if request:
            yield from [request] * (3 - self.after)

    def _requests(self, requests: Iterable[bytes], context: Any) -> bytes:
        return b"".join(self._both(requests, context))

    def _both(self, requests: Iterable[bytes], context: Any) -> Iterator[bytes]:
        received = list(requests)  # grpc.aio fails otherwise if the call ends while it still sends
        self._check(context)
        yield from received


class ThreadsClient:
    """Calls with a channel for threads."""

    def __init__(self, service: Service, auth: GrpcAuth, _: BlockingPortal) -> None:
        self._plain = grpc.secure_channel(service.host, service.tls)
        self._channel = grpc.intercept_channel(self._plain, auth)

    def close(self) -> None:
        self._plain.close()

    def method(self, name: str) -> Any:
        """Return one of the service's methods."""
        return getattr(self._channel, KINDS[name])(f"/corecast/{name}")

    def call(self, name: str = "unary", request: bytes = b"block", **options: Any) -> Any:
        """Call a method, and return its response or a list of its responses."""
        result = self.method(name)(_message(name, request), **options)
        return list(result) if KINDS[name].endswith("stream") else result


class AsyncioClient:
    """Calls with a channel for asyncio, in one event loop."""

    def __init__(self, service: Service, auth: GrpcAuth, portal: BlockingPortal) -> None:
        self._portal = portal

        async def opened() -> Any:
            return grpc.aio.secure_channel(
                service.host, service.tls, interceptors=auth.aio_interceptors
            )

        self._channel = portal.call(opened)

    def close(self) -> None:
        self._portal.call(self._channel.close)

    def call(self, name: str = "unary", request: bytes = b"block", **options: Any) -> Any:
        """Call a method, and return its response or a list of its responses."""

        async def inner() -> Any:
            method = getattr(self._channel, KINDS[name])(f"/corecast/{name}")
            result = method(_message(name, request), **options)
            if KINDS[name].endswith("stream"):
                return [response async for response in result]
            return await result

        return self._portal.call(inner)


def _message(name: str, request: bytes) -> Any:
    return iter([b"a", b"b"]) if KINDS[name].startswith("stream") else request


class Context:
    """What gRPC passes to call credentials."""

    def __init__(self, service_url: str) -> None:
        self.service_url = service_url
        self.method_name = "unary"


def metadata_of(auth: GrpcAuth, service_url: str) -> tuple[Any, Any, int]:
    """Return what call credentials pass to gRPC: metadata, error, and the thread that it is on."""
    results: list[tuple[Any, Any, int]] = []
    done = threading.Event()

    def callback(metadata: Any, error: Any) -> None:
        results.append((metadata, error, threading.get_ident()))
        done.set()

    auth(Context(service_url), callback)
    assert done.wait(20)
    return results[0]
