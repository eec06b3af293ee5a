"""A server of the Model Context Protocol with one tool, as a handler of `tests.kit.origin`."""

import json
from typing import Any

from bitquery_auth.sandbox._messages import Request, Response

_TOOL = {"name": "head", "description": "The latest block.", "inputSchema": {"type": "object"}}
_RESULTS: dict[str, Any] = {
    "tools/list": {"tools": [_TOOL]},
    "tools/call": {"content": [{"type": "text", "text": "16"}]},
    "ping": {},
}


def serve_mcp(request: Request) -> Response:
    """Respond over streamable HTTP; the server has no stream of its own."""
    if request.method != "POST":
        return Response.text(405, "Method Not Allowed")
    message = json.loads(request.body)
    if "id" not in message:
        return Response(202)
    result = _result(message)
    unknown = {"code": -32601, "message": "Method not found"}
    outcome = {"error": unknown} if result is None else {"result": result}
    body = {"jsonrpc": "2.0", "id": message["id"]} | outcome
    return Response(200, (("Content-Type", "application/json"),), json.dumps(body).encode())


def _result(message: Any) -> Any:
    if message["method"] != "initialize":
        return _RESULTS.get(message["method"])
    return {
        "protocolVersion": message["params"]["protocolVersion"],
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "blocks", "version": "1"},
    }
