"""A life with every trouble in it, and the secret and the tokens are in nothing that is shown, logged or pickled."""

import copy
import logging
import pickle
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from importlib import import_module
from typing import Any

import pytest

from bitquery_auth import BitqueryAuthError, ClientCredentials, ShortTermToken, StaticToken
from bitquery_auth.sandbox import Sandbox
from tests.attacks.conftest import carries, ok, text_of
from tests.attacks.leaks import assert_hidden, own_locals, pickled, texts_of_error
from tests.kit.clients import CLIENTS, Client
from tests.kit.clock import MODULES, Clock
from tests.faults.conftest import PATIENCE, before, impatient
from tests.faults.faults import answering, closed, garbage, silent
from tests.faults.proxy import FaultProxy, forward


class Life:
    """What one client with one source went through, and what came of it."""

    def __init__(self, kind: type[Client], sandbox: Sandbox, clock: Clock, stack: ExitStack) -> None:
        self.sandbox, self.clock = sandbox, clock
        self.tokens_at = stack.enter_context(before(sandbox))
        self.api = stack.enter_context(before(sandbox))
        self.elsewhere = stack.enter_context(FaultProxy(ok))
        self.source = sandbox.credentials(
            token_endpoint=f"{self.tokens_at.url}/oauth2/token",
            revocation_endpoint=f"{self.tokens_at.url}/oauth2/revoke",
            timeout=PATIENCE,
        )
        self.auth = kind.auth_class(self.source, allowed_hosts=[self.api.host])
        self.client = stack.enter_context(kind(self.auth))
        self.url = f"{self.api.url}/graphql"
        self.outcomes: list[Any] = []
        self.errors: list[BaseException] = []
        self.log: list[logging.LogRecord] = []
        self.warnings: list[warnings.WarningMessage] = []

    @property
    def secrets(self) -> list[str]:
        """The secret, and every token there was."""
        tokens = {request.headers["authorization"].split()[1] for request in self.api.requests}
        assert len(tokens) > 1
        return [self.sandbox.client_secret, *tokens]

    def call(self, url: str | None = None) -> None:
        self.outcomes.append(self.client.post(url or self.url, json={"query": "{ x }"}))

    def fail(self) -> None:
        with pytest.raises(self.client.base_error) as caught:
            self.call()
        self.errors.append(caught.value)

    def live(self) -> None:
        self.call()
        self.sandbox.revoke_all()
        self.call()  # refused, renewed, sent again
        self.call(f"{self.elsewhere.url}/page")
        self.api.plan.append(answering(302, Location=f"{self.elsewhere.url}/page"))
        self.call()
        for fault in (answering(500), garbage, closed, silent, answering(302, Location="https://e.example/")):
            self.tokens_at.mode = fault
            self.sandbox.revoke_all()
            with impatient(self.source) if fault is silent else nullcontext():
                self.fail()  # refused, and not renewed
            self.tokens_at.mode = forward
            self.clock.advance(70)
            self.call()
        self.sandbox.revoke_all()
        self.api.plan.extend([forward, closed])
        self.fail()  # refused, renewed, and broken when sent again
        self.clock.advance(3300)
        self.tokens_at.mode = answering(429)
        self.call()  # renewal fails behind its back
        for thread in threading.enumerate():
            if thread.name == "bitquery_auth":
                thread.join(5)
        self.tokens_at.mode = forward
        self.source.revoke()
        self.clock.advance(70)
        self.sandbox.client_secret, secret = "another", self.sandbox.client_secret
        self.fail()  # invalid_client
        self.sandbox.client_secret = secret
        self.clock.advance(70)
        self.call()


@pytest.fixture(scope="module")
def lives() -> Iterator[Callable[[str], Life]]:
    """Each client lives once, for all that is looked at afterwards."""
    lived: dict[str, Life] = {}
    with ExitStack() as stack:
        patch, clock = stack.enter_context(pytest.MonkeyPatch.context()), Clock()
        for name in MODULES:
            patch.setattr(import_module(f"bitquery_auth.{name}"), "time", clock)
        sandbox = stack.enter_context(Sandbox(clock=clock.time))

        def life(name: str) -> Life:
            if name not in lived:
                lived[name] = Life(CLIENTS[name], sandbox, clock, stack)
                with collected(lived[name].log), warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    lived[name].live()
                lived[name].warnings = caught
            return lived[name]

        yield life


@contextmanager
def collected(records: list[logging.LogRecord]) -> Iterator[None]:
    """Take down what any logger says."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    root, handler = logging.getLogger(), Handler()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield
    root.setLevel(level)
    root.removeHandler(handler)


@pytest.fixture(params=CLIENTS)
def life(request: pytest.FixtureRequest, lives: Callable[[str], Life]) -> Life:
    return lives(request.param)


def test_no_log_of_any_library_has_them(life: Life) -> None:
    """Hazard S5: at DEBUG, of the clients and of everything below them."""
    assert {"bitquery_auth", "urllib3.connectionpool"} <= {record.name for record in life.log}
    show = logging.Formatter("%(name)s %(message)s")
    for record in life.log:
        assert_hidden(f"{show.format(record)} {record.args!r}", *life.secrets)


def test_no_repr_has_them(life: Life) -> None:
    token = life.source.token()
    short = ShortTermToken(life.source, endpoint="https://api.example.com/graphql")
    static = StaticToken(token.access_token)
    ours = [life.source, life.auth, token, short, static, type(life.auth)(static, allowed_hosts=["a.example"])]
    theirs = [outcome.raw for outcome in life.outcomes]
    for thing in [*ours, *theirs, *(response.request for response in theirs), life.source._ledger.kept]:
        assert_hidden(f"{thing!r} {thing}", *life.secrets, token.access_token)


def test_no_headers_of_a_request_show_them(life: Life) -> None:
    """httpx hides an Authorization of its own accord, in requests the value is one that hides itself."""
    for outcome in life.outcomes:
        for response in (outcome.raw, *outcome.raw.history):
            assert_hidden(repr(response.request.headers), *life.secrets)


def test_no_error_has_them(life: Life) -> None:
    """Hazard S5: texts, attributes, causes, contexts, formatted tracebacks."""
    assert len(life.errors) == 7
    for error in life.errors:
        for text in texts_of_error(error):
            assert_hidden(text, *life.secrets)


def test_no_local_variable_of_ours_shows_them_in_a_crash_report(life: Life) -> None:
    """Hazard S5: crash reporters send the repr of local variables."""
    for error in life.errors:
        for text in own_locals(error):
            assert_hidden(text, *life.secrets)


def test_no_pickled_error_has_them(life: Life) -> None:
    """Hazard P1."""
    ours = [error for error in life.errors if isinstance(error, BitqueryAuthError)]
    assert len(ours) == 6
    for error in ours:
        assert_hidden(pickled(error), *life.secrets)
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again)) == (type(error), str(error))


def test_no_pickled_response_has_them(life: Life) -> None:
    """Hazard P1: nor the request in it."""
    for outcome in life.outcomes:
        assert_hidden(pickled(outcome.raw), *life.secrets)
        assert pickle.loads(pickle.dumps(outcome.raw)).status_code == outcome.status


def test_no_pickled_request_has_them(life: Life) -> None:
    for outcome in life.outcomes:
        assert_hidden(pickled(outcome.raw.request), *life.secrets)


def test_no_pickled_source_has_a_token(life: Life) -> None:
    """Hazard P1: the secret is in it, as the documentation says."""
    token = life.source.token().access_token
    secret, *tokens = life.secrets
    for thing in (life.source, life.auth, copy.copy(life.auth)):
        assert_hidden(pickled(thing), *tokens, token)
        assert secret in pickled(thing)


def test_the_secret_crosses_to_the_token_endpoint_and_the_tokens_to_the_api_only(life: Life) -> None:
    """Hazards S1, S2, S6: looked for in all that each server received."""
    secret, *tokens = life.secrets
    assert all(carries(request, secret) for request in life.tokens_at.requests)
    assert len(life.tokens_at.requests) > 8
    for request in life.tokens_at.requests:
        if request.target != "/oauth2/revoke":
            assert_hidden(text_of(request), *tokens)
    assert any(any(carries(request, token) for token in tokens) for request in life.api.requests)
    for request in life.api.requests:
        assert_hidden(text_of(request), secret)
        assert_hidden(request.target, *tokens)
    assert len(life.elsewhere.requests) == 2
    for request in life.elsewhere.requests:
        assert_hidden(text_of(request), secret, *tokens)


def test_no_warning_has_them(life: Life) -> None:
    for warning in life.warnings:
        assert_hidden(f"{warning.message} {warning.source!r}", *life.secrets)


def test_a_secret_that_is_refused_at_construction_is_not_in_the_error() -> None:
    secret = "S3CRET\ns3ntinel"
    with pytest.raises(BitqueryAuthError) as caught:
        ClientCredentials("the-id", secret)
    for text in texts_of_error(caught.value):
        assert "s3ntinel" not in text
