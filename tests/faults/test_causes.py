"""That there was no answer always has a cause, and the cause quotes neither side of the conversation."""

import gc
import socket
from collections.abc import Callable
from contextlib import nullcontext

import pytest

from bitquery_auth import ClientCredentials, TokenRequestError
from tests.attacks.leaks import assert_hidden, chain, own_locals, texts_of_error
from tests.faults.conftest import impatient
from tests.faults.faults import CASES, closed, reset, zipped
from tests.faults.proxy import Connection, Fault, FaultProxy

WORDS = "w0rds.s3ntinel"
"""What the server says where it should say something else."""


def saying(answer: Callable[[str], str], *, then: Fault = closed) -> Fault:
    """Answer with the server's own words, or with those of the request."""

    def say(connection: Connection) -> None:
        echoed = f"{WORDS} {connection.request.body.decode()}"
        connection.send(answer(echoed).encode())
        then(connection)

    return say


HEAD = "HTTP/1.1 200 OK\r\n"
FAULTS: dict[str, Fault] = {
    "truncated body": saying(lambda words: f"{HEAD}Content-Length: 4000\r\n\r\n{words}"),
    "truncated body, reset": saying(lambda words: f"{HEAD}Content-Length: 4000\r\n\r\n{words}", then=reset),
    "cut chunks": saying(lambda words: f"{HEAD}Transfer-Encoding: chunked\r\n\r\nfff\r\n{words}"),
    "no chunks": saying(lambda words: f"{HEAD}Transfer-Encoding: chunked\r\n\r\n{words}\r\n"),
    "bad status line": saying(lambda words: f"{words}\r\n\r\n"),
    "bad status": saying(lambda words: f"HTTP/1.1 {words}\r\n\r\n"),
    "unknown protocol": saying(lambda words: f"HTTP/{words} 200 OK\r\n\r\n"),
    "endless header": saying(lambda words: f"{HEAD}X-Words: {words * 9000}\r\n\r\n"),
    "bad gzip": lambda connection: connection.send(zipped(WORDS.encode())),
    "bad gzip, and what is no coding": saying(
        lambda words: f"{HEAD}Content-Encoding: gzip, {words}\r\n\r\n{words * 9}"
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_it_says_what_went_wrong_in_nobodys_words(
    fault: Fault, source: ClientCredentials, token_proxy: FaultProxy, caplog: pytest.LogCaptureFixture
) -> None:
    """Hazards F6, S5."""
    caplog.set_level("DEBUG")
    token_proxy.mode = fault
    with pytest.raises(TokenRequestError) as caught:
        source.token()
    assert caught.value.__cause__ is not None
    for text in (*texts_of_error(caught.value), *own_locals(caught.value), caplog.text):
        assert_hidden(text, source._settings["client_secret"], WORDS)


NO_ANSWER = {name: case for name, case in CASES.items() if case.error is TokenRequestError}


@pytest.mark.parametrize("case", NO_ANSWER.values(), ids=NO_ANSWER.keys())
def test_every_fault_has_one(case: object, source: ClientCredentials, token_proxy: FaultProxy) -> None:
    """Hazard F6: also what drips past the timeout, and also for those who come later."""
    assert isinstance(case, type(NO_ANSWER["silent"]))
    if case.fault is None:
        token_proxy.refuse_connections()
    else:
        token_proxy.mode = case.fault
    with impatient(source) if case.timed else nullcontext():
        for _ in range(2):
            with pytest.raises(TokenRequestError) as caught:
                source.token()
            assert caught.value.__cause__ is not None
            for link in chain(caught.value):
                assert getattr(link, "request", None) is None


def _sockets() -> int:
    """How many sockets that were connected from this process are in memory."""
    kept = (each for each in gc.get_objects() if isinstance(each, socket.socket))
    return sum(each.proto == socket.IPPROTO_TCP for each in kept)


@pytest.mark.parametrize("fault", [reset, closed, FAULTS["truncated body, reset"]], ids=["reset", "closed", "half"])
def test_no_socket_of_a_try_that_failed_waits_for_the_garbage_collector(
    fault: Fault, source: ClientCredentials, token_proxy: FaultProxy
) -> None:
    """Hazard F5: what holds it holds the secret as well, and is tried again."""
    token_proxy.mode = fault
    gc.collect()
    gc.disable()
    try:
        before = _sockets()
        with pytest.raises(TokenRequestError):
            source.token()
        assert _sockets() == before
    finally:
        gc.enable()
