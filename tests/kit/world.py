"""Bitquery's own host names on loopback, over TLS: snippets and commands run as they are written.

A proxy accepts every CONNECT, whatever its target, and terminates TLS with the certificate of an
authority that exists for the test. Behind it is the sandbox. Programs find both by environment
variables that every client reads.
"""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import trustme

from bitquery_auth.sandbox import Sandbox

_END_OF_HEAD = b"\r\n\r\n"


class World:
    """The sandbox behind Bitquery's names.

    Args:
        sandbox: What responds, whatever the host.
        folder: Where the authority's certificate is written.
        hosts: The names that the server's certificate is valid for.
    """

    def __init__(self, sandbox: Sandbox, folder: Path, hosts: tuple[str, ...]) -> None:
        self.sandbox = sandbox
        self.connects: list[str] = []
        authority = trustme.CA()
        self._ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self._ca_file))
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*hosts).configure_cert(self._tls)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which a program reaches it, and the application's credentials."""
        proxy = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        ca_file = str(self._ca_file)
        return {
            "HTTPS_PROXY": proxy,
            "https_proxy": proxy,
            "SSL_CERT_FILE": ca_file,
            "REQUESTS_CA_BUNDLE": ca_file,
            "BITQUERY_CLIENT_ID": self.sandbox.client_id,
            "BITQUERY_CLIENT_SECRET": self.sandbox.client_secret,
        }

    def close(self) -> None:
        self._listener.close()
        for sock in list(self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with ExitStack() as stack, suppress(OSError, ssl.SSLError):
            stack.enter_context(client)
            head = b""
            while _END_OF_HEAD not in head:
                head += client.recv(4096)
            self.connects.append(head.split()[1].decode())
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            front = stack.enter_context(self._tls.wrap_socket(client, server_side=True))
            back = stack.enter_context(
                socket.create_connection((self.sandbox.host, self.sandbox.port))
            )
            self._open |= {front, back}
            responses = threading.Thread(target=_pump, args=(back, front), daemon=True)
            responses.start()
            _pump(front, back)
            responses.join()
            self._open -= {front, back}


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError, ssl.SSLError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


@contextmanager
def world(folder: Path, *further_hosts: str) -> Iterator[World]:
    """Bitquery's names, and further ones, on loopback.

    Args:
        folder: Where the authority's certificate is written.
        further_hosts: Names beyond ``*.bitquery.io``.
    """
    with Sandbox() as sandbox:
        made = World(sandbox, folder, ("*.bitquery.io", *further_hosts))
        try:
            yield made
        finally:
            made.close()
