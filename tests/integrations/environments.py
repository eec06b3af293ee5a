"""Which libraries are tried together: one virtual environment for each group, as some of them exclude each other."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """Libraries that go into one environment.

    Args:
        name: What it is called by.
        requirements: What pip is given, each with the lowest version that is admitted.
        files: The test files that are run there.
    """

    name: str
    requirements: tuple[str, ...]
    files: tuple[str, ...]

    def at_lowest(self) -> list[str]:
        """The requirements, each at its lowest version."""
        return [each.replace(">=", "==") for each in self.requirements]


TOOLS = (
    "anyio>=4.6",
    "blockbuster>=1.5.24",
    "pytest>=8.3",
    "pytest-randomly>=3.16",
    "pytest-timeout>=2.3",
)
"""What the tests themselves need; always the newest."""

_GQL = ("test_gql_requests.py", "test_gql_httpx.py", "test_gql_websockets.py")

GROUPS = (
    Group("gql", ("gql[httpx,requests,websockets]>=4.0.0",), _GQL),
    Group("gql-httpx2", ("gql[httpx,requests,websockets]>=4.4.0", "httpx2>=2.10.0"), _GQL),
    Group(
        "graphql",
        ("ariadne-codegen>=0.19.0", "sgqlc[requests]>=16.5"),
        ("test_ariadne_codegen.py", "test_sgqlc.py"),
    ),
    Group(
        "requests",
        (
            "CacheControl>=0.14.0",
            "requests-cache>=1.2.0",
            "requests-futures>=1.0.2",
            "requests-toolbelt>=1.0.0",
            "responses>=0.25.0",
        ),
        (
            "test_cachecontrol.py",
            "test_requests_cache.py",
            "test_requests_futures.py",
            "test_requests_toolbelt.py",
            "test_responses.py",
            "test_urllib3_retry.py",
        ),
    ),
    Group(
        "httpx",
        (
            "hishel[httpx]>=2.0.0",
            "httpx-retries>=0.6.0",  # 0.4.0 leaves its connections open
            "httpx-sse>=0.4.0",
            "httpx-ws>=0.7.0",
            "pytest-httpx>=0.35.0",
            "respx>=0.22.0",
            "websockets>=15.0",
        ),
        (
            "test_hishel.py",
            "test_httpx_retries.py",
            "test_httpx_sse.py",
            "test_httpx_ws.py",
            "test_pytest_httpx.py",
            "test_respx.py",
        ),
    ),
    Group(
        "agents",
        ("httpx2>=2.12.0", "mcp>=2.3.0", "openai>=3.54.0"),
        ("test_mcp.py", "test_openai.py"),
    ),
    Group("fastmcp", ("fastmcp>=4.1.0",), ("test_fastmcp.py",)),
    Group("dlt", ("dlt>=1.31.0",), ("test_dlt.py",)),
    Group("web3", ("web3>=8.0.0",), ("test_web3.py",)),
    Group(
        "bridges",
        (
            "aiohttp>=3.13.3",
            "dlt>=1.31.0",
            "filelock>=3.29.5",
            "gql[aiohttp]>=4.0.0",
            "grpcio>=1.80.0",
            "httpie>=3.2.4",
            "httpx2>=2.10.0",
            "pandas>=2.3",
            "platformdirs>=4.3",
            "polars>=1.30",
            "trustme>=1.2",
        ),
        (
            "test_aiohttp.py",
            "test_aiohttp_bodies.py",
            "test_aiohttp_redirects.py",
            "test_dlt_rest_api.py",
            "test_gql_aiohttp.py",
            "test_grpc.py",
            "test_header_mapping.py",
            "test_httpie.py",
        ),
    ),
    Group("airflow", ("apache-airflow-providers-http>=6.3.0",), ("test_airflow.py",)),
)
