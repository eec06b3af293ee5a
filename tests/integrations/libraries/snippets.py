"""How an auth is passed to each library: for most of them, no code of ours is needed.

Each function takes the URL of an API and an auth, and yields a function that calls the API once.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from anyio.from_thread import start_blocking_portal

from bitquery_auth.sandbox._messages import Request, Response
from tests.integrations.libraries.mcp_server import serve_mcp
from tests.integrations.libraries.story import Call
from tests.kit import QUERY
from tests.kit.origin import Handler, answering

Uses = Callable[[str, Any], Generator[Call]]

JSON = {"Content-Type": "application/json"}


def responding(body: Any) -> Handler:
    return answering(200, json.dumps(body), **JSON)


ROWS = responding([{"hash": "0x1"}, {"hash": "0x2"}])
HASHES = ["0x1", "0x2"]


@dataclass(frozen=True)
class Snippet:
    """A library, and how it is used.

    Attributes:
        name: The function's.
        modules: What has to be installed.
        auth: The kind of auth that it takes.
        uses: The function.
        api: What the API responds, whatever its path. None for the sandbox's GraphQL.
        path: Appended to the URL of the API.
        requests_per_call: How many requests one call makes; None if that depends on the version.
    """

    name: str
    modules: tuple[str, ...]
    auth: str
    uses: Uses
    api: Handler | None
    path: str
    requests_per_call: int | None

    @property
    def is_installed(self) -> bool:
        return all(map(is_installed, self.modules))


def is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:  # the package that it is in
        return False


SNIPPETS: dict[str, Snippet] = {}


def snippet(
    modules: str,
    auth: str,
    *,
    api: Handler | None = None,
    path: str = "/",
    requests_per_call: int | None = 1,
) -> Callable[[Uses], Uses]:
    def add(uses: Uses) -> Uses:
        name = uses.__name__
        needed = (*modules.split(), *(["aiohttp"] if auth == "aiohttp" else []))
        SNIPPETS[name] = Snippet(name, needed, auth, uses, api, path, requests_per_call)
        return uses

    return add


def blocking(call: Callable[[], Awaitable[Any]], *contexts: Any) -> Generator[Call]:
    """Yield a function that calls a coroutine function, in one event loop for all calls."""
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())
        for context in contexts:
            stack.enter_context(portal.wrap_async_context_manager(context))
        yield lambda: portal.call(call)


def check_trades(data: Any) -> None:
    assert len(data["EVM"]["DEXTrades"]) == 3


# -- GraphQL ---------------------------------------------------------------------------------------


@snippet("gql.transport.requests", "requests")
def gql_over_requests(url: str, auth: Any) -> Generator[Call]:
    from gql import Client, gql
    from gql.transport.requests import RequestsHTTPTransport

    client = Client(transport=RequestsHTTPTransport(url, auth=auth, timeout=60))
    yield lambda: check_trades(client.execute(gql(QUERY["query"])))


@snippet("gql.transport.httpx", "httpx")
def gql_over_httpx(url: str, auth: Any) -> Generator[Call]:
    from gql import Client, gql
    from gql.transport.httpx import HTTPXTransport

    client = Client(transport=HTTPXTransport(url, auth=auth))
    yield lambda: check_trades(client.execute(gql(QUERY["query"])))


@snippet("gql.transport.httpx", "httpx")
def gql_over_async_httpx(url: str, auth: Any) -> Generator[Call]:
    """Each call runs an event loop of its own."""
    import asyncio

    from gql import Client, gql
    from gql.transport.httpx import HTTPXAsyncTransport

    async def call() -> None:
        async with Client(transport=HTTPXAsyncTransport(url, auth=auth)) as session:
            check_trades(await session.execute(gql(QUERY["query"])))

    yield lambda: asyncio.run(call())


@snippet("gql.transport.aiohttp", "aiohttp")
def gql_over_aiohttp(url: str, auth: Any) -> Generator[Call]:
    import asyncio

    from gql import Client, gql
    from gql.transport.aiohttp import AIOHTTPTransport

    async def call() -> None:
        arguments = {"middlewares": (auth,)}
        transport = AIOHTTPTransport(url, ssl=True, client_session_args=arguments)
        async with Client(transport=transport) as session:
            check_trades(await session.execute(gql(QUERY["query"])))

    yield lambda: asyncio.run(call())


@snippet("sgqlc.endpoint.requests", "requests")
def sgqlc(url: str, auth: Any) -> Generator[Call]:
    from sgqlc.endpoint.requests import RequestsEndpoint

    endpoint = RequestsEndpoint(url, auth=auth, timeout=60)
    yield lambda: check_trades(endpoint(QUERY["query"])["data"])


# -- requests --------------------------------------------------------------------------------------


def _calls_of_session(session: Any, url: str) -> Generator[Call]:
    def call() -> None:
        check_trades(session.post(url, json=QUERY, timeout=20).json()["data"])

    with session:
        yield call


@snippet("cachecontrol", "requests")
def cachecontrol(url: str, auth: Any) -> Generator[Call]:
    import requests
    from cachecontrol import CacheControl

    session = CacheControl(requests.Session())
    session.auth = auth
    yield from _calls_of_session(session, url)


@snippet("requests_cache", "requests")
def requests_cache(url: str, auth: Any) -> Generator[Call]:
    """One cache for each credential: the keys leave the token out."""
    from requests_cache import CachedSession

    session = CachedSession(backend="memory")
    session.auth = auth
    yield from _calls_of_session(session, url)


@snippet("requests_futures", "requests")
def requests_futures(url: str, auth: Any) -> Generator[Call]:
    from requests_futures.sessions import FuturesSession

    with FuturesSession(max_workers=8) as session:
        session.auth = auth
        yield lambda: check_trades(
            session.post(url, json=QUERY, timeout=20).result().json()["data"]
        )


@snippet("requests_toolbelt", "requests")
def requests_toolbelt(url: str, auth: Any) -> Generator[Call]:
    from requests_toolbelt.sessions import BaseUrlSession

    base, _, path = url.rpartition("/")
    session = BaseUrlSession(base)
    session.auth = auth
    yield from _calls_of_session(session, f"/{path}")


@snippet("zeep", "requests", api=answering(200, "<a/>"))
def zeep(url: str, auth: Any) -> Generator[Call]:
    import requests
    from zeep.transports import Transport

    with requests.Session() as session:
        session.auth = auth
        transport = Transport(session=session)
        yield lambda: transport.post(url, "<q/>", {}).raise_for_status()


@snippet("dlt", "requests", api=ROWS)
def dlt_rest_client(url: str, auth: Any) -> Generator[Call]:
    from dlt.sources.helpers.rest_client import RESTClient

    client = RESTClient(base_url=url, auth=auth)

    def call() -> None:
        assert [row["hash"] for row in client.get("any").json()] == HASHES

    yield call


@snippet("dlt", "dlt", api=ROWS)
def dlt_rest_api(url: str, auth: Any) -> Generator[Call]:
    from dlt.sources.rest_api import rest_api_source

    client = {"base_url": url, "auth": auth, "paginator": "single_page"}

    def call() -> None:
        source = rest_api_source({"client": client, "resources": ["transfers"]})
        assert [row["hash"] for row in source] == HASHES

    yield call


@snippet("singer_sdk", "requests", api=ROWS)
def singer_sdk(url: str, auth: Any) -> Generator[Call]:
    from singer_sdk import RESTStream, Tap
    from singer_sdk.typing import PropertiesList, Property, StringType

    class Transfers(RESTStream[Any]):
        name = "transfers"
        path = ""
        url_base = url
        schema = PropertiesList(Property("hash", StringType)).to_dict()
        authenticator = auth

    class TapTransfers(Tap):
        name = "tap-transfers"

        def discover_streams(self) -> list[Any]:
            return [Transfers(self)]

    (stream,) = TapTransfers().discover_streams()

    def call() -> None:
        assert [row["hash"] for row in stream.get_records(None)] == HASHES

    yield call


@snippet("airbyte_cdk", "requests", api=ROWS)
def airbyte_cdk(url: str, auth: Any) -> Generator[Call]:
    import logging

    from airbyte_cdk.sources.streams.http import HttpClient

    client = HttpClient("transfers", logging.getLogger("airbyte"), authenticator=auth)

    def call() -> None:
        _, response = client.send_request("GET", url, request_kwargs={})
        assert [row["hash"] for row in response.json()] == HASHES

    yield call


def _block_number(request: Request) -> Response:
    """Respond as a node that is at block 16."""
    body = {"jsonrpc": "2.0", "id": json.loads(request.body)["id"], "result": "0x10"}
    return Response(200, tuple(JSON.items()), json.dumps(body).encode())


@snippet("web3", "requests", api=_block_number)
def web3(url: str, auth: Any) -> Generator[Call]:
    from web3 import HTTPProvider, Web3

    w3 = Web3(HTTPProvider(url, request_kwargs={"auth": auth, "timeout": 60}))

    def call() -> None:
        assert w3.eth.block_number == 16

    yield call


@snippet("web3", "aiohttp", api=_block_number)
def web3_async(url: str, auth: Any) -> Generator[Call]:
    from web3 import AsyncHTTPProvider, AsyncWeb3

    provider = AsyncHTTPProvider(url, request_kwargs={"middlewares": (auth,)})
    w3 = AsyncWeb3(provider)

    async def call() -> None:
        assert await w3.eth.block_number == 16

    with start_blocking_portal() as portal:
        yield lambda: portal.call(call)
        portal.call(provider.disconnect)


# -- httpx and httpx2 ------------------------------------------------------------------------------


@snippet("hishel.httpx", "httpx")
def hishel(url: str, auth: Any) -> Generator[Call]:
    """Without ``rfc=True``, one user gets the cached responses of another."""
    from hishel.httpx import CacheClient

    yield from _calls_of_session(CacheClient(auth=auth, rfc=True), url)


@snippet("httpx_retries", "httpx")
def httpx_retries(url: str, auth: Any) -> Generator[Call]:
    import httpx
    from httpx_retries import Retry, RetryTransport

    retry = Retry(total=3, status_forcelist=[502, 503])
    client = httpx.Client(auth=auth, transport=RetryTransport(retry=retry))
    yield from _calls_of_session(client, url)


_EVENTS = answering(200, "data: 1\n\ndata: 2\n\n", **{"Content-Type": "text/event-stream"})


@snippet("httpx_sse", "httpx", api=_EVENTS)
def httpx_sse(url: str, auth: Any) -> Generator[Call]:
    import httpx
    from httpx_sse import connect_sse

    def call() -> None:
        with httpx.Client(auth=auth) as client, connect_sse(client, "GET", url) as events:
            assert [event.data for event in events.iter_sse()] == ["1", "2"]

    yield call


@snippet("qdrant_client", "httpx", api=responding({"result": {"collections": []}, "time": 0}))
def qdrant(url: str, auth: Any) -> Generator[Call]:
    from qdrant_client import QdrantClient

    client = QdrantClient(url, auth=auth, check_compatibility=False)

    def call() -> None:
        assert client.get_collections().collections == []

    yield call
    client.close()


# -- agents ----------------------------------------------------------------------------------------

_CHAT = responding(
    {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "hello"},
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
)


@snippet("openai", "httpx", api=responding({"object": "list", "data": []}), path="/v1")
def openai(url: str, auth: Any) -> Generator[Call]:
    import httpx2
    from openai import OpenAI

    http_client = httpx2.Client(auth=auth)
    with OpenAI(base_url=url, api_key="unused", http_client=http_client) as client:
        yield client.models.list


@snippet(
    "anthropic",
    "httpx",
    api=responding(
        {
            "id": "1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [{"type": "text", "text": "hello"}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
    ),
)
def anthropic(url: str, auth: Any) -> Generator[Call]:
    import httpx2
    from anthropic import Anthropic

    http_client = httpx2.Client(auth=auth)
    messages: Any = [{"role": "user", "content": "hello"}]
    with Anthropic(base_url=url, api_key="unused", http_client=http_client) as client:
        yield lambda: client.messages.create(model="m", max_tokens=1, messages=messages)


@snippet("litellm", "httpx", api=_CHAT, path="/v1")
def litellm(url: str, auth: Any) -> Generator[Call]:
    import httpx2
    from litellm import completion
    from openai import OpenAI

    http_client = httpx2.Client(auth=auth)
    messages = [{"role": "user", "content": "hello"}]
    with OpenAI(base_url=url, api_key="unused", http_client=http_client) as client:
        yield lambda: completion(model="openai/m", messages=messages, client=client)


@snippet("pydantic_ai", "httpx", api=_CHAT, path="/v1")
def pydantic_ai(url: str, auth: Any) -> Generator[Call]:
    import httpx2
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    http_client = httpx2.AsyncClient(auth=auth)
    provider = OpenAIProvider(base_url=url, api_key="unused", http_client=http_client)
    agent = Agent(OpenAIChatModel("m", provider=provider))
    yield from blocking(lambda: agent.run("hello"), http_client)


@snippet("langchain_openai", "httpx", api=_CHAT, path="/v1")
def langchain_openai(url: str, auth: Any) -> Generator[Call]:
    import httpx2
    from langchain_openai import ChatOpenAI

    with httpx2.Client(auth=auth) as client:
        chat = ChatOpenAI(base_url=url, api_key="unused", model="m", http_client=client)
        yield lambda: chat.invoke("hello")


@snippet("agents", "httpx", api=_CHAT, path="/v1")
def openai_agents(url: str, auth: Any) -> Generator[Call]:
    import httpx2
    from agents import Agent, OpenAIChatCompletionsModel, Runner, set_tracing_disabled
    from openai import AsyncOpenAI

    set_tracing_disabled(True)
    http_client = httpx2.AsyncClient(auth=auth)
    client = AsyncOpenAI(base_url=url, api_key="unused", http_client=http_client)
    agent = Agent(name="a", model=OpenAIChatCompletionsModel(model="m", openai_client=client))
    yield from blocking(lambda: Runner.run(agent, "hello"), http_client)


_MCP: dict[str, Any] = {"api": serve_mcp, "path": "/mcp", "requests_per_call": None}


@snippet("mcp mcp_types", "httpx", **_MCP)
def mcp(url: str, auth: Any) -> Generator[Call]:
    """Version 2; in version 1, `streamablehttp_client` has an argument ``auth``."""
    import httpx2
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def call() -> None:
        async with (
            httpx2.AsyncClient(auth=auth) as http_client,
            streamable_http_client(url, http_client=http_client) as streams,
            ClientSession(*streams[:2]) as session,
        ):
            await session.initialize()
            assert (await session.call_tool("head", {})).content[0].text == "16"

    yield from blocking(call)


@snippet("fastmcp", "httpx", **_MCP)
def fastmcp(url: str, auth: Any) -> Generator[Call]:
    from fastmcp import Client
    from fastmcp.client.transports import StreamableHttpTransport

    async def call() -> None:
        async with Client(StreamableHttpTransport(url, auth=auth)) as client:
            assert (await client.call_tool("head", {})).content[0].text == "16"

    yield from blocking(call)


@snippet("agents", "httpx", **_MCP)
def openai_agents_mcp(url: str, auth: Any) -> Generator[Call]:
    from agents.mcp import MCPServerStreamableHttp

    async def call() -> None:
        async with MCPServerStreamableHttp({"url": url, "auth": auth}) as server:
            assert (await server.call_tool("head", {})).content[0].text == "16"

    yield from blocking(call)


@snippet("langchain_mcp_adapters", "httpx", **_MCP)
def langchain_mcp_adapters(url: str, auth: Any) -> Generator[Call]:
    from langchain_mcp_adapters.client import MultiServerMCPClient

    server = {"transport": "streamable_http", "url": url, "auth": auth}
    client = MultiServerMCPClient({"bitquery": server})

    async def call() -> None:
        (tool,) = await client.get_tools()
        assert "16" in str(await tool.ainvoke({}))

    yield from blocking(call)


# -- aiohttp ---------------------------------------------------------------------------------------


def _file_system(auth: Any) -> Any:
    import fsspec

    options = {"client_kwargs": {"middlewares": (auth,)}, "skip_instance_cache": True}
    return fsspec.filesystem("http", **options)


@snippet("fsspec", "aiohttp", api=ROWS)
def fsspec(url: str, auth: Any) -> Generator[Call]:
    files = _file_system(auth)

    def call() -> None:
        assert [row["hash"] for row in json.loads(files.cat(url))] == HASHES

    yield call


@snippet("pandas fsspec", "aiohttp", api=ROWS, requests_per_call=None)
def pandas_over_fsspec(url: str, auth: Any) -> Generator[Call]:
    """A header in ``storage_options`` is static, and pandas takes it along to other hosts."""
    import pandas as pd

    files = _file_system(auth)

    def call() -> None:
        with files.open(url) as file:
            assert list(pd.read_json(file)["hash"]) == HASHES

    yield call


@snippet("polars fsspec", "aiohttp", api=ROWS, requests_per_call=None)
def polars_over_fsspec(url: str, auth: Any) -> Generator[Call]:
    import polars as pl

    files = _file_system(auth)

    def call() -> None:
        with files.open(url) as file:
            assert list(pl.read_json(file.read())["hash"]) == HASHES

    yield call


@snippet(
    "duckdb fsspec",
    "aiohttp",
    api=answering(200, "hash,value\n0x1,1\n0x2,2\n"),
    requests_per_call=None,
)
def duckdb_over_fsspec(url: str, auth: Any) -> Generator[Call]:
    """DuckDB asks for the time of the last change, which an API does not tell."""
    import datetime as dt

    import duckdb
    from fsspec.implementations.http import HTTPFileSystem

    class Files(HTTPFileSystem):  # type: ignore[misc]  # fsspec has no types
        def modified(self, _: str) -> dt.datetime:
            return dt.datetime.now(dt.UTC)

    files = Files(client_kwargs={"middlewares": (auth,)}, skip_instance_cache=True)

    def call() -> None:
        with duckdb.connect() as connection:
            connection.register_filesystem(files)
            rows = connection.execute(f"SELECT hash::text FROM read_csv('{url}')").fetchall()
            assert [hash_ for (hash_,) in rows] == HASHES

    yield call
