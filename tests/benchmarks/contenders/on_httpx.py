"""A contender on httpx or httpx2, with their sync and async clients."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import repeat
from typing import Any, ClassVar

from tests.benchmarks.contenders.contender import BODY, Contender
from tests.benchmarks.endpoint import STUB_URL

# A client of its own would load every authority there is.
_TRUSTING_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class OnHttpx(Contender):
    """On a sync client."""

    module_of_client: ClassVar[Any]

    def open(self) -> None:
        self.auth = self.make_auth()
        self.http = self.make_client(**self._options())

    def close(self) -> None:
        self.http.close()

    def make_client(self, **options: Any) -> Any:
        """Make the client; by default a bare one with the auth."""
        return self.module_of_client.Client(auth=self.auth, **options)

    def _options(self) -> dict[str, Any]:
        module = self.module_of_client

        def respond(request: Any) -> Any:
            return module.Response(200 if "authorization" in request.headers else 401, content=BODY)

        return {
            "mounts": {"all://api.stub.test": module.MockTransport(respond)},
            "timeout": 30,
            "limits": module.Limits(max_connections=None, max_keepalive_connections=None),
            "verify": _TRUSTING_NOBODY,
        }

    def send(self, url: str, kind: str = "bytes") -> str:
        body = BODY if kind == "bytes" else (piece for piece in (BODY[:5], BODY[5:]))
        try:
            return str(self.http.post(url, content=body).status_code)
        except Exception as error:  # noqa: BLE001 - whatever a contender raises is its result
            return type(error).__name__

    def send_many(self, count: int) -> None:
        for _ in repeat(None, count):
            self.http.post(STUB_URL, content=BODY)

    def before_flow(self) -> None:
        """Do what a client of the contender's own does before it drives the auth."""

    def flow_auth(self) -> Any:
        """Return the auth whose flow is driven."""
        return self.auth

    def work(self, count: int) -> None:
        auth = self.flow_auth()
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

    def idle(self, count: int) -> None:
        for _ in repeat(None, count):
            pass

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

    def send(self, url: str, kind: str = "bytes") -> str:
        return self.runner.run(self.asend(url, kind))

    async def asend(self, url: str, kind: str = "bytes") -> str:
        try:
            body = BODY if kind == "bytes" else _pieces()
            return str((await self.http.post(url, content=body)).status_code)
        except Exception as error:  # noqa: BLE001 - whatever a contender raises is its result
            return type(error).__name__

    def at_once(self, count: int, url: str, kind: str = "bytes") -> list[str]:
        async def all_of_them() -> list[str]:
            return await asyncio.gather(*(self.asend(url, kind) for _ in range(count)))

        return self.runner.run(all_of_them())

    def send_many(self, count: int) -> None:
        async def one_by_one() -> None:
            for _ in repeat(None, count):
                await self.http.post(STUB_URL, content=BODY)

        self.runner.run(one_by_one())

    async def before_aflow(self) -> None:
        """Do what a client of the contender's own does before it drives the auth."""

    def work(self, count: int) -> None:
        self.runner.run(self._drive(count))

    async def _drive(self, count: int) -> None:
        auth = self.flow_auth()
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

    def idle(self, count: int) -> None:
        async def nothing() -> None:
            for _ in repeat(None, count):
                pass

        self.runner.run(nothing())


async def _pieces() -> AsyncIterator[bytes]:
    yield BODY[:5]
    yield BODY[5:]
