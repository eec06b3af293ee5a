"""An API that leads on within itself and then goes on saying 401: what that costs, and how soon all is well again."""

from pathlib import Path

import pytest
import requests

from bitquery_auth import RequestsAuth
from bitquery_auth.sandbox import Sandbox
from bitquery_auth.sandbox._messages import Request, Response
from tests.behaviour.conftest import REQUESTS, Open, only
from tests.kit.clock import Clock
from tests.kit.origin import Origin, answering, by_path, echo, redirecting

CALLS = 60
each_header = pytest.mark.parametrize("header_name", ["Authorization", "X-Token"])

refuse = answering(401, "Unauthorized")


def whoever_has_a_token(request: Request) -> Response:
    """200 to whoever shows any; 401 to the others."""
    header = request.headers.get("x-token", request.headers.get("authorization", ""))
    return echo(request) if header.startswith("Bearer ") else Response.text(401, "Unauthorized")


@pytest.fixture
def moved(origin: Origin) -> Origin:
    """An API at /new to which /old leads, and which refuses everybody."""
    origin.handler = by_path({"/old": redirecting(308, "/new"), "/new": refuse})
    return origin


def accept_again(moved: Origin) -> None:
    moved.handler = by_path({"/old": redirecting(308, "/new"), "/new": whoever_has_a_token})


@each_header
def test_without_time_going_by_one_replacement_is_all_that_is_spent(
    open_client: Open, sandbox: Sandbox, moved: Origin, header_name: str
) -> None:
    """Hazard R3: that the redirect was no refusal says nothing about what is behind it."""
    client = open_client(sandbox.credentials(), allowed_hosts=[moved.allowed_host], header_name=header_name)
    for _ in range(CALLS):
        assert client.get(moved.at("/old")).status == 401
    assert sandbox.token_requests == 2
    assert len(moved.requests) <= 2 * CALLS + 2  # a second try of the first call, or of two


@each_header
def test_each_pause_is_longer_than_the_one_before(
    open_client: Open, sandbox: Sandbox, moved: Origin, clock: Clock, header_name: str
) -> None:
    """Hazard R3."""
    client = open_client(sandbox.credentials(), allowed_hosts=[moved.allowed_host], header_name=header_name)
    for _ in range(CALLS):
        assert client.get(moved.at("/old")).status == 401
        clock.advance(1)
    assert 3 <= sandbox.token_requests <= 8  # pauses of 1, 2, 4, 8, 16, 32 s


@each_header
def test_once_it_accepts_again_the_next_call_after_the_pause_is_answered_and_the_doubling_begins_anew(
    open_client: Open, sandbox: Sandbox, moved: Origin, clock: Clock, header_name: str
) -> None:
    """Hazard R3: before that, in a header of another name, the last hop may carry none that could be accepted."""
    client = open_client(sandbox.credentials(), allowed_hosts=[moved.allowed_host], header_name=header_name)
    for _ in range(CALLS):
        client.get(moved.at("/old"))
        clock.advance(1)
    accept_again(moved)
    clock.advance(300)
    sandbox.reset_counts()
    assert client.get(moved.at("/old")).status == 200
    assert sandbox.token_requests == 0
    moved.handler = by_path({"/old": redirecting(308, "/new"), "/new": refuse})
    sandbox.reset_counts()
    for seconds in (0, 0, 1, 0, 2):
        clock.advance(seconds)
        client.get(moved.at("/old"))
    assert sandbox.token_requests == 3  # as at first: at once, and after pauses of 1 and 2 s


def test_authorization_is_accepted_again_in_the_middle_of_a_pause(
    open_client: Open, sandbox: Sandbox, moved: Origin
) -> None:
    """Hazard R8: the fresh token that was refused has stayed in use."""
    client = open_client(sandbox.credentials(), allowed_hosts=[moved.allowed_host])
    client.get(moved.at("/old"))
    accept_again(moved)
    assert client.get(moved.at("/old")).status == 200
    assert sandbox.token_requests == 2


def test_a_redirect_that_leads_elsewhere_does_not_end_the_pause_either(
    open_client: Open, sandbox: Sandbox, origin: Origin, elsewhere: Origin
) -> None:
    """Hazard R3."""
    origin.handler = by_path({"/away": redirecting(307, elsewhere.at()), "/api": refuse})
    client = open_client(sandbox.credentials(), allowed_hosts=[origin.allowed_host])
    for _ in range(10):
        assert client.get(origin.at("/api")).status == 401
        assert client.get(origin.at("/away")).status == 200
    assert sandbox.token_requests == 2


@only(REQUESTS)
def test_a_netrc_that_replaces_the_header_on_the_way_makes_no_endless_supply(
    open_client: Open, sandbox: Sandbox, moved: Origin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Hazards R3, S7."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    client = open_client(sandbox.credentials(), allowed_hosts=[moved.allowed_host])
    for _ in range(CALLS):
        assert client.get(moved.at("/old")).status == 401
    assert moved.requests[1].headers["authorization"].startswith("Basic ")
    assert sandbox.token_requests == 2


@each_header
@pytest.mark.parametrize("path", ["/old", "/new"])
def test_a_prepared_request_sent_again_and_again_makes_no_endless_supply(
    sandbox: Sandbox, moved: Origin, clock: Clock, path: str, header_name: str
) -> None:
    """Hazards R3, E10: its token is older than the one that is kept, which is tried, and refused too."""
    auth = RequestsAuth(sandbox.credentials(), allowed_hosts=[moved.allowed_host], header_name=header_name)
    with requests.Session() as session:
        request = session.prepare_request(requests.Request("GET", moved.at(path), auth=auth))
        session.send(request, timeout=20)
        clock.advance(1.1)
        for _ in range(CALLS):
            assert session.send(request, timeout=20).status_code == 401
    assert sandbox.token_requests <= 3
