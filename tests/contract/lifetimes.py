"""The few seconds of a token in real time: one client pauses meanwhile, another goes on."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests

from bitquery_auth import ClientCredentials
from bitquery_auth.sandbox._messages import Request, Response
from tests.contract.applications import RENEWED, SHORT_LIVED
from tests.contract.forwarding import forwarding_to
from tests.kit.clients import CLIENTS, Client, Outcome
from tests.kit.origin import Fault, Origin
from tests.servers import AuthorizationServer

KINDS = ("requests", "httpx2-asyncio")

_DEADLINE = 15.0
_HELD_AT_MOST = 5.0
_POLL_INTERVAL = 0.02


@dataclass
class Life:
    """What became of the requests of one client."""

    rested: list[Outcome] = field(default_factory=list)
    """The first request, and the one after the token's end."""
    before: list[Outcome] = field(default_factory=list)
    """Requests from the first one on, until one has set off a renewal."""
    meanwhile: list[Outcome] = field(default_factory=list)
    """Requests that began while the token endpoint had not yet answered to the renewal."""
    after: list[Outcome] = field(default_factory=list)
    """Requests from then on, the first with another token being the last."""


@dataclass
class Lives:
    by_client: dict[str, Life]
    token_requests: int
    """How many reached the server for all of them."""


def lives_at(server: AuthorizationServer) -> Lives:
    """Let the clients live side by side, so that all of them wait at once."""
    server.reset_counts()
    with ThreadPoolExecutor(2 * len(KINDS)) as pool:
        lives = {name: Life() for name in KINDS}
        futures = [
            pool.submit(each, server, CLIENTS[name], lives[name])
            for name in KINDS
            for each in (_rest, _go_on)
        ]
        for future in futures:
            future.result()
    return Lives(lives, server.token_requests)


def token_of(outcome: Outcome) -> str:
    """What the request carried that was answered so in the end."""
    return str(outcome.raw.request.headers["Authorization"]).removeprefix("Bearer ")


def _rest(server: AuthorizationServer, kind: type[Client], life: Life) -> None:
    began = time.monotonic()
    with _opened(kind, server, SHORT_LIVED.at(server, renew_ahead=0)) as client:
        life.rested.append(client.get(server.api_url))
        # Servers count in whole seconds, some of them to the client's loss.
        while time.monotonic() < began + 4 or _is_live(server, token_of(life.rested[0])):
            assert time.monotonic() < began + _DEADLINE, "the token outlives its lifetime"
            time.sleep(_POLL_INTERVAL)
        life.rested.append(client.get(server.api_url))


def _go_on(server: AuthorizationServer, kind: type[Client], life: Life) -> None:
    held = _HeldRenewal(server.token_endpoint)
    with Origin(held) as endpoint:
        # Half its life ahead: whole seconds may cost a token one of them, and this machine may
        # be slow.
        source = RENEWED.at(server, renew_ahead=2.5, token_endpoint=endpoint.at())
        with _opened(kind, server, source) as client:
            end = time.monotonic() + _DEADLINE
            while not life.after or token_of(life.after[-1]) == token_of(life.before[0]):
                assert time.monotonic() < end, "the token is not renewed"
                stage = (
                    life.after
                    if held.let_go.is_set()
                    else life.meanwhile
                    if held.arrived.is_set()
                    else life.before
                )
                stage.append(client.get(server.api_url))
                if life.meanwhile:
                    held.let_go.set()
                time.sleep(_POLL_INTERVAL)


class _HeldRenewal:
    """The token endpoint, which answers at once the first time, and later when it is let go."""

    def __init__(self, url: str) -> None:
        self._forward = forwarding_to(url)
        self._first = True
        self.arrived = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, request: Request) -> Response | Fault | None:
        if self._first:
            self._first = False
        else:
            self.arrived.set()
            self.let_go.wait(_HELD_AT_MOST)
        return self._forward(request)


def _opened(kind: type[Client], server: AuthorizationServer, source: ClientCredentials) -> Client:
    return kind(kind.auth_class(source, allowed_hosts=[urlsplit(server.api_url).netloc]))


def _is_live(server: AuthorizationServer, token: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False
        return (
            session.get(server.api_url, headers={"Authorization": token}, timeout=10).status_code
            == 200
        )
