"""The faults, by name, each with what whoever wants a token gets."""

import gzip
import json
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

from bitquery_auth import InvalidTokenResponseError, TokenEndpointError, TokenRequestError
from bitquery_auth.sandbox._messages import Response
from tests.faults.proxy import Connection, Fault

GRANT = {"access_token": "granted", "expires_in": 3600, "token_type": "bearer", "scope": "api"}
JSON = (("Content-Type", "application/json"),)
MIB = 1 << 20


def reset(connection: Connection) -> None:
    connection.reset()


def closed(connection: Connection) -> None:
    connection.close()


def silent(connection: Connection) -> None:
    connection.wait_until_left()


def reset_in_the_answer(connection: Connection) -> None:
    connection.send(b'HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{"access_token": "half')
    connection.reset()


def closed_in_the_answer(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n" + json.dumps(GRANT).encode())
    connection.close()


def closed_between_chunks(connection: Connection) -> None:
    body = json.dumps(GRANT).encode()
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(body), body))
    connection.close()


def dripping_headers(connection: Connection) -> None:
    header = b"HTTP/1.1 200 OK\r\nX-Padding: "
    connection.drip(chain((header[i : i + 1] for i in range(len(header))), repeat(b"x")))


def dripping_interim_answers(connection: Connection) -> None:
    connection.drip(repeat(b"HTTP/1.1 100 Continue\r\n\r\n"))


def dripping_body(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + json.dumps(GRANT).encode())
    connection.drip(repeat(b" "))


def dripping_chunks(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    connection.drip(repeat(b"1\r\n \r\n"))


def dripping_without_length(connection: Connection) -> None:
    """The end of such a body is the end of the connection: what came so far must not pass for the whole."""
    connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + json.dumps(GRANT).encode())
    connection.drip(repeat(b" "))


def garbage(connection: Connection) -> None:
    connection.send(b"SSH-2.0-OpenSSH_9.9\r\n\x00\xff\xfe garbage\r\n\r\n")
    connection.close()


def endless(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\n\r\n{")
    while not connection.server.stopping.is_set():
        connection.send(b" " * 65536)


def zipped(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


_BOMB = gzip.compress(b'{"access_token": "granted"}' + b" " * (16 * MIB), 1)


def gzip_bomb(connection: Connection) -> None:
    connection.send(zipped(_BOMB))


def answering(status: int, body: Any = b"", **headers: str) -> Fault:
    """Answer like this; what is not bytes goes out as JSON."""
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(connection: Connection) -> None:
        connection.answer(Response(status, JSON + pairs, content))

    return answer


PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True)
class Case:
    """A fault of the token endpoint, what callers get for it, and what it may cost.

    `requests`: how often the endpoint is asked. `timed`: only the timeout ends it.
    """

    fault: Fault | None
    error: type[Exception]
    retryable: bool
    requests: int = 1
    timed: bool = False

    def was_asked_as_often(self, requests: int) -> bool:
        """Whether so many requests are right; a busy machine may use up a timed one's time on the way there."""
        return requests == self.requests or (self.timed and requests == 0)


def no_answer(fault: Fault | None, **options: Any) -> Case:
    return Case(fault, TokenRequestError, retryable=True, **options)


def refused(fault: Fault, *, retryable: bool = False) -> Case:
    return Case(fault, TokenEndpointError, retryable=retryable)


def unusable(fault: Fault) -> Case:
    return Case(fault, InvalidTokenResponseError, retryable=False)


CASES: dict[str, Case] = {
    "connection refused": no_answer(None, requests=0),
    "reset before an answer": no_answer(reset, requests=2),
    "closed without an answer": no_answer(closed, requests=2),
    "reset in the answer": no_answer(reset_in_the_answer),
    "closed in the answer": no_answer(closed_in_the_answer),
    "closed between chunks": no_answer(closed_between_chunks),
    "silent": no_answer(silent, timed=True),
    "dripping headers": no_answer(dripping_headers, timed=True),
    "dripping interim answers": no_answer(dripping_interim_answers, timed=True),
    "dripping body": no_answer(dripping_body, timed=True),
    "dripping chunks": no_answer(dripping_chunks, timed=True),
    "dripping without length": no_answer(dripping_without_length, timed=True),
    "no HTTP": no_answer(garbage),
    "endless": unusable(endless),
    "over 1 MiB": unusable(answering(200, GRANT | {"padding": "x" * MIB})),
    "gzip bomb": unusable(gzip_bomb),
    "page of HTML": unusable(answering(200, PAGE)),
    "500": refused(answering(500, {"error": "server_error"}), retryable=True),
    "502 with HTML": refused(answering(502, PAGE), retryable=True),
    "503": refused(answering(503, PAGE, Retry_After="7"), retryable=True),
    "429": refused(answering(429, PAGE, Retry_After="7"), retryable=True),
    "400": refused(answering(400, {"error": "invalid_request"})),
}
