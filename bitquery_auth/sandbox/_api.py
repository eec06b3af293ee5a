"""What the API reads from a request, and its responses. No I/O and no clock."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from bitquery_auth.sandbox._graphql import GraphQLError, GraphQLRequest, parse_request
from bitquery_auth.sandbox._messages import Request, Response
from bitquery_auth.sandbox._tokens import IssuedToken, new_token_value


def bearer_token(request: Request) -> str | None:
    """Return the token of ``Authorization: Bearer …``, of a bare header, or of ``?token=``.

    The bare form is the one in Bitquery's gRPC documentation, and the one in the URL is for
    WebSockets. A header takes precedence over the URL.
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
    """Return whether this asks for a short-term token: ``expires_in`` and no ``query``."""
    # Every API request passes here, so the bytes are searched before any JSON is parsed.
    if request.method != "POST" or b'"expires_in"' not in request.body:
        return False
    body = _parse_json(request.body)
    return isinstance(body, dict) and "expires_in" in body and "query" not in body


def respond_to_short_term_request(
    request: Request, token: IssuedToken, *, now: float
) -> tuple[Response, IssuedToken | None]:
    """Issue a short-term token to the owner of another token.

    Returns:
        The response, and the token in it, if any, which the caller keeps.
    """
    lifetime: Any = json.loads(request.body)["expires_in"]
    # JSON's true is an int in Python.
    if type(lifetime) not in {int, float} or not 0 < lifetime < math.inf:
        error = GraphQLError("expires_in must be a positive number of seconds.")
        return _json(error.response, status=400), None
    issued = IssuedToken(new_token_value(), token.client_id, token.scope, now + lifetime)
    return _json({"token": issued.value}), issued


def respond_to_query(
    request: Request, execute: Callable[[GraphQLRequest], Mapping[str, Any]]
) -> Response:
    """Respond to a GraphQL query.

    Args:
        request: The request, whose body is JSON.
        execute: Returns the response body for it, or raises `GraphQLError`.
    """
    try:
        query = parse_request(_parse_json(request.body))
    except GraphQLError as error:
        return _json(error.response, status=400)
    try:
        return _json(execute(query))
    except GraphQLError as error:
        return _json(error.response)


def _parse_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _json(value: Mapping[str, Any], *, status: int = 200) -> Response:
    body = json.dumps(value, separators=(",", ":")).encode()
    return Response(status, (("Content-Type", "application/json"),), body)


# At Bitquery, the proxy in front of the API checks the token before it reads the body. Hence these
# responses are plain text, and a malformed query without a valid token gets a 401 as well.
UNAUTHORIZED = Response.text(401, "Unauthorized")
FORBIDDEN = Response.text(403, "Forbidden")

OK = _json({"data": {"ok": True}})
"""The response to any method but POST."""
NO_QUERY = _json(GraphQLError("Must provide query string.").response)
"""The response to a request for a short-term token where the API issues none."""
