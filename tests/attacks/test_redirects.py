"""Redirects that lead elsewhere take no token along, in whatever header it is, and start nothing there."""

from collections.abc import Iterator

import pytest
import requests
import trustme

from bitquery_auth import RequestsAuth, Token
from bitquery_auth.sandbox._messages import Response
from tests.attacks.conftest import TOKEN, CountingSource, Open, carries, ok, text_of
from tests.faults.faults import answering
from tests.faults.proxy import FaultProxy
from tests.faults.test_tls import served_by

KINDS = [301, 302, 303, 307, 308]
each_kind = pytest.mark.parametrize("status", KINDS)
each_header = pytest.mark.parametrize("header", ["Authorization", "X-Token", "Proxy-Authorization"])


def redirecting(server: FaultProxy, status: int, location: str) -> None:
    """Answer the first request with a redirect, and the others with 200."""
    server.plan.append(answering(status, Location=location))


@each_header
@each_kind
def test_another_port_sees_no_token(
    status: int,
    header: str,
    open_client: Open,
    counting: CountingSource,
    server: FaultProxy,
    other: FaultProxy,
) -> None:
    """Hazards S1, S8."""
    client = open_client(counting, allowed_hosts=[server.host], header_name=header)
    for method in ("GET", "POST"):
        redirecting(server, status, f"{other.url}/there")
        assert client.send(method, server.url).status == 200
    assert [carries(request) for request in server.requests] == [True, True]
    assert [carries(request) for request in other.requests] == [False, False]
    assert counting.asked == 2


@each_header
def test_another_port_of_an_allowed_host_sees_none_either(
    header: str, open_client: Open, counting: CountingSource, server: FaultProxy, other: FaultProxy
) -> None:
    """Another port is another origin, even where both may see the token."""
    redirecting(server, 307, f"{other.url}/there")
    client = open_client(counting, allowed_hosts=["127.0.0.1"], header_name=header)
    assert client.get(server.url).status == 200
    assert [carries(request) for request in other.requests] == [False]


@each_header
@each_kind
def test_the_401_of_another_origin_is_handed_over_and_starts_nothing(
    status: int,
    header: str,
    open_client: Open,
    counting: CountingSource,
    server: FaultProxy,
    other: FaultProxy,
) -> None:
    """Hazard S1: no token is asked for, discarded, or sent there."""
    redirecting(server, status, f"{other.url}/there")
    other.mode = answering(401)
    client = open_client(counting, allowed_hosts=[server.host], header_name=header)
    outcome = client.post(server.url, content=b"x")
    assert (outcome.status, outcome.history) == (401, (status,))
    assert [carries(request) for request in other.requests] == [False]
    assert (counting.asked, counting.discarded) == (1, [])
    assert len(server.requests) == 1


@each_header
@each_kind
def test_a_redirect_within_the_origin_ends_with_the_token_in_place(
    status: int, header: str, open_client: Open, counting: CountingSource, server: FaultProxy
) -> None:
    """A header of one's own goes one hop in httpx: what is then refused is answered, and nothing discarded."""
    redirecting(server, status, "/there")
    server.service = lambda request: Response.text(200 if carries(request) else 401, "")
    client = open_client(counting, allowed_hosts=[server.host], header_name=header)
    assert client.get(server.url).status == 200
    assert carries(server.requests[-1])
    assert counting.discarded == []


@each_header
def test_a_way_back_from_another_origin_tells_it_nothing(
    header: str, open_client: Open, counting: CountingSource, server: FaultProxy, other: FaultProxy
) -> None:
    redirecting(server, 302, f"{other.url}/there")
    redirecting(other, 302, f"{server.url}/back")
    client = open_client(counting, allowed_hosts=[server.host], header_name=header)
    outcome = client.get(server.url)
    assert (outcome.status, outcome.history) == (200, (302, 302))
    assert [carries(request) for request in other.requests] == [False]


@each_header
def test_a_chain_after_a_second_try_takes_nothing_along(
    header: str, open_client: Open, server: FaultProxy, other: FaultProxy
) -> None:
    """Hazard S1: what is sent again may be redirected, too."""

    class Renewing(CountingSource):
        def token(self) -> Token:
            super().token()
            return Token(f"{TOKEN}.{len(self.discarded)}")

    server.plan.append(answering(401))
    redirecting(server, 307, f"{other.url}/there")
    client = open_client(Renewing(), allowed_hosts=[server.host], header_name=header)
    assert client.get(server.url).status == 200
    assert [carries(request) for request in server.requests] == [True, True]
    assert [carries(request) for request in other.requests] == [False]


@pytest.fixture
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FaultProxy, str]]:
    """A server that speaks TLS, and its CA."""
    ca = trustme.CA()
    path = tmp_path_factory.mktemp("redirects") / "ca.pem"
    ca.cert_pem.write_to_path(path)
    with FaultProxy(ok, tls=served_by(ca.issue_cert("127.0.0.1"))) as proxy:
        yield proxy, str(path)


@each_header
def test_a_step_down_from_https_to_http_sees_no_token(
    header: str, counting: CountingSource, tls_server: tuple[FaultProxy, str], server: FaultProxy
) -> None:
    """Hazard S4 (CVE-2018-18074)."""
    secure, ca = tls_server
    redirecting(secure, 307, f"{server.url}/there")
    with requests.Session() as session:
        session.auth = RequestsAuth(counting, allowed_hosts=["127.0.0.1"], header_name=header)
        assert session.get(secure.url, verify=ca, timeout=10).status_code == 200
    assert [carries(request) for request in secure.requests] == [True]
    assert [carries(request) for request in server.requests] == [False]


@pytest.mark.parametrize("header", ["Authorization", "X-Token"])
@pytest.mark.parametrize(
    "location",
    [
        "//evil.example/",
        "http://evil.example/",
        "HTTP://EVIL.example/",
        "http://api.bitquery.io@evil.example/",
        "http://api.bitquery.io:80@evil.example/",
        "http://api.bitquery.io.evil.example/",
        "http://evil.example\\@api.bitquery.io/",
        "http://evil.example\\.api.bitquery.io/",
        "http://evil.example%2f@api.bitquery.io/",
        "http://evil.example#@api.bitquery.io/",
        "http://evil.example?@api.bitquery.io/",
        "http:\\\\evil.example/",
        "\\\\evil.example/",
        "/\\evil.example/",
        "///evil.example/",
        "http:///evil.example/",
        "http:evil.example",
        "http://api.bitquery.io:81/",
        "http://api2.bitquery.io/",
        "\thttp://evil.example/",
        "http://evil.example\t/",
        "http://[::1]@evil.example/",
        "http://user:pass@evil.example/",
    ],
)
def test_wherever_a_trick_in_the_location_leads_only_the_origin_sees_the_token(
    location: str, header: str, open_client: Open, counting: CountingSource, server: FaultProxy, names: list[str]
) -> None:
    """Hazards S1, S8: judged by the name that was looked up for the second request."""
    redirecting(server, 302, location)
    client = open_client(counting, allowed_hosts=["api.bitquery.io"], insecure_http=True, header_name=header)
    try:
        client.get("http://api.bitquery.io/")
    except Exception as error:  # noqa: BLE001 - a location that leads nowhere is the client's to refuse
        assert type(error).__module__.partition(".")[0] in {"requests", "httpx", "httpx2", "urllib3"}  # noqa: PT017
    first, *others = server.requests
    assert carries(first)
    for request in others:
        host = request.headers["host"]
        assert not carries(request) or host == "api.bitquery.io", text_of(request)
