"""Which libraries are tested together, in one virtual environment: some exclude each other."""

from dataclasses import dataclass

LIBRARIES = "libraries"


@dataclass(frozen=True)
class Group:
    """Libraries of one environment.

    Args:
        name: The name of the group.
        requirements: What pip installs, each with the lowest version that is tested.
        files: The files, or folders, that are tested there.
        has_lowest: Whether their lowest versions can be installed together.
    """

    name: str
    requirements: tuple[str, ...]
    files: tuple[str, ...] = (LIBRARIES,)
    has_lowest: bool = True

    def at_lowest(self) -> list[str]:
        """Return the requirements, each at its lowest version."""
        return [each.replace(">=", "==") for each in self.requirements]


TOOLS = (
    "anyio>=4.6",
    "blockbuster>=1.5.24",
    "httpx2>=2.10.0",
    "pytest>=8.3",
    "pytest-randomly>=3.16",
    "pytest-timeout>=2.3",
    "pytest-xdist>=3.6.1",
    "trustme>=1.2",
)
"""What the tests need, always the newest."""

GROUPS = (
    Group("gql", ("aiohttp>=3.13.3", "gql[aiohttp,httpx,requests]>=4.0.0")),  # 4.4 uses httpx2
    Group("graphql", ("ariadne-codegen>=0.19.0", "sgqlc[requests]>=16.5")),
    Group(
        "requests",
        (
            "CacheControl>=0.14.0",
            "requests-cache>=1.2.0",
            "requests-futures>=1.0.2",
            "requests-toolbelt>=1.0.0",
            "responses>=0.25.0",
            "zeep>=4.3.0",
        ),
    ),
    Group(
        "httpx",
        (
            "hishel[httpx]>=2.0.0",
            "httpx-retries>=0.6.0",  # 0.4.0 leaves its connections open
            "httpx-sse>=0.4.0",
            "pytest-httpx>=0.35.0",
            "qdrant-client>=1.13.0",
            "respx>=0.22.0",
        ),
    ),
    Group(
        "data",
        (
            "aiohttp>=3.13.3",
            "duckdb>=2.0.0",
            "fsspec>=2025.2.0",
            "pandas>=2.3.0",
            "polars>=1.30.0",
        ),
    ),
    Group("web3", ("aiohttp>=3.13.3", "web3>=8.0.0")),
    Group(
        "agents",
        (
            "anthropic>=2.14.0",
            "fastmcp>=4.1.0",
            "langchain-openai>=1.7.4",
            "litellm>=1.110.0",
            "mcp>=2.3.0",
            "openai>=3.54.0",
            "openai-agents>=0.24.0",
            "pydantic-ai-slim[openai]>=2.68.0",
        ),
        has_lowest=False,
    ),
    Group("mcp1", ("langchain-mcp-adapters>=0.3.2",)),  # needs version 1 of mcp
    Group("dlt", ("dlt>=1.31.0",)),
    Group("singer", ("singer-sdk>=0.54.0",)),
    Group("airbyte", ("airbyte-cdk>=7.39.0",)),
    Group(
        "httpie",
        ("filelock>=3.29.5", "httpie>=3.2.4", "platformdirs>=4.3.0"),
        files=("test_httpie.py",),
    ),
    Group("workers", ("celery>=5.4.0", "gunicorn>=23.0.0")),
    Group("niquests", ("niquests>=3.18.0",), files=("test_bridges.py",)),  # replaces urllib3
    Group("airflow", ("apache-airflow-providers-http>=6.3.0",)),
)
