"""A token requested while the caller handles an exception: our error speaks of the request alone.

Examples are a fallback after a missing file, and a retry written by hand.
"""

import asyncio
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
import requests

from bitquery_auth import BitqueryAuthError, ClientCredentials, ShortTermToken, StaticToken
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clients import OpenClient
from tests.kit.origin import Handler, Origin, answering


class CallersError(requests.ConnectionError):
    """An exception of the caller, who is in the middle of handling it."""


def check_that_the_callers_exception_is_untouched(call: Callable[[], object]) -> None:
    """Call while an exception is being handled, and check both errors."""
    cause = FileNotFoundError(2, "No such file or directory", "/my/own/file")
    request = requests.PreparedRequest()
    try:
        _fail(request, cause)
    except CallersError as error:
        own, traceback = error, error.__traceback__
        with pytest.raises(BitqueryAuthError) as raised:
            call()
    assert "/my/own" not in str(raised.value)
    assert raised.value is not own
    assert not isinstance(raised.value.__cause__, CallersError)
    assert (own.__traceback__, own.__cause__, own.request) == (traceback, cause, request)


def _fail(request: requests.PreparedRequest, cause: OSError) -> NoReturn:
    raise CallersError(cause, request=request) from cause


@pytest.mark.parametrize("outage", ["drop", 503, 400])
def test_a_request_without_a_token(open_client: OpenClient, sandbox: Sandbox, outage: Any) -> None:
    client = open_client(sandbox.credentials())
    sandbox.outage = outage
    check_that_the_callers_exception_is_untouched(
        lambda: client.post(sandbox.graphql_endpoint, json=QUERY)
    )


@pytest.mark.parametrize("outage", ["drop", 503])
def test_a_request_whose_token_is_rejected(
    open_client: OpenClient, sandbox: Sandbox, outage: Any
) -> None:
    client = open_client(sandbox.credentials())
    client.post(sandbox.graphql_endpoint, json=QUERY)
    sandbox.revoke_all()
    sandbox.outage = outage
    check_that_the_callers_exception_is_untouched(
        lambda: client.post(sandbox.graphql_endpoint, json=QUERY)
    )


CALLS: dict[str, Callable[[ClientCredentials], object]] = {
    "token": lambda source: source.token(),
    "renew": lambda source: source.renew(),
    "atoken": lambda source: asyncio.run(source.atoken()),
    "arenew": lambda source: asyncio.run(source.arenew()),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("outage", ["drop", 503])
def test_a_call_of_a_source(sandbox: Sandbox, call: Any, outage: Any) -> None:
    sandbox.outage = outage
    source = sandbox.credentials()
    check_that_the_callers_exception_is_untouched(lambda: call(source))


@pytest.mark.parametrize("handler", [answering(503), lambda _: None], ids=["503", "no response"])
def test_a_revocation(sandbox: Sandbox, origin: Origin, handler: Handler) -> None:
    origin.handler = handler
    source = sandbox.credentials(revocation_endpoint=origin.at())
    source.token()
    check_that_the_callers_exception_is_untouched(source.revoke)


@pytest.mark.parametrize(
    "handler",
    [answering(503), answering(401), lambda _: None],
    ids=["503", "401", "no response"],
)
def test_a_source_of_short_term_tokens(origin: Origin, handler: Handler) -> None:
    origin.handler = handler
    short = ShortTermToken(StaticToken("long"), endpoint=origin.at())
    check_that_the_callers_exception_is_untouched(short.token)
