"""niquests, whose sessions and async sessions have an auth each."""

import asyncio
from typing import Any

import niquests

from bitquery_auth.integrations.niquests import AsyncNiquestsAuth, NiquestsAuth
from tests.integrations.bridges import HttpBridge


class Niquests(HttpBridge):
    auth_class = NiquestsAuth
    connection_error = niquests.ConnectionError
    request_error = niquests.RequestException

    @staticmethod
    def generator() -> Any:
        return iter([b"piece", b"work"])

    def post(self, url: str, **options: Any) -> tuple[int, str]:
        with niquests.Session() as session:
            session.auth = self.auth
            response = session.post(url, timeout=20, **options)
            return response.status_code, response.text


class AsyncNiquests(Niquests):
    auth_class = AsyncNiquestsAuth

    def post(self, url: str, **options: Any) -> tuple[int, str]:
        async def work() -> tuple[int, str]:
            async with niquests.AsyncSession() as session:
                session.auth = self.auth
                response = await session.post(url, timeout=20, **options)
                return response.status_code, response.text

        return asyncio.run(work())


BRIDGES = {"niquests": Niquests, "niquests-async": AsyncNiquests}
