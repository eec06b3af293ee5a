"""Crash reporters send the local variables of every frame: those of this package's frames hold nothing to hide."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bitquery_auth import BitqueryAuthError, ClientCredentials, ConfigurationError, ShortTermToken
from bitquery_auth.sandbox import Sandbox
from tests.attacks.leaks import assert_hidden, own_locals
from tests.kit.clock import Clock
from tests.faults.conftest import before
from tests.faults.faults import answering, closed, garbage
from tests.faults.proxy import Fault, FaultProxy, forward

FAULTS: dict[str, Fault] = {
    "closed": closed,
    "no HTTP": garbage,
    "500": answering(500),
    "401": answering(401, {"error": "invalid_client"}),
    "200 with nothing": answering(200, {}),
    "redirect": answering(307, Location="https://evil.example/"),
}
each_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
each_method = pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])


@pytest.fixture
def endpoint(sandbox: Sandbox) -> Iterator[FaultProxy]:
    with before(sandbox) as proxy:
        yield proxy


Source = Callable[..., ClientCredentials]


@pytest.fixture
def source_with(sandbox: Sandbox, endpoint: FaultProxy) -> Source:
    def source(secret: Any = None, **settings: Any) -> ClientCredentials:
        return ClientCredentials(
            sandbox.client_id,
            secret or sandbox.client_secret,
            token_endpoint=f"{endpoint.url}/oauth2/token",
            revocation_endpoint=f"{endpoint.url}/oauth2/revoke",
            **settings,
        )

    return source


def _shown(call: Callable[[], Any]) -> str:
    """What a crash report would show of our frames."""
    with pytest.raises(BitqueryAuthError) as caught:
        call()
    shown = "\n".join(own_locals(caught.value))
    assert shown
    return shown


@each_method
@each_fault
def test_of_a_fetch_that_failed(
    fault: Fault, method: Any, source_with: Source, endpoint: FaultProxy, sandbox: Sandbox
) -> None:
    endpoint.mode = fault
    assert_hidden(_shown(source_with(token_endpoint_auth_method=method).token), sandbox.client_secret)


@pytest.mark.parametrize("name", ["closed", "no HTTP", "500", "401", "redirect"])
def test_of_a_revocation_that_failed(
    name: str, source_with: Source, endpoint: FaultProxy, sandbox: Sandbox, clock: Clock
) -> None:
    source = source_with()
    token = source.token()
    endpoint.mode = FAULTS[name]
    assert_hidden(_shown(source.revoke), sandbox.client_secret, token.access_token)


def test_of_an_exchange_for_a_short_term_token_that_failed(
    source_with: Source, endpoint: FaultProxy, sandbox: Sandbox
) -> None:
    source = source_with()
    token = source.token()
    endpoint.mode = closed
    short = ShortTermToken(source, endpoint=f"{endpoint.url}/graphql")
    assert_hidden(_shown(short.token), sandbox.client_secret, token.access_token)
    endpoint.mode = forward


@pytest.mark.parametrize("act", ["token", "revoke"])
def test_of_a_secret_callable_that_failed(act: str, source_with: Source, sandbox: Sandbox) -> None:
    vault = [sandbox.client_secret]

    def read() -> str:
        if act == "revoke" and len(vault) == 1:
            vault.append("read once")
            return vault[0]
        raise LookupError

    source = source_with(read)
    if act == "revoke":
        source.token()
    shown = _shown(getattr(source, act))
    assert_hidden(shown, sandbox.client_secret)


@pytest.mark.parametrize("act", ["token", "revoke"])
def test_of_a_client_authentication_callable_that_failed(act: str, source_with: Source, sandbox: Sandbox) -> None:
    calls = []

    def sign(auth: Any, method: str, uri: str, headers: Any, body: Any) -> tuple[str, Any, Any]:
        calls.append(method)
        if act == "token" or len(calls) > 1:
            raise LookupError
        return uri, headers, f"{body}&client_id={auth.client_id}&client_secret={auth.client_secret}"

    source = source_with(token_endpoint_auth_method=sign)
    tokens = [] if act == "token" else [source.token().access_token]
    with pytest.raises(ConfigurationError) as caught:
        getattr(source, act)()
    assert_hidden("\n".join(own_locals(caught.value)), sandbox.client_secret, *tokens)


@pytest.mark.parametrize("act", ["token", "renew"])
def test_of_a_fetch_that_a_ctrl_c_stopped(act: str, source_with: Source, sandbox: Sandbox) -> None:
    """And no token that was to be replaced."""
    kept = []

    def interrupted(auth: Any, method: str, uri: str, headers: Any, body: Any) -> tuple[str, Any, Any]:
        if len(kept) == (act == "renew"):
            try:
                {}[auth.client_secret]
            except KeyError:
                raise KeyboardInterrupt  # noqa: B904 - as it comes in anywhere
        return uri, headers, f"{body}&client_id={auth.client_id}&client_secret={auth.client_secret}"

    source = source_with(token_endpoint_auth_method=interrupted)
    if act == "renew":
        kept.append(source.token().access_token)
    with pytest.raises(KeyboardInterrupt) as caught:
        getattr(source, act)()
    shown = "\n".join(own_locals(caught.value))
    assert shown
    assert_hidden(shown, sandbox.client_secret, *kept)
    assert caught.value.__context__ is None
