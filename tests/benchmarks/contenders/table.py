"""Who is compared: all of them, the floor first within each client."""

from __future__ import annotations

from tests.benchmarks.contenders import auth_objects, clouds, fixed, mcp_provider, ours, sessions
from tests.benchmarks.contenders.contender import Contender

CONTENDERS: tuple[type[Contender], ...] = (
    fixed.FixedRequests,
    fixed.HookedRequests,
    ours.OursRequests,
    auth_objects.RequestsOAuth2Client,
    auth_objects.RequestsAuthLibrary,
    sessions.AuthlibRequests,
    sessions.RequestsOAuthlib,
    sessions.GoogleAuth,
    sessions.GoogleAuthInBackground,
    clouds.AzureCore,
    clouds.Botocore,
    fixed.FixedHttpx,
    ours.OursHttpx,
    auth_objects.HttpxAuthLibrary,
    fixed.FixedAsyncHttpx,
    ours.OursAsyncHttpx,
    auth_objects.HttpxAuthLibraryAsync,
    fixed.FixedHttpx2,
    ours.OursHttpx2,
    sessions.AuthlibHttpx2,
    fixed.FixedAsyncHttpx2,
    ours.OursAsyncHttpx2,
    sessions.AuthlibAsyncHttpx2,
    mcp_provider.Mcp,
)


def able(case: str) -> list[type[Contender]]:
    """Return those that can do a case."""
    return [contender for contender in CONTENDERS if case not in contender.cannot]


def floor_of(contender: type[Contender]) -> type[Contender]:
    """Return the fixed header of a contender's client."""
    return next(each for each in CONTENDERS if each.is_floor and each.client == contender.client)
