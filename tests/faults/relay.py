"""A forward proxy, as stands between a company and the internet: absolute URLs for http, CONNECT for https."""

import socket
import threading
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlsplit

from tests.faults.proxy import Connection


def relay(connection: Connection) -> None:
    """Let a request through. Everything that crosses a tunnel is recorded by `tunnelled`."""
    request = connection.request
    if request.method == "CONNECT":
        _tunnel(connection, request.target)
        return
    parts = urlsplit(request.target)
    response = connection.server.service(replace(request, target=parts._replace(scheme="", netloc="").geturl()))
    assert response is not None
    connection.answer(response)


tunnelled = bytearray()


def _tunnel(connection: Connection, target: str) -> None:
    host, _, port = target.partition(":")
    with socket.create_connection((host, int(port))) as upstream:
        connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=_pump, args=(upstream, connection.sock), daemon=True)
        back.start()
        _pump(connection.sock, upstream)
        back.join(10)
    connection.close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            tunnelled.extend(data)
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
