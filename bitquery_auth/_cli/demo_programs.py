"""The programs that the demo compares: with this library and without it, in three clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

import httpx
import requests
from requests.adapters import HTTPAdapter

from bitquery_auth import HTTPXAuth, RequestsAuth, Token, TokenSource
from bitquery_auth.sandbox import Sandbox

MAX_CALLS_AT_ONCE = 64
_TIMEOUT = 30.0
_RAISED = 0

# The query in Bitquery's guide "Managing Authorization Headers in Streaming API".
_QUERY = """
{
  EVM(mempool: true, network: eth) {
    DEXTrades(limit: {count: 10}) {
      Transaction { Hash }
      Trade {
        Buy { Amount Currency { Name } Buyer }
        Sell { Amount Currency { Name } Buyer }
      }
    }
  }
}
"""


class Program(NamedTuple):
    """Where a program takes its tokens from, and how it uses them.

    Args:
        make_source: Returns its token source for a stand-in.
        auth_settings: Further settings of its auth.
    """

    make_source: Callable[[Sandbox], TokenSource]
    auth_settings: dict[str, Any]


Calls = Callable[[int], list[int]]
"""Makes that many calls at once, and returns their statuses, with 0 for one that raised."""

Client = Callable[[Sandbox, Program], AbstractContextManager[Calls]]


@contextmanager
def _requests_client(sandbox: Sandbox, program: Program) -> Iterator[Calls]:
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", HTTPAdapter(pool_maxsize=MAX_CALLS_AT_ONCE))
        session.auth = RequestsAuth(**_auth_arguments(sandbox, program))

        def post() -> int:
            response = session.post(
                sandbox.graphql_endpoint, json={"query": _QUERY}, timeout=_TIMEOUT
            )
            return response.status_code

        yield _in_threads(post)


@contextmanager
def _httpx_client(sandbox: Sandbox, program: Program) -> Iterator[Calls]:
    auth = HTTPXAuth(**_auth_arguments(sandbox, program))
    with httpx.Client(auth=auth, timeout=_TIMEOUT, trust_env=False) as client:
        yield _in_threads(
            lambda: client.post(sandbox.graphql_endpoint, json={"query": _QUERY}).status_code
        )


@contextmanager
def _httpx_async_client(sandbox: Sandbox, program: Program) -> Iterator[Calls]:
    auth = HTTPXAuth(**_auth_arguments(sandbox, program))
    client = httpx.AsyncClient(auth=auth, timeout=_TIMEOUT, trust_env=False)

    async def post() -> int:
        response = await client.post(sandbox.graphql_endpoint, json={"query": _QUERY})
        return response.status_code

    async def calls(count: int) -> list[int]:
        results = await asyncio.gather(*(post() for _ in range(count)), return_exceptions=True)
        return [_RAISED if isinstance(result, BaseException) else result for result in results]

    with asyncio.Runner() as runner:
        # By default there are fewer threads for token requests than there are calls.
        runner.get_loop().set_default_executor(ThreadPoolExecutor(MAX_CALLS_AT_ONCE))
        yield lambda count: runner.run(calls(count))
        runner.run(client.aclose())


def _auth_arguments(sandbox: Sandbox, program: Program) -> dict[str, Any]:
    return {
        "source": program.make_source(sandbox),
        "allowed_hosts": sandbox.allowed_hosts,
        **program.auth_settings,
    }


def _in_threads(post: Callable[[], int]) -> Calls:
    def status(_: int) -> int:
        try:
            return post()
        except Exception:  # noqa: BLE001 - whatever a client raises: the call failed
            return _RAISED

    def calls(count: int) -> list[int]:
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(status, range(count)))

    return calls


def _with_library(sandbox: Sandbox) -> TokenSource:
    return sandbox.credentials(trust_env=False)  # A proxy does not lead to this computer.


class _TokenForEachCall:
    """A source without a cache: it requests a token for each call."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def token(self) -> Token:
        return _with_library(self._sandbox).token()

    def discard(self, token: Token | str) -> None:
        """Do nothing: no token is kept."""


class _CacheWithoutLock(_TokenForEachCall):
    """A source with the simplest cache: it has no lock, and does not renew a token in time."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self._token: Token | None = None

    def token(self) -> Token:
        if self._token is None or self._token.is_expired:
            self._token = super().token()
        return self._token


_WITHOUT_RECOVERY = {"is_auth_failure": lambda _: False}

CLIENTS: dict[str, Client] = {
    "requests": _requests_client,
    "httpx": _httpx_client,
    "httpx, async": _httpx_async_client,
}
PROGRAMS = (
    Program(_with_library, {}),
    Program(_TokenForEachCall, _WITHOUT_RECOVERY),
    Program(_CacheWithoutLock, _WITHOUT_RECOVERY),
)
"""This library, a token for each call, and a cache without a lock: the columns of the table."""
