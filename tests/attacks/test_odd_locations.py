"""A header of one's own name, and a Location that client and library could read as two different places."""

from contextlib import suppress

import httpx
import httpx2
import pytest
import requests

from bitquery_auth import RequestsAuth
from tests.attacks.conftest import CountingSource, Open, carries
from tests.kit.clients import Client
from tests.faults.faults import answering
from tests.faults.proxy import FaultProxy

FOLLOWED_BY_REQUESTS = [
    "ht\ttp://{there}/end",
    "http:\t//{there}/end",
    "http:/\t/{there}/end",
    "//\t{there}/end",
    "http://{here}\t@{there}/end",
    "\x01http://{there}/end",
    "\x0bhttp://{there}/end",
    "\x0chttp://{there}/end",
    "\x1chttp://{there}/end",
    "\x1fhttp://{there}/end",
    " \x0bhttp://{there}/end",
    "  //{there}/end",
    "//{there}/end",
    "HTTP://{there}/end",
    "hTTp://{there}/end",
    "http://{here}\\@{there}/end",
    "http://{here}%5C@{there}/end",
    "http://{there}#@{here}/end",
]
"""To the other server; httpx and httpx2 refuse some."""
FOLLOWED_BY_SOME = [
    "/\t/{there}/end",
    "\x01//{there}/end",
    "\x1f//{there}/end",
    "http:// {there}/end",
    "http://{there} /end",
    "\\\\{there}/end",
    "/\\{there}/end",
    "http:\\\\{there}/end",
    "http://{there}\\@{here}/end",
    "http:///{there}/end",
    "http:{there}",
    "http://{here}\xa0@{there}/end",
]
SAME_PLACE = ["/there", "there", "./there?page=2#top", "http://{here}/there", "HTTP://{here}/there", "//{here}/there"]


@pytest.mark.parametrize("location", [*FOLLOWED_BY_REQUESTS, *FOLLOWED_BY_SOME], ids=ascii)
def test_no_spelling_of_another_place_takes_the_header_there(
    location: str,
    open_client: Open,
    kind: type[Client],
    counting: CountingSource,
    server: FaultProxy,
    other: FaultProxy,
) -> None:
    """Hazards S1, S8."""
    server.plan.append(answering(302, Location=location.format(here=server.host, there=other.host)))
    client = open_client(counting, allowed_hosts=[server.host], header_name="X-Token", scheme="")
    with suppress(kind.base_error, httpx.InvalidURL, httpx2.InvalidURL, UnicodeDecodeError):  # theirs to refuse
        client.get(server.url)
    assert carries(server.requests[0])
    assert not any(carries(request) for request in other.requests)
    assert counting.discarded == []


@pytest.mark.parametrize("location", FOLLOWED_BY_REQUESTS, ids=ascii)
def test_requests_goes_there_and_shows_nothing(
    location: str, counting: CountingSource, server: FaultProxy, other: FaultProxy
) -> None:
    """Hazards S1, S8: these do lead to the other server, in requests' own reading."""
    server.plan.append(answering(307, Location=location.format(here=server.host, there=other.host)))
    with requests.Session() as session:
        session.auth = RequestsAuth(counting, allowed_hosts=[server.host], header_name="X-Token", scheme="")
        assert session.post(server.url, data=b"query", timeout=10).status_code == 200
    assert [carries(request) for request in other.requests] == [False]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", SAME_PLACE)
def test_in_requests_the_header_stays_where_the_redirect_stays(
    location: str, status: int, counting: CountingSource, server: FaultProxy
) -> None:
    """Without a refusal that would have to bring it back."""
    server.plan.append(answering(status, Location=location.format(here=server.host)))
    with requests.Session() as session:
        session.auth = RequestsAuth(counting, allowed_hosts=[server.host], header_name="X-Token", scheme="")
        assert session.get(f"{server.url}/here", timeout=10).status_code == 200
    assert [carries(request) for request in server.requests] == [True, True]
    assert counting.asked == 1
