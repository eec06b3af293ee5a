"""The server of the benchmarks, in its own process: token endpoint and API of many applications.

Lean on purpose: what is measured is the clients. An application is the first part of the path, so
that caches which know a token by its endpoint alone keep contenders apart. It is controlled over
stdin and stdout, one JSON object a line.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_REASONS = {200: "OK", 401: "Unauthorized", 404: "Not Found", 503: "Service Unavailable"}


@dataclass
class App:
    """One application: its settings, its tokens and its counts."""

    lifetime: float = 3600.0
    delay: float = 0.0
    outage: bool = False
    tokens: dict[str, float] = field(default_factory=dict)
    token_requests: int = 0
    api_requests: int = 0
    refusals: int = 0


class Service:
    """The applications, and which path answers what."""

    def __init__(self) -> None:
        self.url = ""
        self._apps: dict[str, App] = {}
        self._serial = itertools.count()

    def app(self, name: str) -> App:
        return self._apps.setdefault(name, App())

    def control(self, command: dict[str, Any]) -> dict[str, Any]:
        """Change an application's settings, revoke its tokens, and return its counts."""
        app = self.app(command["app"])
        for name, value in command.get("set", {}).items():
            setattr(app, name, value)
        if command.get("revoke"):
            app.tokens.clear()
        if command.get("reset"):
            app.token_requests = app.api_requests = app.refusals = 0
        return {
            "token_requests": app.token_requests,
            "api_requests": app.api_requests,
            "refusals": app.refusals,
        }

    async def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        parts = path.strip("/").split("/")
        if parts[0] == ".well-known":
            return self._metadata(parts)
        app = self.app(parts[0])
        if parts[-1] == "token":
            return await self._token(app)
        if parts[-1] == "graphql":
            return self._api(app, headers, body)
        return 404, b"{}"

    async def _token(self, app: App) -> tuple[int, bytes]:
        app.token_requests += 1
        if app.delay:
            await asyncio.sleep(app.delay)
        if app.outage:
            return 503, b'{"error":"temporarily_unavailable"}'
        token = f"ory_at_{next(self._serial):011d}_{'x' * 68}"
        app.tokens[token] = time.time() + app.lifetime
        granted = {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": int(app.lifetime),
            "scope": "api",
        }
        return 200, json.dumps(granted).encode()

    def _api(self, app: App, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        app.api_requests += 1
        ends = app.tokens.get(headers.get("authorization", "").removeprefix("Bearer "), 0.0)
        if ends <= time.time() and not headers.get("authorization", "").startswith("Bearer fixed"):
            app.refusals += 1
            return 401, b"Unauthorized"
        return 200, json.dumps({"received": len(body)}).encode()

    def _metadata(self, parts: list[str]) -> tuple[int, bytes]:
        """What mcp asks for before it asks for a token (RFC 9728, RFC 8414)."""
        if len(parts) < 3:
            return 404, b"{}"
        issuer = f"{self.url}/{parts[2]}"
        if parts[1] == "oauth-protected-resource":
            found: dict[str, Any] = {
                "resource": f"{issuer}/graphql",
                "authorization_servers": [issuer],
            }
        else:
            found = {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "response_types_supported": ["code"],
                "grant_types_supported": ["client_credentials"],
                "token_endpoint_auth_methods_supported": [
                    "client_secret_post",
                    "client_secret_basic",
                ],
            }
        return 200, json.dumps(found).encode()


async def _converse(
    service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head[1:])
            }
            body = await _body(reader, headers)
            path = urlsplit(head[0].split(" ")[1]).path
            status, content = await service.answer(path, headers, body)
            writer.write(
                f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(content)}\r\n\r\n".encode()
                + content
            )
            await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError, ValueError):
        pass  # the client has gone, in the middle of a chunk perhaps, or the run is over
    finally:
        writer.close()


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "chunked" not in headers.get("transfer-encoding", ""):
        return await reader.readexactly(int(headers.get("content-length", 0)))
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def _serve() -> None:
    service = Service()
    server = await asyncio.start_server(
        lambda reader, writer: _converse(service, reader, writer), "127.0.0.1", 0, backlog=4096
    )
    port = server.sockets[0].getsockname()[1]
    service.url = f"http://127.0.0.1:{port}"
    _say(service.url)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    while line := await commands.readline():
        _say(json.dumps(service.control(json.loads(line))))


if __name__ == "__main__":
    asyncio.run(_serve())
