"""A WebSocket server on loopback that lets in whoever shows a token that is good at the sandbox."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Headers, Request
from tests.integrations.needs import needs

server = needs("websockets.sync.server", "websockets")


@contextmanager
def serve(sandbox: Sandbox, talk: Callable[[Any], None], *subprotocols: str) -> Iterator[str]:
    """Serve, and give the URL.

    Args:
        sandbox: What judges and counts the handshakes.
        talk: Is handed each connection.
        subprotocols: What is agreed to.
    """

    def admit(connection: Any, handshake: Any) -> Any:
        _, _, query = handshake.path.partition("?")
        request = Request(
            "GET", f"/graphql?{query}", Headers(tuple(handshake.headers.raw_items())), b""
        )
        verdict = sandbox.respond(request, lambda _: False)
        assert verdict is not None
        return (
            None
            if verdict.status == 200
            else connection.respond(verdict.status, verdict.body.decode())
        )

    with server.serve(
        talk, "127.0.0.1", 0, process_request=admit, subprotocols=subprotocols or None
    ) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{running.socket.getsockname()[1]}/graphql"
        finally:
            running.shutdown()
            thread.join(20)
