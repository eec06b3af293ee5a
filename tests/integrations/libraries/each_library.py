"""How an auth is passed to each library: for most of them, no code of ours is needed.

Each function takes the URL of an API, an auth and the library's modules, and yields a function that
calls the API once.
"""

import asyncio
import datetime as dt
import json
from collections.abc import Awaitable, Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import httpx
import httpx2
import requests
from anyio.from_thread import start_blocking_portal

from bitquery_auth.sandbox._messages import Request, Response
from tests.integrations.libraries.mcp_server import serve_mcp
from tests.integrations.libraries.story import Call
from tests.kit import QUERY
from tests.kit.origin import Handler, answering

JSON = {"Content-Type": "application/json"}


def responding(body: Any) -> Handler:
    return answering(200, json.dumps(body), **JSON)


ROWS = responding([{"hash": "0x1"}, {"hash": "0x2"}])
HASHES = ["0x1", "0x2"]


@dataclass(frozen=True)
class Library:
    """A library, and how it is used.

    Attributes:
        auth: The kind of auth that it takes.
        modules: What the function uses.
        use: The function.
        api: What the API responds, whatever its path. None for the sandbox's GraphQL.
        path: Appended to the URL of the API.
        requests_per_call: How many requests one call makes; None if that depends on the version.
    """

    auth: str
    modules: tuple[str, ...]
    use: Callable[..., Generator[Call]]
    api: Handler | None
    path: str
    requests_per_call: int | None

    @property
    def is_installed(self) -> bool:
        further = ["aiohttp"] if self.auth == "aiohttp" else []
        return all(map(is_installed, (*self.modules, *further)))


def is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:  # the package that it is in
        return False


LIBRARIES: dict[str, Library] = {}


def library(
    auth: str,
    *modules: str,
    api: Handler | None = None,
    path: str = "/",
    requests_per_call: int | None = 1,
) -> Callable[[Callable[..., Generator[Call]]], None]:
    def add(use: Callable[..., Generator[Call]]) -> None:
        LIBRARIES[use.__name__] = Library(auth, modules, use, api, path, requests_per_call)

    return add


def check_trades(data: Any) -> None:
    assert len(data["EVM"]["DEXTrades"]) == 3


def check_rows(rows: Any) -> None:
    assert [row["hash"] for row in rows] == HASHES


def blocking(call: Callable[[], Awaitable[Any]], *contexts: Any) -> Generator[Call]:
    """Yield a function that calls a coroutine function, in one event loop for all calls."""
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())
        for context in contexts:
            stack.enter_context(portal.wrap_async_context_manager(context))
        yield lambda: portal.call(call)


def posting(session: Any, url: str, auth: Any) -> Generator[Call]:
    """Yield a function that posts a query with a session, or a client, of the library's."""
    session.auth = auth
    with session:
        yield lambda: check_trades(session.post(url, json=QUERY, timeout=20).json()["data"])


# -- GraphQL ---------------------------------------------------------------------------------------


@library("requests", "gql", "gql.transport.requests")
def gql_over_requests(url: str, auth: Any, gql: Any, transport: Any) -> Generator[Call]:
    client = gql.Client(transport=transport.RequestsHTTPTransport(url, auth=auth, timeout=60))
    yield lambda: check_trades(client.execute(gql.gql(QUERY["query"])))


@library("httpx", "gql", "gql.transport.httpx")
def gql_over_httpx(url: str, auth: Any, gql: Any, transport: Any) -> Generator[Call]:
    client = gql.Client(transport=transport.HTTPXTransport(url, auth=auth))
    yield lambda: check_trades(client.execute(gql.gql(QUERY["query"])))


async def _execute(gql: Any, transport: Any) -> None:
    async with gql.Client(transport=transport) as session:
        check_trades(await session.execute(gql.gql(QUERY["query"])))


@library("httpx", "gql", "gql.transport.httpx")
def gql_over_async_httpx(url: str, auth: Any, gql: Any, transport: Any) -> Generator[Call]:
    """Each call runs an event loop of its own."""
    yield lambda: asyncio.run(_execute(gql, transport.HTTPXAsyncTransport(url, auth=auth)))


@library("aiohttp", "gql", "gql.transport.aiohttp")
def gql_over_aiohttp(url: str, auth: Any, gql: Any, transport: Any) -> Generator[Call]:
    options: Any = {"ssl": True, "client_session_args": {"middlewares": (auth,)}}
    yield lambda: asyncio.run(_execute(gql, transport.AIOHTTPTransport(url, **options)))


@library("requests", "sgqlc.endpoint.requests")
def sgqlc(url: str, auth: Any, endpoints: Any) -> Generator[Call]:
    endpoint = endpoints.RequestsEndpoint(url, auth=auth, timeout=60)
    yield lambda: check_trades(endpoint(QUERY["query"])["data"])


# -- requests --------------------------------------------------------------------------------------


@library("requests", "cachecontrol")
def cachecontrol(url: str, auth: Any, cachecontrol: Any) -> Generator[Call]:
    return posting(cachecontrol.CacheControl(requests.Session()), url, auth)


@library("requests", "requests_cache")
def requests_cache(url: str, auth: Any, requests_cache: Any) -> Generator[Call]:
    """One cache for each credential: the keys leave the token out."""
    return posting(requests_cache.CachedSession(backend="memory"), url, auth)


@library("requests", "requests_futures.sessions")
def requests_futures(url: str, auth: Any, sessions: Any) -> Generator[Call]:
    with sessions.FuturesSession(max_workers=8) as session:
        session.auth = auth
        yield lambda: check_trades(session.post(url, json=QUERY).result(20).json()["data"])


@library("requests", "requests_toolbelt.sessions")
def requests_toolbelt(url: str, auth: Any, sessions: Any) -> Generator[Call]:
    base, _, path = url.rpartition("/")
    return posting(sessions.BaseUrlSession(base), f"/{path}", auth)


@library("requests", "zeep.transports", api=answering(200, "<a/>"))
def zeep(url: str, auth: Any, transports: Any) -> Generator[Call]:
    with requests.Session() as session:
        session.auth = auth
        transport = transports.Transport(session=session)
        yield lambda: transport.post(url, "<q/>", {}).raise_for_status()


@library("requests", "dlt.sources.helpers.rest_client", api=ROWS)
def dlt_rest_client(url: str, auth: Any, rest_client: Any) -> Generator[Call]:
    client = rest_client.RESTClient(base_url=url, auth=auth)
    yield lambda: check_rows(client.get("any").json())


@library("dlt", "dlt.sources.rest_api", api=ROWS)
def dlt_rest_api(url: str, auth: Any, rest_api: Any) -> Generator[Call]:
    client = {"base_url": url, "auth": auth, "paginator": "single_page"}
    config = {"client": client, "resources": ["transfers"]}
    yield lambda: check_rows(rest_api.rest_api_source(config))


@library("requests", "singer_sdk", api=ROWS)
def singer_sdk(url: str, auth: Any, _: Any) -> Generator[Call]:
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


@library("requests", "airbyte_cdk", api=ROWS)
def airbyte_cdk(url: str, auth: Any, _: Any) -> Generator[Call]:
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


@library("requests", "web3", api=_block_number)
def web3(url: str, auth: Any, web3: Any) -> Generator[Call]:
    w3 = web3.Web3(web3.HTTPProvider(url, request_kwargs={"auth": auth, "timeout": 60}))

    def call() -> None:
        assert w3.eth.block_number == 16

    yield call


@library("aiohttp", "web3", api=_block_number)
def web3_async(url: str, auth: Any, web3: Any) -> Generator[Call]:
    provider = web3.AsyncHTTPProvider(url, request_kwargs={"middlewares": (auth,)})
    w3 = web3.AsyncWeb3(provider)

    async def call() -> None:
        assert await w3.eth.block_number == 16

    with start_blocking_portal() as portal:
        yield lambda: portal.call(call)
        portal.call(provider.disconnect)


# -- httpx and httpx2 ------------------------------------------------------------------------------


@library("httpx", "hishel.httpx")
def hishel(url: str, auth: Any, hishel: Any) -> Generator[Call]:
    """Without ``rfc=True``, one user gets the cached responses of another."""
    return posting(hishel.CacheClient(rfc=True), url, auth)


@library("httpx", "httpx_retries")
def httpx_retries(url: str, auth: Any, httpx_retries: Any) -> Generator[Call]:
    retry = httpx_retries.Retry(total=3, status_forcelist=[502, 503])
    return posting(httpx.Client(transport=httpx_retries.RetryTransport(retry=retry)), url, auth)


_EVENTS = answering(200, "data: 1\n\ndata: 2\n\n", **{"Content-Type": "text/event-stream"})


@library("httpx", "httpx_sse", api=_EVENTS)
def httpx_sse(url: str, auth: Any, httpx_sse: Any) -> Generator[Call]:
    def call() -> None:
        with httpx.Client(auth=auth) as client, httpx_sse.connect_sse(client, "GET", url) as events:
            assert [event.data for event in events.iter_sse()] == ["1", "2"]

    yield call


@library("httpx", "qdrant_client", api=responding({"result": {"collections": []}, "time": 0}))
def qdrant(url: str, auth: Any, _: Any) -> Generator[Call]:
    from qdrant_client import QdrantClient

    client = QdrantClient(url, auth=auth, check_compatibility=False)

    def call() -> None:
        assert client.get_collections().collections == []

    yield call
    client.close()


# -- agents ----------------------------------------------------------------------------------------


@library("httpx", "openai", api=responding({"object": "list", "data": []}), path="/v1")
def openai(url: str, auth: Any, openai: Any) -> Generator[Call]:
    options: Any = {"api_key": "unused", "http_client": httpx2.Client(auth=auth)}
    with openai.OpenAI(base_url=url, **options) as client:
        yield client.models.list


@library("httpx", "anthropic", api=responding({"data": [], "has_more": False}))
def anthropic(url: str, auth: Any, anthropic: Any) -> Generator[Call]:
    options: Any = {"api_key": "unused", "http_client": httpx2.Client(auth=auth)}
    with anthropic.Anthropic(base_url=url, **options) as client:
        yield client.models.list


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


@library("httpx", "litellm", api=_CHAT, path="/v1")
def litellm(url: str, auth: Any, _: Any) -> Generator[Call]:
    import httpx2
    from litellm import completion
    from openai import OpenAI

    http_client = httpx2.Client(auth=auth)
    messages = [{"role": "user", "content": "hello"}]
    with OpenAI(base_url=url, api_key="unused", http_client=http_client) as client:
        yield lambda: completion(model="openai/m", messages=messages, client=client)


@library("httpx", "pydantic_ai", api=_CHAT, path="/v1")
def pydantic_ai(url: str, auth: Any, _: Any) -> Generator[Call]:
    import httpx2
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    http_client = httpx2.AsyncClient(auth=auth)
    provider = OpenAIProvider(base_url=url, api_key="unused", http_client=http_client)
    agent = Agent(OpenAIChatModel("m", provider=provider))
    yield from blocking(lambda: agent.run("hello"), http_client)


@library("httpx", "langchain_openai", api=_CHAT, path="/v1")
def langchain_openai(url: str, auth: Any, _: Any) -> Generator[Call]:
    import httpx2
    from langchain_openai import ChatOpenAI

    with httpx2.Client(auth=auth) as client:
        chat = ChatOpenAI(base_url=url, api_key="unused", model="m", http_client=client)
        yield lambda: chat.invoke("hello")


@library("httpx", "agents", api=_CHAT, path="/v1")
def openai_agents(url: str, auth: Any, _: Any) -> Generator[Call]:
    import httpx2
    from agents import Agent, OpenAIChatCompletionsModel, Runner, set_tracing_disabled
    from openai import AsyncOpenAI

    set_tracing_disabled(True)
    http_client = httpx2.AsyncClient(auth=auth)
    client = AsyncOpenAI(base_url=url, api_key="unused", http_client=http_client)
    agent = Agent(name="a", model=OpenAIChatCompletionsModel(model="m", openai_client=client))
    yield from blocking(lambda: Runner.run(agent, "hello"), http_client)


_MCP: dict[str, Any] = {"api": serve_mcp, "path": "/mcp", "requests_per_call": None}


@library("httpx", "mcp", "mcp.client.streamable_http", "mcp_types", **_MCP)
def mcp(url: str, auth: Any, mcp: Any, http: Any, _: Any) -> Generator[Call]:
    """Version 2; in version 1, `streamablehttp_client` has an argument ``auth``."""

    async def call() -> None:
        async with (
            httpx2.AsyncClient(auth=auth) as http_client,
            http.streamable_http_client(url, http_client=http_client) as streams,
            mcp.ClientSession(*streams[:2]) as session,
        ):
            await session.initialize()
            assert (await session.call_tool("head", {})).content[0].text == "16"

    return blocking(call)


@library("httpx", "fastmcp", "fastmcp.client.transports", **_MCP)
def fastmcp(url: str, auth: Any, fastmcp: Any, transports: Any) -> Generator[Call]:
    async def call() -> None:
        async with fastmcp.Client(transports.StreamableHttpTransport(url, auth=auth)) as client:
            assert (await client.call_tool("head", {})).content[0].text == "16"

    return blocking(call)


@library("httpx", "agents", **_MCP)
def openai_agents_mcp(url: str, auth: Any, _: Any) -> Generator[Call]:
    from agents.mcp import MCPServerStreamableHttp

    async def call() -> None:
        async with MCPServerStreamableHttp({"url": url, "auth": auth}) as server:
            assert (await server.call_tool("head", {})).content[0].text == "16"

    return blocking(call)


@library("httpx", "langchain_mcp_adapters", **_MCP)
def langchain_mcp_adapters(url: str, auth: Any, _: Any) -> Generator[Call]:
    from langchain_mcp_adapters.client import MultiServerMCPClient

    server = {"transport": "streamable_http", "url": url, "auth": auth}
    client = MultiServerMCPClient({"bitquery": server})

    async def call() -> None:
        (tool,) = await client.get_tools()
        assert "16" in str(await tool.ainvoke({}))

    return blocking(call)


# -- aiohttp ---------------------------------------------------------------------------------------


def _files(fsspec: Any, auth: Any) -> Any:
    options: Any = {"client_kwargs": {"middlewares": (auth,)}, "skip_instance_cache": True}
    return fsspec.filesystem("http", **options)


@library("aiohttp", "fsspec", api=ROWS)
def fsspec(url: str, auth: Any, fsspec: Any) -> Generator[Call]:
    files = _files(fsspec, auth)
    yield lambda: check_rows(json.loads(files.cat(url)))


@library("aiohttp", "fsspec", "pandas", "polars", api=ROWS, requests_per_call=None)
def pandas_and_polars(
    url: str, auth: Any, fsspec: Any, pandas: Any, polars: Any
) -> Generator[Call]:
    """A header in ``storage_options`` is static, and pandas takes it along to other hosts."""
    files = _files(fsspec, auth)

    def call() -> None:
        with files.open(url) as file:
            assert list(pandas.read_json(file)["hash"]) == HASHES
        with files.open(url) as file:
            assert list(polars.read_json(file.read())["hash"]) == HASHES

    yield call


_CSV = answering(200, "hash,value\n0x1,1\n0x2,2\n")


@library("aiohttp", "duckdb", "fsspec.implementations.http", api=_CSV, requests_per_call=None)
def duckdb(url: str, auth: Any, duckdb: Any, http: Any) -> Generator[Call]:
    """DuckDB asks for the time of the last change, which an API does not tell."""

    class Files(http.HTTPFileSystem):  # type: ignore[misc]  # not installed everywhere
        def modified(self, _: str) -> dt.datetime:
            return dt.datetime.now(dt.UTC)

    files = Files(client_kwargs={"middlewares": (auth,)}, skip_instance_cache=True)

    def call() -> None:
        with duckdb.connect() as connection:
            connection.register_filesystem(files)
            rows = connection.execute(f"SELECT hash::text FROM read_csv('{url}')").fetchall()
            assert [hash_ for (hash_,) in rows] == HASHES

    yield call
