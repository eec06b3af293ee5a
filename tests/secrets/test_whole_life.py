"""After everything that can go wrong, neither secret nor tokens are in what is shown or logged."""

import logging
import pickle
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from bitquery_auth import BitqueryAuthError, RequestsAuth, ShortTermToken, StaticToken
from bitquery_auth.sandbox import Sandbox
from tests.kit import QUERY
from tests.kit.clients import Client
from tests.kit.clock import Clock
from tests.kit.origin import Gate, Handler, Origin, Request, answering, redirecting
from tests.kit.waiting import join_background_fetches
from tests.secrets.leaks import assert_hidden, own_locals, pickled, texts_of

OUTAGES: dict[str, Handler] = {
    "no response": lambda _: None,
    "error": answering(500),
    "not JSON": answering(200, "<html>"),
    "redirect": redirecting(302, "https://e.example/"),
}


class Life:
    """One source and one client, from the first token on through every kind of failure."""

    def __init__(
        self, kind: type[Client], sandbox: Sandbox, clock: Clock, stack: ExitStack
    ) -> None:
        self.sandbox, self.clock, self.gate = sandbox, clock, Gate(sandbox)
        self.tokens_at = stack.enter_context(Origin(self.gate))
        self.api = stack.enter_context(Origin(self.gate))
        self.elsewhere = stack.enter_context(Origin())
        self.source = sandbox.credentials(
            token_endpoint=self.tokens_at.at("/oauth2/token"),
            revocation_endpoint=self.tokens_at.at("/oauth2/revoke"),
        )
        self.auth = kind.auth_class(self.source, allowed_hosts=[self.api.allowed_host])
        self.client = stack.enter_context(kind(self.auth))
        self.responses: list[Any] = []
        self.errors: list[BaseException] = []
        self.log: list[logging.LogRecord] = []

    @property
    def secrets(self) -> list[str]:
        """The client secret, and every token that there was."""
        tokens = {request.headers["authorization"].split()[1] for request in self.api.requests}
        assert len(tokens) > 4
        return [self.sandbox.client_secret, *tokens]

    def call(self, url: str | None = None) -> None:
        outcome = self.client.post(url or self.api.at("/graphql"), json=QUERY)
        self.responses += [outcome.raw, *outcome.raw.history]

    def fail(self) -> None:
        with pytest.raises(self.client.base_error) as caught:
            self.call()
        self.errors.append(caught.value)
        self.clock.advance(70)

    def live(self) -> None:
        self.call()
        self.sandbox.revoke_all()
        self.call()
        self.call(self.elsewhere.at())
        self.api.handler = redirecting(307, self.elsewhere.at())
        self.call()
        self.api.handler = self.gate
        for outage in OUTAGES.values():
            self.sandbox.revoke_all()
            self.tokens_at.handler = outage
            self.fail()
            self.tokens_at.handler = self.gate
            self.call()
        self.tokens_at.handler = answering(429)
        self.clock.advance(self.sandbox.lifetime - 100)
        self.call()
        join_background_fetches()
        self.tokens_at.handler = self.gate
        self.source.revoke()
        self.clock.advance(70)
        secret, self.sandbox.client_secret = self.sandbox.client_secret, "another"
        self.fail()
        self.sandbox.client_secret = secret
        self.call()


@pytest.fixture
def life(
    kind: type[Client], sandbox: Sandbox, clock: Clock, caplog: pytest.LogCaptureFixture
) -> Iterator[Life]:
    """A life that has been lived, and what every logger said meanwhile."""
    caplog.set_level(logging.DEBUG)
    with ExitStack() as stack:
        life = Life(kind, sandbox, clock, stack)
        life.live()
        life.log = caplog.get_records("setup")
        yield life


def test_no_log_of_any_library_shows_them(life: Life) -> None:
    assert {"bitquery_auth", "urllib3.connectionpool"} <= {record.name for record in life.log}
    for record in life.log:
        assert_hidden(f"{record.name} {record.getMessage()} {record.args!r}", *life.secrets)


def test_no_repr_shows_them(life: Life) -> None:
    token = life.source.token()
    short = ShortTermToken(life.source, endpoint="https://api.example.com/graphql")
    static = StaticToken(token.access_token)
    ours = [life.source, life.auth, token, short, static, RequestsAuth(static)]
    theirs = [each for response in life.responses for each in (response, response.request)]
    for thing in [*ours, *theirs]:
        assert_hidden(f"{thing!r} {thing}", *life.secrets, token.access_token)


def test_no_error_shows_them_nor_does_its_pickle_or_a_local_variable_of_ours(life: Life) -> None:
    """Crash reporters send local variables along with tracebacks (hazard S5)."""
    assert len(life.errors) == len(OUTAGES) + 1
    for error in life.errors:
        assert isinstance(error, BitqueryAuthError)
        assert_hidden(texts_of(error) + own_locals(error) + pickled(error), *life.secrets)
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again)) == (type(error), str(error))


def test_a_pickled_response_holds_neither_secret_nor_auth(life: Life) -> None:
    """The header that was sent is in it, as with any auth."""
    for response in life.responses:
        assert_hidden(pickled(response), life.sandbox.client_secret)
        assert "ClientCredentials" not in pickled(response)
        assert pickle.loads(pickle.dumps(response)).status_code == response.status_code


def test_the_secret_is_sent_to_the_token_endpoint_alone_and_tokens_to_the_api_alone(
    life: Life,
) -> None:
    def text_of(request: Request) -> str:
        return f"{request.target} {dict(request.headers)} {request.body.decode('latin-1')}"

    secret, *tokens = life.secrets
    for request in life.tokens_at.requests:
        assert secret in text_of(request)
        if request.target != "/oauth2/revoke":
            assert_hidden(text_of(request), *tokens)
    for request in life.api.requests:
        assert_hidden(text_of(request), secret)
        assert_hidden(request.target, *tokens)
    assert len(life.elsewhere.requests) == 2
    for request in life.elsewhere.requests:
        assert_hidden(text_of(request), secret, *tokens)
