"""The GraphQL endpoint: whom it lets in, and what it answers. No I/O and no clock."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import cast

from bitquery_auth.sandbox._messages import Request, Response
from bitquery_auth.sandbox._tokens import IssuedToken, new_token_value
from bitquery_auth.sandbox._trades import asks_for_trades, trades

__all__ = ["answer_api_request", "bearer_token", "is_short_term_request"]

_UNAUTHORIZED = Response.text(401, "Unauthorized")
_FORBIDDEN = Response.text(403, "Forbidden")


def bearer_token(request: Request) -> str | None:
    """Find the token: ``Authorization: Bearer …``, a bare token in that header, or ``?token=``.

    The bare form is what Bitquery's gRPC documentation shows, the one in the URL what it demands
    for WebSockets. A header wins over the URL.
    """
    if "authorization" not in request.headers:
        return request.query.get("token")
    match request.headers["authorization"].split():
        case [scheme, token] if scheme.lower() == "bearer":
            return token
        case [token]:
            return token
        case _:
            return None


def is_short_term_request(request: Request) -> bool:
    """Tell whether this is the exchange for a short-term token: ``expires_in`` and no ``query``."""
    # Looked for in the raw bytes first: every API request comes by here.
    if request.method != "POST" or b'"expires_in"' not in request.body:
        return False
    body = _json_object(request.body)
    return body is not None and "expires_in" in body and body.get("query") is None


def answer_api_request(
    request: Request, token: IssuedToken | None, *, required_scope: str | None, short_term: bool, now: float
) -> tuple[Response, IssuedToken | None]:
    """Answer at ``/graphql``.

    Args:
        request: What was sent.
        token: The token it carries; None: none that is good.
        required_scope: What the token's scope must hold.
        short_term: Whether tokens are exchanged for short-term ones.
        now: The time, in seconds.

    Returns:
        The answer, and the short-term token that it hands out, if any: the caller keeps it.
    """
    # At Bitquery the proxy in front decides on the token, before anyone reads the body: hence plain
    # text, and hence 401 for a malformed query too.
    if token is None:
        return _UNAUTHORIZED, None
    if required_scope is not None and required_scope not in token.scope.split():
        return _FORBIDDEN, None
    if request.method != "POST":
        return _json({"data": {"ok": True}}), None
    if is_short_term_request(request):
        return _exchange(request, token, now) if short_term else (_errors(200, "Must provide query string."), None)
    return _graphql(request), None


def _exchange(request: Request, token: IssuedToken, now: float) -> tuple[Response, IssuedToken | None]:
    lifetime = (_json_object(request.body) or {}).get("expires_in")
    if isinstance(lifetime, bool) or not isinstance(lifetime, int | float) or not 0 < lifetime < math.inf:
        return _errors(400, "expires_in must be a positive number of seconds."), None
    short = IssuedToken(new_token_value(), token.client_id, token.scope, now + lifetime)
    return _json({"token": short.value}), short


def _graphql(request: Request) -> Response:
    body = _json_object(request.body)
    if body is None:
        return _errors(400, "The body must be a JSON object.")
    query = body.get("query")
    if not isinstance(query, str) or not query.strip():
        return _errors(400, "Must provide query string.")
    return _json({"data": {"EVM": {"DEXTrades": trades(query)}} if asks_for_trades(query) else {}})


def _json_object(body: bytes) -> dict[str, object] | None:
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def _errors(status: int, message: str) -> Response:
    return _json({"errors": [{"message": message}]}, status)


def _json(value: Mapping[str, object], status: int = 200) -> Response:
    return Response(status, (("Content-Type", "application/json"),), json.dumps(value, separators=(",", ":")).encode())
