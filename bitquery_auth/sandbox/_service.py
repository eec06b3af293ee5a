"""Bitquery without the sockets: settings, counts, and which endpoint answers what."""

from __future__ import annotations

import logging
import secrets
import string
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

from bitquery_auth.sandbox._api import answer_api_request, bearer_token, is_short_term_request
from bitquery_auth.sandbox._hydra import (
    FORM_BODY,
    NOT_FOUND,
    AuthMethod,
    Client,
    answer_revocation_request,
    answer_token_request,
)
from bitquery_auth.sandbox._messages import Recorded, Request, Response
from bitquery_auth.sandbox._tokens import IssuedToken, TokenRegistry

__all__ = ["Service"]

_logger = logging.getLogger("bitquery_auth.sandbox")

_RECORDS_KEPT = 10_000
_UNRESERVED = string.ascii_letters + string.digits + "_.~"

Outage = int | Literal["drop"]


def _new_client_id() -> str:
    return str(uuid.uuid4())


def _new_client_secret() -> str:
    """Make a secret as Hydra does: 26 characters that no URL encoding changes.

    Hydra's may begin with a hyphen; this one does not, so that it can stand on a command line.
    """
    return secrets.choice(_UNRESERVED) + "".join(secrets.choice(_UNRESERVED + "-") for _ in range(25))


@dataclass(kw_only=True, eq=False, repr=False)
class Service:
    """What answers: one application and its tokens. Every setting can be changed at any time.

    Counts are exact under any number of threads, and a request is counted before it is answered: by
    the time a client has its answer, so has the count.
    """

    lifetime: float = 3600.0
    """Seconds that a token lives. ``expires_in`` is rounded down just after issue, as Hydra does: 3599."""
    delay: float = 0.0
    """Seconds that each request to the token endpoint takes; the token is issued after them."""
    outage: Outage | None = None
    """What the token endpoint does instead: answer this HTTP status with a page of HTML, or hang up."""
    api_outage: Outage | None = None
    """The same for the API."""
    retry_after: str | int | None = None
    """A ``Retry-After`` header for the answers of an outage: seconds, or an HTTP date."""
    accept_nothing: bool = False
    """The API answers 401 whatever the token."""
    required_scope: str | None = None
    """The API answers 403 to a token without this scope."""
    short_term: bool = True
    """The API exchanges a token for a short-term one."""
    allowed_scopes: Sequence[str] = ("api",)
    """What the application may ask for."""
    allowed_audiences: Sequence[str] = ()
    """What it may name as ``audience``."""
    token_endpoint_auth_method: AuthMethod = FORM_BODY
    """How the application must authenticate; the other way is refused, as at Hydra."""
    client_id: str = field(default_factory=_new_client_id)
    """The application's id; generated in Bitquery's format unless given."""
    client_secret: str = field(default_factory=_new_client_secret)
    """The application's secret; generated in Bitquery's format unless given."""
    revoked_client: bool = False
    """The application is unknown at the token endpoint and its tokens are refused; see `delete_application`."""
    clock: Callable[[], float] = time.time
    """Tells the time in seconds; tokens end by it."""

    token_requests: int = field(default=0, init=False)
    """Requests to the token endpoint, refused and failed ones included."""
    tokens_issued: int = field(default=0, init=False)
    """Tokens handed out, short-term ones included."""
    revocation_requests: int = field(default=0, init=False)
    """Requests to the revocation endpoint."""
    api_requests: int = field(default=0, init=False)
    """Requests to the API, refused ones and exchanges for short-term tokens included."""
    api_refusals: int = field(default=0, init=False)
    """Those of them that were answered 401."""
    short_term_requests: int = field(default=0, init=False)
    """Those of them that asked for a short-term token."""

    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _clients: dict[str, Client] = field(default_factory=dict[str, Client], init=False)
    _tokens: TokenRegistry = field(default_factory=TokenRegistry, init=False)
    _records: deque[Recorded] = field(default_factory=lambda: deque(maxlen=_RECORDS_KEPT), init=False)

    @property
    def requests(self) -> tuple[Recorded, ...]:
        """The last 10,000 requests as of now, the newest last."""
        with self._lock:
            return tuple(self._records)

    def reset_counts(self) -> None:
        """Set every count to zero and forget the recorded requests."""
        with self._lock:
            self.token_requests = self.tokens_issued = self.revocation_requests = 0
            self.api_requests = self.api_refusals = self.short_term_requests = 0
            self._records.clear()

    def revoke_all(self) -> None:
        """Make every token that was issued stop working now."""
        self._tokens.revoke_all()

    def delete_application(self) -> None:
        """Delete the application, as on Bitquery's account page: its tokens stop working, and it gets no more."""
        self.revoked_client = True
        self._tokens.revoke_client(self.client_id)

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
        """Register a further application, in place of one added before under the same id.

        Args:
            client_id: Its id.
            client_secret: Its secret.
            token_endpoint_auth_method: How it must authenticate.
            scopes: What it may ask for.
            audiences: What it may name as ``audience``.
            lifetime: Seconds that its tokens live; None: the sandbox's `lifetime`.
        """
        self._clients[client_id] = Client(
            client_id, client_secret, token_endpoint_auth_method, _names(scopes), _names(audiences), lifetime
        )

    def answer(self, request: Request, pause: Callable[[float], bool]) -> Response | None:
        """Answer one request, count it and record it.

        Args:
            request: What was sent.
            pause: Waits so many seconds, and tells whether the server began to stop meanwhile.

        Returns:
            The answer; None: close the connection without one.
        """
        try:
            response = self._route(request, pause)
        except Exception:
            # A setting that makes no sense, or the user's clock: better an error here than a client that hangs.
            _logger.exception("The sandbox could not answer %s %s", request.method, request.path)
            response = Response.text(500, "Internal Server Error")
        status = None if response is None else response.status
        with self._lock:
            self._records.append(Recorded(request.method, request.target, request.headers, request.body, status))
        return response

    def _route(self, request: Request, pause: Callable[[float], bool]) -> Response | None:
        match request.path:
            case "/oauth2/token":
                return self._at_token_endpoint(request, pause)
            case "/oauth2/revoke":
                return self._at_revocation_endpoint(request)
            case "/graphql" | "/eap":
                return self._at_api(request)
            case _:
                return NOT_FOUND

    def _at_token_endpoint(self, request: Request, pause: Callable[[float], bool]) -> Response | None:
        with self._lock:
            self.token_requests += 1
        if pause(self.delay):
            return None
        if self.outage is not None:
            return self._fail(self.outage)
        response, token = answer_token_request(request, self._client, lifetime=self.lifetime, now=self.clock())
        self._keep(token)
        return response

    def _at_revocation_endpoint(self, request: Request) -> Response:
        with self._lock:
            self.revocation_requests += 1
        response, revocation = answer_revocation_request(request, self._client)
        if revocation is not None:
            self._tokens.revoke(revocation.token, client_id=revocation.client_id)
        return response

    def _at_api(self, request: Request) -> Response | None:
        with self._lock:
            self.api_requests += 1
            self.short_term_requests += is_short_term_request(request)
        if self.api_outage is not None:
            return self._fail(self.api_outage)
        now = self.clock()
        response, short = answer_api_request(
            request,
            self._token(request, now),
            required_scope=self.required_scope,
            short_term=self.short_term,
            now=now,
        )
        self._keep(short)
        if response.status == HTTPStatus.UNAUTHORIZED:
            with self._lock:
                self.api_refusals += 1
        return response

    def _client(self, client_id: str) -> Client | None:
        if client_id != self.client_id:
            return self._clients.get(client_id)
        if self.revoked_client:
            return None
        return Client(
            client_id,
            self.client_secret,
            self.token_endpoint_auth_method,
            _names(self.allowed_scopes),
            _names(self.allowed_audiences),
        )

    def _token(self, request: Request, now: float) -> IssuedToken | None:
        value = bearer_token(request)
        token = None if value is None or self.accept_nothing else self._tokens.find(value, now=now)
        return None if token is not None and self.revoked_client and token.client_id == self.client_id else token

    def _keep(self, token: IssuedToken | None) -> None:
        if token is not None:
            self._tokens.add(token)
            with self._lock:
                self.tokens_issued += 1

    def _fail(self, outage: Outage) -> Response | None:
        return None if outage == "drop" else Response.failure(outage, self.retry_after)


def _names(values: Sequence[str]) -> tuple[str, ...]:
    """Take one string as the space-separated list that it is everywhere else in OAuth."""
    return tuple(values.split() if isinstance(values, str) else values)
