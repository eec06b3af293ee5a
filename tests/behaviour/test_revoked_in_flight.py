"""A revocation that also takes the token that is on its way: a fetch that began before it brings what is dead, too."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request, Response
from tests.behaviour.conftest import QUERY, Open, until
from tests.kit.clock import Clock
from tests.kit.origin import Origin

AHEAD = 3240
"""Seconds after which a token of 3599 s is renewed ahead."""


class Held:
    """The sandbox's answers, made at once and sent when the test says so."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.made = threading.Event()
        self.sent = threading.Event()
        self.sent.set()

    def __call__(self, request: Request) -> Response | None:
        answer = self._sandbox.answer(request, lambda _: False)
        self.made.set()
        assert self.sent.wait(20)
        return answer


def test_a_token_whose_fetch_began_before_the_refusal_is_not_taken_for_a_fresh_one(
    open_client: Open, sandbox: Sandbox, origin: Origin, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Hazard C6: its refusal is answered like any other, and recovery is not held back for it."""
    caplog.set_level(logging.DEBUG, "bitquery_auth")
    held = origin.handler = Held(sandbox)
    client = open_client(sandbox.credentials(token_endpoint=origin.at("/oauth2/token")))
    client.post(sandbox.graphql_endpoint, json=QUERY)
    clock.advance(AHEAD)
    held.made.clear()
    held.sent.clear()
    client.post(sandbox.graphql_endpoint, json=QUERY)  # starts a renewal behind its back
    assert held.made.wait(20)
    sandbox.revoke_all()
    with ThreadPoolExecutor(1) as pool:
        met = pool.submit(client.post, sandbox.graphql_endpoint, json=QUERY)
        until(lambda: "token discarded" in caplog.text)
        held.sent.set()
        met.result(20)  # whatever it got: it was sent with two tokens, and both were dead
    assert client.post(sandbox.graphql_endpoint, json=QUERY).status == 200
