"""What a test may ask of an authorization server, whichever one it is."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import requests

from bitquery_auth.sandbox._api import OK, UNAUTHORIZED, bearer_token
from bitquery_auth.sandbox._messages import Request, Response
from tests.kit.origin import Handler, Origin


class Unavailable(Exception):  # noqa: N818 - an answer, not a fault
    """The server cannot run on this machine; the message says what is missing."""


@dataclass(frozen=True)
class AuthorizationServer:
    """A running authorization server and an API that accepts its tokens.

    Attributes:
        url: Its own address, the only one that it knows.
        front: Passes requests on to it, and counts them.
        api: Responds 200 to a valid token, with `Bearer` before it or bare; otherwise 401.
        register_client: Takes a client's metadata (RFC 7591 §2), and optionally the lifetime of
            its tokens in seconds; replaces a client with the same id.
        revoke_all: Revokes every token.
    """

    name: str
    url: str
    token_path: str
    revocation_path: str
    front: Origin
    api: Origin
    register_client: Callable[[Mapping[str, Any]], object]
    revoke_all: Callable[[], object]

    @property
    def token_endpoint(self) -> str:
        return self.front.at(self.token_path)

    @property
    def audience(self) -> str:
        """The token endpoint without the front: what an assertion has to name."""
        return f"{self.url}{self.token_path}"

    @property
    def revocation_endpoint(self) -> str:
        return self.front.at(self.revocation_path)

    @property
    def api_url(self) -> str:
        return self.api.at("/graphql")

    @property
    def token_requests(self) -> int:
        """How many requests have reached the token endpoint, rejected ones included."""
        return [request.path for request in self.front.requests].count(self.token_path)

    @property
    def api_requests(self) -> int:
        """How many requests have reached the API, rejected ones included."""
        return len(self.api.requests)

    def reset_counts(self) -> None:
        self.front.requests.clear()
        self.api.requests.clear()


_OF_ONE_CONNECTION = {"connection", "content-length", "date", "transfer-encoding"}


def _end_to_end(headers: Any) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in headers if pair[0].lower() not in _OF_ONE_CONNECTION)


def forwarding_to(url: str) -> Handler:
    """Pass requests on to the server at this address, and its responses back."""
    address = urlsplit(url)

    def forward(request: Request) -> Response:
        with closing(HTTPConnection(str(address.hostname), address.port, timeout=30)) as server:
            server.putrequest(
                request.method, request.target, skip_host=True, skip_accept_encoding=True
            )
            for name, value in _end_to_end(request.headers.pairs):
                server.putheader(name, value)
            server.putheader("Content-Length", str(len(request.body)))
            server.endheaders(request.body)
            response = server.getresponse()
            return Response(response.status, _end_to_end(response.getheaders()), response.read())

    return forward


def send(method: str, url: str, **options: Any) -> requests.Response:
    """Send a request without the proxies and the netrc of the environment."""
    with requests.Session() as session:
        session.trust_env = False
        response = session.request(method, url, timeout=20, **options)
    response.raise_for_status()
    return response


@contextmanager
def api_that_introspects(url: str, auth: tuple[str, str] | None = None) -> Iterator[Origin]:
    """Run an API that asks the introspection endpoint at `url` about each token (RFC 7662)."""

    def respond(request: Request) -> Response:
        token = bearer_token(request)
        if (
            token is None
            or not send("POST", url, data={"token": token}, auth=auth).json()["active"]
        ):
            return UNAUTHORIZED
        return OK

    with Origin(respond) as api:
        yield api


Api = Callable[[str], AbstractContextManager[Origin]]
"""Makes an API, given the introspection endpoint."""
