"""Bitquery without the sockets: settings, counts, and which endpoint responds to what."""

from __future__ import annotations

import logging
import secrets
import string
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from socket import socket
from typing import TYPE_CHECKING, Any, Literal

from bitquery_auth.sandbox import _api, _graphql
from bitquery_auth.sandbox._hydra import (
    FORM_BODY,
    NOT_FOUND,
    AuthMethod,
    Client,
    respond_to_revocation_request,
    respond_to_token_request,
)
from bitquery_auth.sandbox._messages import Recorded, Request, Response, Subscription
from bitquery_auth.sandbox._tokens import IssuedToken, TokenRegistry

if TYPE_CHECKING:
    from websockets.server import ServerProtocol

    from bitquery_auth.sandbox._server import Pause
    from bitquery_auth.sandbox._websockets import WebSocket


_logger = logging.getLogger("bitquery_auth.sandbox")

_MAX_RECORDS = 10_000
_UNRESERVED = string.ascii_letters + string.digits + "_.~"

Outage = int | Literal["drop"]


def has_websockets() -> bool:
    """Return whether the library websockets is installed."""
    try:
        import websockets  # noqa: F401, PLC0415 - an extra
    except ImportError:
        return False
    return True


def _new_client_id() -> str:
    return str(uuid.uuid4())


def _new_client_secret() -> str:
    """Return a secret like Hydra's: 26 characters that no URL encoding changes.

    Hydra's may begin with a hyphen. This one does not, so that it can be used on a command line.
    """
    first = secrets.choice(_UNRESERVED)
    return first + "".join(secrets.choice(_UNRESERVED + "-") for _ in range(25))


@dataclass(kw_only=True, eq=False, repr=False)
class Service:
    """One application, its tokens and the API. Every setting can be changed at any time.

    Counts are exact under any number of threads. A request is counted before its response is
    sent, so a client that has its response finds it in the count.
    """

    lifetime: float = 3600.0
    """Seconds that a token is valid. Hydra rounds ``expires_in`` down: 3599 of 3600."""
    delay: float = 0.0
    """Seconds that each request to the token endpoint takes. The token is issued at their end."""
    outage: Outage | None = None
    """The token endpoint fails: the HTTP status that it sends, or ``"drop"`` to send nothing."""
    api_outage: Outage | None = None
    """The same for the API, WebSocket handshakes included."""
    retry_after: str | int | None = None
    """The header ``Retry-After`` of an outage: seconds, or an HTTP date."""
    accept_nothing: bool = False
    """The API responds with 401 to every token."""
    reject_handshakes: bool = False
    """The API responds with 401 to every WebSocket handshake."""
    required_scope: str | None = None
    """The API responds with 403 to a token without this scope."""
    short_term: bool = True
    """The API issues a short-term token for a long-lived one."""
    responses: _graphql.Responses = field(default_factory=dict[str, Mapping[str, Any]])
    """Your own GraphQL responses, which take precedence over the sandbox's.

    A mapping from a piece of a query, such as a field's name, to the response body; or a function
    of a query and its variables that returns the body, or None for the sandbox's own. The body is
    that of GraphQL: ``data``, ``errors`` or both.
    """
    block_interval: float = 1.0
    """Seconds between two blocks, which subscriptions get, and between two keep-alives."""
    websockets_silent: bool = False
    """Open WebSockets get neither data nor keep-alives, while blocks go by."""
    allowed_scopes: Sequence[str] = ("api",)
    """The scopes that the application may request."""
    allowed_audiences: Sequence[str] = ()
    """The values of ``audience`` that it may request."""
    token_endpoint_auth_method: AuthMethod = FORM_BODY
    """How the application must authenticate. Hydra rejects the other method."""
    client_id: str = field(default_factory=_new_client_id)
    """The application's id; by default, a new one in Bitquery's format."""
    client_secret: str = field(default_factory=_new_client_secret)
    """The application's secret; by default, a new one in Bitquery's format."""
    revoked_client: bool = False
    """The token endpoint does not know the application, and the API rejects its tokens."""
    clock: Callable[[], float] = time.time
    """Returns the time in seconds, by which tokens expire."""
    on_request: Callable[[Recorded], None] | None = None
    """Called after each request with its record, for example to log it."""

    token_requests: int = field(default=0, init=False)
    """Requests to the token endpoint, including those that failed."""
    tokens_issued: int = field(default=0, init=False)
    """Tokens issued, including short-term ones."""
    revocation_requests: int = field(default=0, init=False)
    """Requests to the revocation endpoint."""
    api_requests: int = field(default=0, init=False)
    """Requests to the API, including those that failed and those for a short-term token."""
    api_refusals: int = field(default=0, init=False)
    """Requests to the API with a 401 as the response."""
    short_term_requests: int = field(default=0, init=False)
    """Requests to the API for a short-term token."""
    websocket_handshakes: int = field(default=0, init=False)
    """Handshakes of WebSockets, including those that failed."""
    block_number: int = field(default=0, init=False)
    """The number of the newest block. Blocks begin with the first WebSocket."""

    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _clients: dict[str, Client] = field(default_factory=dict[str, Client], init=False)
    _tokens: TokenRegistry = field(default_factory=TokenRegistry, init=False)
    _records: deque[Recorded] = field(
        default_factory=lambda: deque(maxlen=_MAX_RECORDS), init=False
    )
    _websockets: list[WebSocket] = field(default_factory=list["WebSocket"], init=False)
    _subscriptions: list[Subscription] = field(default_factory=list[Subscription], init=False)
    _ticker: threading.Thread | None = field(default=None, init=False)

    @property
    def requests(self) -> tuple[Recorded, ...]:
        """The last 10,000 requests, the newest last."""
        with self._lock:
            return tuple(self._records)

    @property
    def websockets_open(self) -> int:
        """The number of open WebSockets."""
        with self._lock:
            return len(self._websockets)

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """Every subscription, the newest last, with the numbers of the blocks that it was sent."""
        with self._lock:
            return tuple(self._subscriptions)

    def reset_counts(self) -> None:
        """Set every count to zero and remove the recorded requests and subscriptions."""
        with self._lock:
            self.token_requests = self.tokens_issued = self.revocation_requests = 0
            self.api_requests = self.api_refusals = self.short_term_requests = 0
            self.websocket_handshakes = 0
            self._records.clear()
            self._subscriptions.clear()

    def revoke_all(self) -> None:
        """Revoke every token. Open WebSockets stay open, as at Bitquery."""
        self._tokens.revoke_all()

    def delete_application(self) -> None:
        """Delete the application, as on Bitquery's account page, and revoke its tokens."""
        self.revoked_client = True
        self._tokens.revoke_client(self.client_id)

    def close_websockets(self, code: int = 1012, reason: str = "") -> None:
        """Close every open WebSocket.

        Args:
            code: The close code: 1012 is "service restart", 1013 is Bitquery's for a slow client.
            reason: The reason that the client is shown.
        """
        for websocket in self._open_websockets():
            websocket.close(code, reason)

    def add_client(
        self,
        client_id: str,
        client_secret: str,
        *,
        token_endpoint_auth_method: AuthMethod = FORM_BODY,
        scopes: Sequence[str] = ("api",),
        audiences: Sequence[str] = (),
        lifetime: float | None = None,
    ) -> None:
        """Register another application, in place of one with the same id.

        Args:
            client_id: Its id.
            client_secret: Its secret.
            token_endpoint_auth_method: How it must authenticate.
            scopes: The scopes that it may request.
            audiences: The values of ``audience`` that it may request.
            lifetime: Seconds that its tokens are valid; None: the sandbox's `lifetime`.
        """
        self._clients[client_id] = Client(
            client_id,
            client_secret,
            token_endpoint_auth_method,
            _split(scopes),
            _split(audiences),
            lifetime,
        )

    def respond(self, request: Request, pause: Pause) -> Response | None:
        """Respond to one request, count it and record it.

        Args:
            request: The request.
            pause: Waits this many seconds; returns whether the server began to stop meanwhile.

        Returns:
            The response, or None to close the connection without one.
        """
        try:
            response = self._route(request, pause)
        except Exception:
            # A setting is wrong, or a function of the user's failed: the client must not hang.
            _logger.exception("The sandbox failed at %s %s", request.method, request.path)
            response = Response.text(500, "Internal Server Error")
        status = None if response is None else response.status
        record = Recorded(request.method, request.target, request.headers, request.body, status)
        with self._lock:
            self._records.append(record)
        if self.on_request is not None:
            self.on_request(record)
        return response

    def _route(self, request: Request, pause: Pause) -> Response | None:
        match request.path:
            case "/oauth2/token":
                return self._at_token_endpoint(request, pause)
            case "/oauth2/revoke":
                return self._at_revocation_endpoint(request)
            case "/graphql" | "/eap":
                is_upgrade = request.headers.get("upgrade", "").lower() == "websocket"
                if is_upgrade and has_websockets():
                    return self._at_websocket(request, pause)
                return self._at_api(request)
            case _:
                return NOT_FOUND

    def _at_token_endpoint(self, request: Request, pause: Pause) -> Response | None:
        with self._lock:
            self.token_requests += 1
        if pause(self.delay):
            return None
        if self.outage is not None:
            return self._fail(self.outage)
        response, token = respond_to_token_request(
            request, self._client, lifetime=self.lifetime, now=self.clock()
        )
        self._keep(token)
        return response

    def _at_revocation_endpoint(self, request: Request) -> Response:
        with self._lock:
            self.revocation_requests += 1
        response, revocation = respond_to_revocation_request(request, self._client)
        if revocation is not None:
            self._tokens.revoke(revocation.token, client_id=revocation.client_id)
        return response

    def _at_api(self, request: Request) -> Response | None:
        is_short_term_request = _api.is_short_term_request(request)
        with self._lock:
            self.api_requests += 1
            self.short_term_requests += is_short_term_request
        if self.api_outage is not None:
            return self._fail(self.api_outage)
        token = self._admit(request)
        if isinstance(token, Response):
            with self._lock:
                self.api_refusals += token.status == HTTPStatus.UNAUTHORIZED
            return token
        if request.method != "POST":
            return _api.OK
        if is_short_term_request:
            return self._issue_short_term_token(request, token)
        return _api.respond_to_query(request, self._execute)

    def _at_websocket(self, request: Request, pause: Pause) -> Response | None:
        from bitquery_auth.sandbox._websockets import accept  # noqa: PLC0415 - an extra

        with self._lock:
            self.websocket_handshakes += 1
        if self.api_outage is not None:
            return self._fail(self.api_outage)
        token = _api.UNAUTHORIZED if self.reject_handshakes else self._admit(request)
        if isinstance(token, Response):
            return token
        protocol, response = accept(request)
        if response.status != HTTPStatus.SWITCHING_PROTOCOLS:
            return response
        return replace(response, upgrade=partial(self._serve_websocket, protocol, pause))

    def _serve_websocket(self, protocol: ServerProtocol, pause: Pause, connection: socket) -> None:
        from bitquery_auth.sandbox._websockets import WebSocket  # noqa: PLC0415 - an extra

        websocket = WebSocket(protocol, connection, self._execute, self._subscriptions.append)
        with self._lock:
            self._websockets.append(websocket)
            if self._ticker is None:
                name = threading.current_thread().name
                self._ticker = threading.Thread(
                    target=self._tick, args=(pause,), name=name, daemon=True
                )
                self._ticker.start()
        try:
            websocket.serve()
        finally:
            with self._lock:
                self._websockets.remove(websocket)

    def _tick(self, pause: Pause) -> None:
        """Make one block after the other until the server stops."""
        while not pause(self.block_interval):
            self.block_number += 1
            if self.websockets_silent:
                continue
            for websocket in self._open_websockets():
                try:
                    websocket.tick(self.block_number)
                except Exception:
                    _logger.exception("The sandbox failed at a subscription")

    def _open_websockets(self) -> tuple[WebSocket, ...]:
        with self._lock:
            return tuple(self._websockets)

    def _execute(
        self, request: _graphql.GraphQLRequest, number: int | None = None
    ) -> Mapping[str, Any]:
        """Return the response body: the test's own, or the sandbox's."""
        body = _graphql.response_of_test(self.responses, request)
        if body is None:
            body = _graphql.execute(_graphql.parse(request), request.variables, number)
        return body

    def _client(self, client_id: str) -> Client | None:
        if client_id != self.client_id:
            return self._clients.get(client_id)
        if self.revoked_client:
            return None
        return Client(
            client_id,
            self.client_secret,
            self.token_endpoint_auth_method,
            _split(self.allowed_scopes),
            _split(self.allowed_audiences),
        )

    def _admit(self, request: Request) -> IssuedToken | Response:
        """Return the valid token of a request to the API, or the response that rejects it."""
        value = _api.bearer_token(request)
        token = None if value is None else self._tokens.find(value, now=self.clock())
        if token is None or self.accept_nothing:
            return _api.UNAUTHORIZED
        if self.revoked_client and token.client_id == self.client_id:
            return _api.UNAUTHORIZED
        if self.required_scope is not None and self.required_scope not in token.scope.split():
            return _api.FORBIDDEN
        return token

    def _issue_short_term_token(self, request: Request, token: IssuedToken) -> Response:
        if not self.short_term:
            return _api.NO_QUERY
        response, issued = _api.respond_to_short_term_request(request, token, now=self.clock())
        self._keep(issued)
        return response

    def _keep(self, token: IssuedToken | None) -> None:
        if token is not None:
            self._tokens.add(token)
            with self._lock:
                self.tokens_issued += 1

    def _fail(self, outage: Outage) -> Response | None:
        return None if outage == "drop" else Response.failure(outage, self.retry_after)


def _split(values: Sequence[str]) -> tuple[str, ...]:
    """Return the items of a sequence, or of one string in which spaces separate them."""
    return tuple(values.split() if isinstance(values, str) else values)
