"""A contender on httpx or httpx2, with their sync and async clients."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import repeat
from typing import Any, ClassVar

from tests.benchmarks.contenders.face import BODY, Answer, Contender
from tests.benchmarks.contenders.on_requests import in_threads
from tests.benchmarks.endpoint import STUB_URL

_CONTENT = b'{"received": %d}' % len(BODY)
_TRUSTING_NOBODY = ssl.SSLContext(
    ssl.PROTOCOL_TLS_CLIENT
)  # a client of its own would load every authority there is


class OnHttpx(Contender):
    """On a sync client."""

    module_of_client: ClassVar[Any]

    def open(self) -> None:
        self.auth = self.make_auth()
        self.http = self.make_client(**self._options(self._stub()))

    def close(self) -> None:
        self.http.close()

    def make_client(self, **options: Any) -> Any:
        """Make the client; by default a bare one with the auth."""
        return self.module_of_client.Client(auth=self.auth, **options)

    def _options(self, stub: Any) -> dict[str, Any]:
        limits = self.module_of_client.Limits(max_connections=None, max_keepalive_connections=None)
        host = STUB_URL.rpartition("/")[0].partition("://")[2]
        return {
            "mounts": {f"all://{host}": stub},
            "timeout": 30,
            "limits": limits,
            "verify": _TRUSTING_NOBODY,
        }

    def _stub(self) -> Any:
        module = self.module_of_client

        class Stub(module.BaseTransport):
            def handle_request(self, request: Any) -> Any:
                return module.Response(
                    200 if "authorization" in request.headers else 401, content=_CONTENT
                )

        return Stub()

    def send(self, url: str, kind: str = "bytes") -> Answer:
        try:
            response = self.http.post(url, content=_chunks() if kind == "generator" else BODY)
            return _answer(response)
        except Exception as error:  # noqa: BLE001 - whatever a contender raises is its result
            return Answer(error=type(error).__name__)

    def at_once(self, count: int, url: str, kind: str = "bytes") -> list[Answer]:
        return in_threads(self, count, url, kind)

    def send_many(self, count: int, url: str) -> None:
        for _ in repeat(None, count):
            self.http.post(url, content=BODY)

    def before_flow(self) -> None:
        """Do what a client of the contender's own does before it drives the auth."""

    def work(self, count: int) -> None:
        self._drive(self.flow_auth(), count)

    def idle(self, count: int) -> None:
        for _ in repeat(None, count):
            pass

    def flow_auth(self) -> Any:
        """The auth whose flow is driven."""
        return self.auth

    def _drive(self, auth: Any, count: int) -> None:
        request, response = self._exchanged()
        before = None if type(self).before_flow is OnHttpx.before_flow else self.before_flow
        for _ in repeat(None, count):  # as Client._send_handling_auth does
            if before is not None:
                before()
            flow = auth.sync_auth_flow(request)
            try:
                next(flow)
                with suppress(StopIteration):
                    flow.send(response)
            finally:
                flow.close()

    def _exchanged(self) -> tuple[Any, Any]:
        headers = {
            "Accept": "*/*",
            "Accept-Encoding": "gzip",
            "Connection": "keep-alive",
            "User-Agent": "benchmark",
        }
        request = self.module_of_client.Request("POST", STUB_URL, content=BODY, headers=headers)
        return request, self.module_of_client.Response(200, request=request)


class OnAsyncHttpx(OnHttpx):
    """On an async client, whose event loop lives as long as the contender."""

    is_async = True

    def open(self) -> None:
        self.runner = asyncio.Runner()
        self.runner.run(self._open())

    async def _open(self) -> None:
        super().open()

    def close(self) -> None:
        self.runner.run(self.http.aclose())
        self.runner.close()

    def make_client(self, **options: Any) -> Any:
        return self.module_of_client.AsyncClient(auth=self.auth, **options)

    def _stub(self) -> Any:
        module = self.module_of_client

        class Stub(module.AsyncBaseTransport):
            async def handle_async_request(self, request: Any) -> Any:
                return module.Response(
                    200 if "authorization" in request.headers else 401, content=_CONTENT
                )

        return Stub()

    async def asend(self, url: str, kind: str = "bytes") -> Answer:
        try:
            return _answer(
                await self.http.post(url, content=_achunks() if kind == "generator" else BODY)
            )
        except Exception as error:  # noqa: BLE001 - whatever a contender raises is its result
            return Answer(error=type(error).__name__)

    def send(self, url: str, kind: str = "bytes") -> Answer:
        return self.runner.run(self.asend(url, kind))

    def at_once(self, count: int, url: str, kind: str = "bytes") -> list[Answer]:
        async def all_of_them() -> list[Answer]:
            return await asyncio.gather(*(self.asend(url, kind) for _ in range(count)))

        return self.runner.run(all_of_them())

    def send_many(self, count: int, url: str) -> None:
        async def one_by_one() -> None:
            for _ in repeat(None, count):
                await self.http.post(url, content=BODY)

        self.runner.run(one_by_one())

    async def before_aflow(self) -> None:
        """Do what the client does before it drives the auth."""

    def work(self, count: int) -> None:
        self.runner.run(self._adrive(self.flow_auth(), count))

    def idle(self, count: int) -> None:
        async def nothing() -> None:
            for _ in repeat(None, count):
                pass

        self.runner.run(nothing())

    async def _adrive(self, auth: Any, count: int) -> None:
        request, response = self._exchanged()
        before = None if type(self).before_aflow is OnAsyncHttpx.before_aflow else self.before_aflow
        for _ in repeat(None, count):
            if before is not None:
                await before()
            flow = auth.async_auth_flow(request)
            try:
                await flow.__anext__()
                with suppress(StopAsyncIteration):
                    await flow.asend(response)
            finally:
                await flow.aclose()


def _answer(response: Any) -> Answer:
    return Answer(
        response.status_code, response.json()["received"] if response.is_success else None
    )


def _chunks() -> Iterator[bytes]:
    yield BODY[:5]
    yield BODY[5:]


async def _achunks() -> AsyncIterator[bytes]:
    yield BODY[:5]
    yield BODY[5:]
