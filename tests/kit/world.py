"""Bitquery's own host names on loopback: snippets and commands run as they are written, over TLS.

A proxy takes every CONNECT, whatever its target, and ends the TLS with a certificate of an
authority that exists for the test; behind it is the sandbox. Programs find both by the environment
that every client reads.
"""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import trustme

from bitquery_auth.sandbox import Sandbox
from tests.kit.origin import Connection, Origin, on_the_wire


class World:
    """The sandbox behind Bitquery's names: a context manager.

    Args:
        sandbox: What responds, whichever host is asked.
        folder: Where the authority's certificate is put.
        hosts: The names that its certificate is good for.
    """

    def __init__(self, sandbox: Sandbox, folder: Path, hosts: tuple[str, ...]) -> None:
        self.sandbox = sandbox
        authority = trustme.CA()
        self._ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self._ca_file))
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*hosts).configure_cert(self._tls)
        self._proxy = Origin(on_the_wire(self._connect))

    @property
    def connects(self) -> list[str]:
        """The host and port of every CONNECT."""
        return [request.target for request in self._proxy.requests]

    @property
    def environment(self) -> dict[str, str]:
        """The variables for a program in this world, the application's credentials included."""
        ca_file = str(self._ca_file)
        return {
            "HTTPS_PROXY": self._proxy.at(""),
            "https_proxy": self._proxy.at(""),
            "SSL_CERT_FILE": ca_file,
            "REQUESTS_CA_BUNDLE": ca_file,
            "BITQUERY_CLIENT_ID": self.sandbox.client_id,
            "BITQUERY_CLIENT_SECRET": self.sandbox.client_secret,
        }

    def __enter__(self) -> Self:
        self._proxy.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._proxy.__exit__()

    def _connect(self, connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        connection.encrypt(self._tls)
        tunnel(connection, (self.sandbox.host, self.sandbox.port))


def tunnel(
    connection: Connection, target: tuple[str, int], passed_on: bytearray | None = None
) -> None:
    """Pass on what a client and a server send each other until both have ended.

    Args:
        connection: The client's connection.
        target: The address of the server.
        passed_on: Is extended by every byte.
    """
    with socket.create_connection(target) as server:
        back = threading.Thread(target=_pump, args=(server, connection.sock, passed_on))
        back.start()
        _pump(connection.sock, server, passed_on)
        back.join()
    connection.close()


def _pump(source: socket.socket, target: socket.socket, passed_on: bytearray | None) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            if passed_on is not None:
                passed_on.extend(data)
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


@contextmanager
def world(folder: Path, *further_hosts: str) -> Iterator[World]:
    """Put Bitquery's names, and further ones, on loopback.

    Args:
        folder: For the authority's certificate.
        further_hosts: Names beyond ``*.bitquery.io``.
    """
    with Sandbox() as sandbox, World(sandbox, folder, ("*.bitquery.io", *further_hosts)) as made:
        yield made
