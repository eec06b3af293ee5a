"""Mistakes of the caller: an error says what was given and what to write instead."""

from collections.abc import Generator
from typing import Any

import httpx
import httpx2
import pytest
import requests

import bitquery_auth
from bitquery_auth import (
    ClientCredentials,
    ConfigurationError,
    HTTPXAuth,
    RequestsAuth,
    ShortTermToken,
    StaticToken,
    Token,
)
from bitquery_auth.sandbox import Sandbox
from tests.kit.clients import Client, OpenClient
from tests.settings.conftest import SENTINEL, message_of

unchecked: Any = bitquery_auth
"""The package without its types: the calls below are wrong on purpose."""

SOURCE = StaticToken("x")
URL = "https://localhost/"

GETS = {"requests": requests.get, "httpx": httpx.get, "httpx2": httpx2.get}


# -- the wrong object as auth= ---------------------------------------------------------------------


@pytest.mark.parametrize("library", GETS)
def test_the_wrong_object_as_auth_is_told_what_to_write(library: str) -> None:
    """A source, the auth of the other library, or the class of an auth."""
    kinds: list[Any] = [RequestsAuth, HTTPXAuth]
    right, wrong = kinds if library == "requests" else reversed(kinds)
    for given, advice in (
        (SOURCE, ["RequestsAuth(source)", "HTTPXAuth(source)"]),
        (ClientCredentials("id", "secret"), ["RequestsAuth(source)", "HTTPXAuth(source)"]),
        (wrong(SOURCE), [wrong.__name__, right.__name__]),
        (right, [f"{right.__name__}(source)"]),
    ):
        message = message_of(lambda given=given: GETS[library](URL, auth=given))
        assert [each for each in advice if each not in message] == []


# -- the wrong object as source --------------------------------------------------------------------


MISPLACED: dict[str, tuple[Any, str]] = {
    "class": (ClientCredentials, "ClientCredentials("),
    "class method": (ClientCredentials.from_env, "from_env()"),
    "function": (bitquery_auth.from_env, "from_env()"),
    "method": (SOURCE.token, "token()"),
    "token": (Token("x"), "StaticToken"),
    "nothing": (None, "NoneType"),
    "text": (SENTINEL, "ClientCredentials(id, secret)"),
}


@pytest.mark.parametrize(("given", "advice"), MISPLACED.values(), ids=MISPLACED)
def test_what_is_not_a_source_is_told_what_to_write(given: Any, advice: str) -> None:
    for make in (RequestsAuth, HTTPXAuth, ShortTermToken):
        assert advice in message_of(lambda make=make: make(given))


def test_an_id_and_a_secret_in_place_of_a_source_are_told_what_to_write() -> None:
    for make in (unchecked.RequestsAuth, unchecked.HTTPXAuth):
        assert "ClientCredentials(id, secret)" in message_of(lambda make=make: make("id", SENTINEL))


class AsyncToken:
    async def token(self) -> Any: ...

    def discard(self, token: object) -> None: ...


class AsyncDiscard:
    def token(self) -> Any: ...

    async def discard(self, token: object) -> None: ...


@pytest.mark.parametrize("source", [AsyncToken(), AsyncDiscard()])
def test_a_source_with_an_async_token_or_discard_is_an_error(source: Any) -> None:
    """Nobody awaits them: the rejected token would stay in use."""
    for make in (RequestsAuth, HTTPXAuth, ShortTermToken):
        assert "async" in message_of(lambda make=make: make(source))


def test_an_async_predicate_is_an_error() -> None:
    """The coroutine that it returns is true whatever it would say."""

    async def is_auth_failure(_: object) -> bool:
        return False

    for make in (unchecked.RequestsAuth, unchecked.HTTPXAuth):
        message = message_of(lambda make=make: make(SOURCE, is_auth_failure=is_auth_failure))
        assert "is_auth_failure must be a callable that is not async" in message


# -- the wrong result of a callable ----------------------------------------------------------------


@pytest.mark.parametrize("returned", [None, "a token"], ids=repr)
def test_a_source_that_does_not_return_a_token_is_an_error_and_nothing_is_sent(
    returned: Any, open_client: OpenClient, sandbox: Sandbox, kind: type[Client]
) -> None:
    class Forgetful:
        def token(self) -> Any:
            return returned

        def discard(self, token: Token | str) -> None: ...

    with pytest.raises(kind.base_error, match=r"token\(\) returns must be a Token") as caught:
        open_client(Forgetful()).get(sandbox.graphql_endpoint)
    assert isinstance(caught.value, ConfigurationError)
    assert type(returned).__name__ in str(caught.value)
    assert sandbox.api_requests == 0


@pytest.mark.parametrize("returned", [None, "a form", ("uri", {})], ids=repr)
def test_an_auth_method_that_returns_something_else_is_told_what_to_return(
    returned: Any, sandbox: Sandbox
) -> None:
    source = sandbox.credentials(token_endpoint_auth_method=lambda *_: returned)
    assert "must return (uri, headers, body)" in message_of(source.token)
    assert sandbox.token_requests == 0


@pytest.mark.parametrize("returned", [None, "", "secret\n"], ids=repr)
def test_a_secret_callable_that_returns_no_secret_is_an_error(
    returned: Any, sandbox: Sandbox
) -> None:
    source = ClientCredentials("id", lambda: returned, token_endpoint=sandbox.token_endpoint)
    assert "What client_secret returned" in message_of(source.token)
    assert sandbox.token_requests == 0


# -- wrappers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", [httpx, httpx2])
def test_an_auth_that_wraps_ours_by_auth_flow_is_told_the_right_flows(
    module: Any, sandbox: Sandbox
) -> None:
    """Otherwise its requests would be sent without a token (hazard G9)."""
    inner = HTTPXAuth(SOURCE, allowed_hosts=sandbox.allowed_hosts)

    class Wrapping(module.Auth):  # type: ignore[misc, name-defined]  # of either family
        def auth_flow(self, request: Any) -> Generator[Any, Any, None]:
            yield from inner.auth_flow(request)

    message = message_of(lambda: module.get(sandbox.graphql_endpoint, auth=Wrapping()))
    assert "sync_auth_flow" in message
    assert "async_auth_flow" in message
    assert sandbox.api_requests == 0
