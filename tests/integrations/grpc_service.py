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


class Service:
    """A service that accepts the tokens that are valid at the sandbox.

    Args:
        sandbox: Counts the calls, and rejects those without a valid token.
        authority: Issues the certificate of the service.

    Attributes:
        seen: The metadata of each call.
        after: How many responses a stream sends before it checks the token.
    """

    def __init__(self, sandbox: Sandbox, authority: trustme.CA) -> None:
        self.seen: list[dict[str, Any]] = []
        self.after = 0
        self._sandbox = sandbox
        self._server = grpc.server(ThreadPoolExecutor(16))
        handlers = {
            "Unary": grpc.unary_unary_rpc_method_handler(self._unary),
            "Stream": grpc.unary_stream_rpc_method_handler(self._stream),
            "Requests": grpc.stream_unary_rpc_method_handler(self._requests),
            "Both": grpc.stream_stream_rpc_method_handler(self._both),
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
        received = list(requests)  # grpc.aio fails otherwise if the call ends while it still sends
        self._check(context)
        return b"".join(received)

    def _both(self, requests: Iterable[bytes], context: Any) -> Iterator[bytes]:
        received = list(requests)
        self._check(context)
        yield from received


class ThreadsClient:
    """Calls with a channel for threads."""

    def __init__(self, service: Service, auth: GrpcAuth, _: BlockingPortal) -> None:
        self.channel = grpc.secure_channel(service.host, service.tls)
        self._intercepted = grpc.intercept_channel(self.channel, auth)

    def close(self) -> None:
        self.channel.close()

    def unary(self, **options: Any) -> bytes:
        return bytes(self._intercepted.unary_unary("/corecast/Unary")(b"block", **options))

    def stream(self, request: bytes = b"block") -> list[bytes]:
        return list(self._intercepted.unary_stream("/corecast/Stream")(request))

    def requests(self) -> bytes:
        return bytes(self._intercepted.stream_unary("/corecast/Requests")(iter([b"a", b"b"])))

    def both(self) -> list[bytes]:
        return list(self._intercepted.stream_stream("/corecast/Both")(iter([b"a", b"b"])))

    def future(self) -> Any:
        return self._intercepted.unary_unary("/corecast/Unary").future(b"block")

    def responses(self) -> Any:
        return self._intercepted.unary_stream("/corecast/Stream")(b"block")


class AsyncioClient:
    """Calls with a channel for asyncio, in one event loop."""

    def __init__(self, service: Service, auth: GrpcAuth, portal: BlockingPortal) -> None:
        self._portal = portal

        async def opened() -> Any:
            return grpc.aio.secure_channel(
                service.host, service.tls, interceptors=auth.aio_interceptors
            )

        self.channel = portal.call(opened)

    def close(self) -> None:
        self._portal.call(self.channel.close)

    def unary(self, **options: Any) -> bytes:
        async def call() -> bytes:
            return bytes(await self.channel.unary_unary("/corecast/Unary")(b"block", **options))

        return self._portal.call(call)

    def stream(self, request: bytes = b"block") -> list[bytes]:
        async def call() -> list[bytes]:
            responses = self.channel.unary_stream("/corecast/Stream")(request)
            return [response async for response in responses]

        return self._portal.call(call)

    def requests(self) -> bytes:
        async def call() -> bytes:
            method = self.channel.stream_unary("/corecast/Requests")
            return bytes(await method(iter([b"a", b"b"])))

        return self._portal.call(call)

    def both(self) -> list[bytes]:
        async def call() -> list[bytes]:
            responses = self.channel.stream_stream("/corecast/Both")(iter([b"a", b"b"]))
            return [response async for response in responses]

        return self._portal.call(call)


class Context:
    """What gRPC passes to call credentials."""

    def __init__(self, service_url: str) -> None:
        self.service_url = service_url
        self.method_name = "Unary"


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
