"""A source whose fetches end as a test says, without a server."""

from collections.abc import Callable
from typing import Any

import pytest

from bitquery_auth import BitqueryAuthError
from bitquery_auth._sources.cache import CachingTokenSource, now
from bitquery_auth._sources.expiry import FetchedToken
from tests.kit.clock import Clock

Outcome = float | None | BaseException
"""How a fetch ends: the lifetime of its token, or what it raises."""


class ScriptedSource(CachingTokenSource):
    """Every fetch ends with `outcome`, after it took `takes` seconds of the clock.

    Attributes:
        on_fetch: Called in the middle of every fetch.
        fetches: The rejected tokens that were passed to each fetch.
        issued: The tokens that were fetched, in order.
    """

    def __init__(self, clock: Clock, **settings: Any) -> None:
        super().__init__(**({"leeway": 60.0, "renew_ahead": 0.0} | settings))
        self._clock = clock
        self.outcome: Outcome = 3600.0
        self.takes = 0.0
        self.on_fetch: Callable[[], object] = lambda: None
        self.fetches: list[frozenset[str]] = []
        self.issued: list[FetchedToken] = []

    def _fetch(self, *, rejected: frozenset[str], force: bool) -> FetchedToken:
        self.fetches.append(rejected)
        requested_at = now()
        self._clock.advance(self.takes)
        self.on_fetch()
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        name = f"token-{len(self.issued)}"
        self.issued.append(FetchedToken.of(name, requested_at, self.outcome))
        return self.issued[-1]

    def attempt(self) -> Any:
        """Return the token, or the error."""
        try:
            return self.token()
        except BitqueryAuthError as error:
            return error


@pytest.fixture
def source(clock: Clock) -> ScriptedSource:
    """A source whose fetches end as the test says."""
    return ScriptedSource(clock)
