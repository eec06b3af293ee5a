"""Callables that are asked for an answer cannot be ``async def``: that is told at construction (Hazard G5).

Otherwise the coroutine itself would be taken for the answer: it is true, whatever it would say.
"""

from collections.abc import Callable
from typing import Any

import pytest

from bitquery_auth import (
    ClientCredentials,
    ConfigurationError,
    HTTPXAuth,
    RequestsAuth,
    ShortTermToken,
    StaticToken,
    Token,
)

pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")


async def asynchronous(*_: Any) -> Any:
    """Nobody awaits this."""


class AsynchronousCall:
    async def __call__(self, *_: Any) -> Any:
        """Nobody awaits this, either."""


class AsynchronousSource:
    """Its author overlooked that `token` is for sync callers, and `atoken` for async ones."""

    async def token(self) -> Any:
        """Nobody awaits this."""

    def discard(self, token: object) -> None:
        """Nothing."""


class AsynchronousDiscard:
    """Its refused token would never go: nobody awaits what `discard` gives."""

    def token(self) -> Token:
        return Token("t")

    async def discard(self, token: object) -> None:
        """Nobody awaits this, either."""


MAKES: dict[str, Callable[[Any], object]] = {
    "client_secret": lambda given: ClientCredentials("id", given),
    "token_endpoint_auth_method": lambda given: ClientCredentials("id", "secret", token_endpoint_auth_method=given),
    "is_auth_failure of requests": lambda given: RequestsAuth(StaticToken("t"), is_auth_failure=given),
    "is_auth_failure of httpx": lambda given: HTTPXAuth(StaticToken("t"), is_auth_failure=given),
}


@pytest.mark.parametrize("given", [asynchronous, AsynchronousCall()], ids=["function", "object"])
@pytest.mark.parametrize("setting", MAKES)
def test_an_async_callable_is_a_wrong_setting(setting: str, given: Any) -> None:
    """Hazard G5: sync and async callbacks mixed."""
    with pytest.raises(ConfigurationError, match=setting.split(" ", maxsplit=1)[0]):
        MAKES[setting](given)


@pytest.mark.parametrize("source", [AsynchronousSource(), AsynchronousDiscard()], ids=["token", "discard"])
@pytest.mark.parametrize("make", [RequestsAuth, HTTPXAuth, ShortTermToken])
def test_a_source_with_an_async_method_is_a_wrong_source(make: Callable[[Any], object], source: Any) -> None:
    """Hazard G5."""
    with pytest.raises(ConfigurationError, match=r"source .*neither of them async"):
        make(source)
