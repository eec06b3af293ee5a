"""URLs that disguise their host: what decides is the name that the client itself looks up.

The property generates URLs and compares the verdict with the name that was looked up and with what
arrived there. The named URLs are those that deceived a parser somewhere; each is sent with each
of the three libraries, which parse URLs differently.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import httpx
import httpx2
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bitquery_auth import BitqueryAuthError, ConfigurationError
from tests.hosts.conftest import CountingSource, Open, carries_token, is_bitquery_name
from tests.kit.clients import CLIENTS, Client
from tests.kit.origin import Origin

LIBRARIES = ("requests", "httpx", "httpx2")
REJECTED_BY_CLIENT = (requests.RequestException, httpx.HTTPError, httpx.InvalidURL, httpx2.HTTPError, httpx2.InvalidURL, ValueError, OSError)


@dataclass
class Visit:
    """What came of a request: names looked up, requests that arrived, and how many of those had the token."""

    names: list[str]
    arrived: int
    with_token: int
    tokens_asked_for: int


class Visitor:
    """Sends requests with an auth for Bitquery's hosts, which may use plain http."""

    def __init__(self, client: Client, source: CountingSource, origin: Origin, names: list[str]) -> None:
        self._client, self._source, self._origin, self._names = client, source, origin, names

    def __call__(self, url: str) -> Visit:
        self._names.clear()
        self._origin.requests.clear()
        self._source.calls = 0
        try:
            # A kept-alive connection would be used again without a look-up.
            self._client.get(url, headers={"Connection": "close"})
        except BitqueryAuthError:
            raise
        except REJECTED_BY_CLIENT:
            pass
        with_token = sum(map(carries_token, self._origin.requests))
        return Visit([*self._names], len(self._origin.requests), with_token, self._source.calls)


@pytest.fixture
def visit(open_client: Open, source: CountingSource, origin: Origin, names: list[str]) -> Visitor:
    """Sends a request with one of the clients."""
    return Visitor(open_client(source, insecure_http=True), source, origin, names)


@pytest.fixture
def visitors(source: CountingSource, origin: Origin, names: list[str]) -> Iterator[dict[str, Visitor]]:
    """A visitor for each library."""
    with ExitStack() as stack:
        yield {
            library: Visitor(
                stack.enter_context(CLIENTS[library](CLIENTS[library].auth_class(source, insecure_http=True))),
                source,
                origin,
                names,
            )
            for library in LIBRARIES
        }


# -- generated URLs --------------------------------------------------------------------------------

NAMES = ["bitquery.io", "streaming.bitquery.io", "BITQUERY.IO", "evil.example", "evil.example.", "[::1]"]
BETWEEN_NAMES = [
    *("", ".", "@", ":", ":80", ":80@", ":@", "/", "/@", "//", "\\", "\\@", "\\\\", "?", "?@", "#", "#@", "&@", ";@"),
    *("%2f", "%2f@", "%40", "%23", "%5c", "%00.", "%2e", " ", "\t", "\n", "\x00", "\u3002", "\uff0e", "\u2044", "\u2100"),
]
SCHEMES = ["http://", "HTTP://", "http:/", "http:", "http:///", "http:\\\\", "\thttp://", "ht\ntp://", "//", ""]

tricks = st.builds(
    "{}{}{}{}{}{}".format,
    st.just("http://") | st.sampled_from(SCHEMES),
    st.sampled_from(NAMES),
    st.sampled_from(BETWEEN_NAMES),
    st.just("") | st.sampled_from(NAMES),
    st.just("") | st.sampled_from(BETWEEN_NAMES),
    st.just("") | st.sampled_from([*NAMES, "/graphql"]),
)
plain_hosts = ["bitquery.io", "Streaming.Bitquery.io", "a.b.bitquery.io.", "evil.example", "bitquery.io.evil.example", "xbitquery.io"]
plain_urls = st.builds(
    "http://{}{}{}{}".format,
    st.sampled_from(["", "user@", "user:pass@", "evil.example@", "bitquery.io@"]),
    st.sampled_from(plain_hosts),
    st.sampled_from(["", ":80", ":8080", ":443"]),
    st.sampled_from(["", "/", "/graphql", "/@evil.example", "?q=@bitquery.io", "#@bitquery.io", "//bitquery.io/"]),
)

same_examples_in_every_run = settings(
    derandomize=True,
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # a visit starts by resetting all counts
)


@same_examples_in_every_run
@given(url=tricks)
def test_a_token_goes_only_where_the_client_looked_up_a_name_of_bitquery(visit: Visitor, url: str) -> None:
    found = visit(url)
    assert len(set(found.names)) <= 1
    if not all(map(is_bitquery_name, found.names)):
        assert (found.with_token, found.tokens_asked_for) == (0, 0)


@same_examples_in_every_run
@given(url=plain_urls)
def test_a_well_formed_url_carries_the_token_exactly_if_its_host_is_bitquerys(visit: Visitor, url: str) -> None:
    found = visit(url)
    (name,) = set(found.names)
    assert (found.arrived, found.with_token) == (1, is_bitquery_name(name))


# -- named URLs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://evilbitquery.io/",
        "http://bitquery.io.evil.example/",
        "http://streaming-bitquery.io/",
        "http://b\u0131tquery.io/",
        "http://xn--btquery-r4a.io/",
        "http://bitquery.io\u3002evil.example/",
        "http://streaming.bitquery.io:80@evil.example/",
        "http://a@streaming.bitquery.io@evil.example/",
        "http://user:streaming.bitquery.io@evil.example/",
        "http://streaming.bitquery.io%40evil.example/",
        "http://streaming.bitquery.io%2eevil.example/",
        "http://streaming.bitquery.io%00.evil.example/",
        "http://evil.example/streaming.bitquery.io",
        "http://evil.example?@streaming.bitquery.io/",
        "http://evil.example#@streaming.bitquery.io/",
        "http://evil.example/\\@streaming.bitquery.io/",
    ],
)
def test_a_look_alike_of_bitquerys_hosts_gets_no_token(url: str, visitors: dict[str, Visitor]) -> None:
    for library, visit in visitors.items():
        found = visit(url)
        assert not any(map(is_bitquery_name, found.names)), library
        assert (found.with_token, found.tokens_asked_for) == (0, 0), library


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example\\@streaming.bitquery.io/",
        "http://evil.example:80\\@streaming.bitquery.io/",
        "http://evil.example\\.bitquery.io/",
        "http://evil.example%2f@streaming.bitquery.io/",
        "http://evil.example%23.bitquery.io/",
        "http://evil.example\x00.bitquery.io/",
        "http://evil.example\r\n.bitquery.io/",
        "http://evil.example:80@streaming.bitquery.io:80/",
        "http://evil.example:@streaming.bitquery.io/",
        "http://[::1].bitquery.io/",
        "http://[evil.example].bitquery.io/",
        "http:///streaming.bitquery.io/",
        "http:streaming.bitquery.io/",
        "http://bitquery.io../",
        "http://\uff42itquery.io/",
        "http://evil.example\u2100.bitquery.io/",
    ],
)
def test_a_url_that_parsers_read_differently_sends_the_token_to_names_of_bitquery_only(
    url: str, visitors: dict[str, Visitor]
) -> None:
    """For example, a backslash ends the host for urllib3 and belongs to the user for `urllib.parse`."""
    for library, visit in visitors.items():
        found = visit(url)
        if not all(map(is_bitquery_name, found.names)):
            assert (found.with_token, found.tokens_asked_for) == (0, 0), library


@pytest.mark.parametrize(
    "url",
    [
        "http://bitquery.io/",
        "HTTP://STREAMING.Bitquery.IO/graphql",
        "http://streaming.bitquery.io./graphql",
        "http://streaming.bitquery.io:8080/graphql",
        "http://evil.example@streaming.bitquery.io/graphql",
        "http://streaming.bitquery.io//evil.example",
    ],
)
def test_bitquerys_hosts_get_the_token_in_every_notation(url: str, visitors: dict[str, Visitor]) -> None:
    for library, visit in visitors.items():
        found = visit(url)
        assert all(map(is_bitquery_name, found.names)), library
        assert (found.arrived, found.with_token) == (1, 1), library


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost@evil.example/",
        "http://localhost:80@evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "http://[::1]@evil.example/",
        "http://127.1/",
    ],
)
def test_plain_http_to_a_host_that_resembles_loopback_raises(
    url: str, open_client: Open, source: CountingSource, origin: Origin, names: list[str]
) -> None:
    """Authlib before 1.8 took ``http://localhost:80@evil.example`` for this machine (hazard S4)."""
    allowed = ("localhost", "127.0.0.1", "[::1]", "*.evil.example", "evil.example", "127.1")
    client = open_client(source, allowed_hosts=allowed)
    with pytest.raises(ConfigurationError, match="use https"):
        client.get(url)
    assert (source.calls, origin.requests) == (0, [])
