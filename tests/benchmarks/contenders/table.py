"""Who is compared: all of them, the floor first within each client."""

from __future__ import annotations

from tests.benchmarks.contenders.auth_objects import (
    HttpxAuthLibrary,
    HttpxAuthLibraryAsync,
    RequestsAuthLibrary,
    RequestsOAuth2Client,
)
from tests.benchmarks.contenders.clouds import AzureCore, Botocore
from tests.benchmarks.contenders.contender import Contender
from tests.benchmarks.contenders.fixed import (
    FixedAsyncHttpx,
    FixedAsyncHttpx2,
    FixedHttpx,
    FixedHttpx2,
    FixedRequests,
    HookedRequests,
)
from tests.benchmarks.contenders.mcp_provider import Mcp
from tests.benchmarks.contenders.ours import (
    OursAsyncHttpx,
    OursAsyncHttpx2,
    OursHttpx,
    OursHttpx2,
    OursRequests,
)
from tests.benchmarks.contenders.sessions import (
    AuthlibAsyncHttpx2,
    AuthlibHttpx2,
    AuthlibRequests,
    GoogleAuth,
    GoogleAuthInBackground,
    RequestsOAuthlib,
)

CONTENDERS: tuple[type[Contender], ...] = (
    FixedRequests,
    HookedRequests,
    OursRequests,
    RequestsOAuth2Client,
    RequestsAuthLibrary,
    AuthlibRequests,
    RequestsOAuthlib,
    GoogleAuth,
    GoogleAuthInBackground,
    AzureCore,
    Botocore,
    FixedHttpx,
    OursHttpx,
    HttpxAuthLibrary,
    FixedAsyncHttpx,
    OursAsyncHttpx,
    HttpxAuthLibraryAsync,
    FixedHttpx2,
    OursHttpx2,
    AuthlibHttpx2,
    FixedAsyncHttpx2,
    OursAsyncHttpx2,
    AuthlibAsyncHttpx2,
    Mcp,
)


def able(case: str) -> list[type[Contender]]:
    """Return those that can do a case."""
    return [contender for contender in CONTENDERS if case not in contender.cannot]


def floor_of(contender: type[Contender]) -> type[Contender]:
    """Return the fixed header of a contender's client."""
    return next(each for each in CONTENDERS if each.is_floor and each.client == contender.client)
