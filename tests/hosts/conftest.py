"""A server to which every host name leads."""

import socket
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest

from tests.kit.origin import Origin
from tests.kit.tokens import CountingSource


def is_bitquery_name(name: str) -> bool:
    """Whether a DNS query for this name is answered by Bitquery's name servers."""
    return f".{name.lower().removesuffix('.')}".endswith(".bitquery.io")


@pytest.fixture
def allowed_hosts() -> tuple[str, ...]:
    """Bitquery's hosts, as by default."""
    return ("bitquery.io", "*.bitquery.io")


@pytest.fixture
def source() -> CountingSource:
    return CountingSource()


@pytest.fixture
def names(origin: Origin, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that are looked up, each of which leads to `origin`, on any port."""
    looked_up: list[str] = []
    port = urlsplit(origin.at()).port
    resolve, connect = socket.getaddrinfo, anyio.connect_tcp

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode("ascii") if isinstance(host, bytes) else host
        if name in {None, "127.0.0.1"}:
            return resolve(host, *args, **kwargs)
        if kwargs.get("flags", args[4] if len(args) > 4 else 0) & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "not an address")
        looked_up.append(name)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]

    async def connect_tcp(remote_host: str, remote_port: int, **options: Any) -> Any:
        if remote_host != "127.0.0.1":  # anyio ignores the port of the addresses that are looked up
            looked_up.append(remote_host)
            remote_host, remote_port = "127.0.0.1", port or 0
        return await connect(remote_host, remote_port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(anyio, "connect_tcp", connect_tcp)
    return looked_up
