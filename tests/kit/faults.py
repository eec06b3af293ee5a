"""Faults of a server, by name: handlers of an `Origin`."""

import gzip
import json
from itertools import chain, repeat

from tests.kit.origin import Connection, on_the_wire

TOKEN = {"access_token": "granted", "expires_in": 3600, "token_type": "bearer", "scope": "api"}
"""A token response."""
BODY = json.dumps(TOKEN).encode()
PAGE = "<html><body><h1>502 Bad Gateway</h1></body></html>"
_OK = b"HTTP/1.1 200 OK\r\n"


@on_the_wire
def reset(connection: Connection) -> None:
    connection.reset()


@on_the_wire
def closed(connection: Connection) -> None:
    connection.close()


@on_the_wire
def silent(connection: Connection) -> None:
    connection.wait_until_left()


@on_the_wire
def reset_in_the_response(connection: Connection) -> None:
    connection.send(_OK + b'Content-Length: 400\r\n\r\n{"access_token": "half')
    connection.reset()


@on_the_wire
def closed_in_the_response(connection: Connection) -> None:
    connection.send(_OK + b"Content-Length: 400\r\n\r\n" + BODY)
    connection.close()


@on_the_wire
def closed_between_chunks(connection: Connection) -> None:
    head = _OK + b"Transfer-Encoding: chunked\r\n\r\n"
    connection.send(head + b"%x\r\n%s\r\n" % (len(BODY), BODY))
    connection.close()


@on_the_wire
def dripping_headers(connection: Connection) -> None:
    header = _OK + b"X-Padding: "
    connection.drip(chain((header[i : i + 1] for i in range(len(header))), repeat(b"x")))


@on_the_wire
def dripping_interim_responses(connection: Connection) -> None:
    connection.drip(repeat(b"HTTP/1.1 100 Continue\r\n\r\n"))


@on_the_wire
def dripping_body(connection: Connection) -> None:
    connection.send(_OK + b"Content-Length: 100000\r\n\r\n" + BODY)
    connection.drip(repeat(b" "))


@on_the_wire
def dripping_chunks(connection: Connection) -> None:
    connection.send(_OK + b"Transfer-Encoding: chunked\r\n\r\n")
    connection.drip(repeat(b"1\r\n \r\n"))


@on_the_wire
def dripping_without_length(connection: Connection) -> None:
    """The end of the connection is the end of such a body: its beginning is not the whole."""
    connection.send(_OK + b"Connection: close\r\n\r\n" + BODY)
    connection.drip(repeat(b" "))


@on_the_wire
def not_http(connection: Connection) -> None:
    connection.send(b"SSH-2.0-OpenSSH_9.9\r\n\x00\xff\xfe garbage\r\n\r\n")
    connection.close()


@on_the_wire
def endless(connection: Connection) -> None:
    connection.send(_OK + b"\r\n{")
    connection.flood(b" " * 65536)


_BOMB = gzip.compress(BODY + b" " * (16 << 20), 1)


@on_the_wire
def gzip_bomb(connection: Connection) -> None:
    head = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(_BOMB)
    connection.send(_OK + head + _BOMB)
