"""A netrc with an entry for every host: the token stays in place, and the entries stay where they are."""

import base64
from pathlib import Path

import pytest
import requests

from bitquery_auth import RequestsAuth
from bitquery_auth.sandbox._messages import Request, Response
from tests.attacks.conftest import CountingSource, Open, carries
from tests.faults.faults import answering
from tests.faults.proxy import FaultProxy

ENTRY = "Basic " + base64.b64encode(b"netrc-user:netrc-password").decode()


@pytest.fixture(autouse=True)
def _netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "netrc"
    entry = "login netrc-user password netrc-password"
    path.write_text("".join(f"machine {host} {entry}\n" for host in ("127.0.0.1", "localhost")) + f"default {entry}\n")
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))


def _header(request: Request) -> str:
    return str(request.headers.get("authorization", ""))


def test_the_netrc_of_these_tests_is_one_that_requests_reads(server: FaultProxy) -> None:
    """Without an auth of ours it is what crosses the socket."""
    requests.get(server.url, timeout=10)
    assert _header(server.requests[0]) == ENTRY


def test_the_api_gets_the_token(open_client: Open, counting: CountingSource, server: FaultProxy) -> None:
    """Hazard S7."""
    open_client(counting, allowed_hosts=[server.host]).get(server.url)
    assert carries(server.requests[0])
    assert ENTRY not in _header(server.requests[0])


def test_other_hosts_get_neither(
    open_client: Open, counting: CountingSource, server: FaultProxy, other: FaultProxy
) -> None:
    """With an auth for the whole session, a netrc does not apply any more."""
    open_client(counting, allowed_hosts=[server.host]).get(other.url)
    assert _header(other.requests[0]) == ""


def test_after_a_redirect_elsewhere_the_token_is_not_there(
    open_client: Open, counting: CountingSource, server: FaultProxy, other: FaultProxy
) -> None:
    server.plan.append(answering(302, Location=other.url))
    open_client(counting, allowed_hosts=[server.host]).get(server.url)
    assert not carries(other.requests[0])


def _demanding(request: Request) -> Response:
    return Response.text(200 if carries(request) else 401, "")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_what_a_redirect_within_the_origin_replaced_is_put_back_and_nothing_is_discarded(
    status: int, open_client: Open, counting: CountingSource, server: FaultProxy
) -> None:
    """Hazard S7: requests puts the netrc's entry in place of the token; its refusal says nothing about the token."""
    server.plan.append(answering(status, Location="/there"))
    server.service = _demanding
    outcome = open_client(counting, allowed_hosts=[server.host]).get(server.url)
    assert outcome.status == 200
    assert carries(server.requests[-1])
    assert counting.discarded == []


def test_an_entry_that_is_accepted_after_a_redirect_is_left_alone(counting: CountingSource, server: FaultProxy) -> None:
    server.plan.append(answering(302, Location="/there"))
    with requests.Session() as session:
        session.auth = RequestsAuth(counting, allowed_hosts=[server.host])
        assert session.get(server.url, timeout=10).status_code == 200
    assert [carries(request) for request in server.requests] == [True, False]
    assert counting.asked == 1


def test_an_authorization_of_the_users_own_is_replaced(
    open_client: Open, counting: CountingSource, server: FaultProxy
) -> None:
    client = open_client(counting, allowed_hosts=[server.host])
    client.get(server.url, headers={"authorization": "Basic b3duOm93bg=="})
    assert carries(server.requests[0])
    assert "b3duOm93bg==" not in _header(server.requests[0])
