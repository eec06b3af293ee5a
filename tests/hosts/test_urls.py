"""URLs that disguise their host: what decides is the name that the client itself looks up.

Two properties generate URLs and compare where the token went with the name that was looked up. The
named URLs have deceived a parser somewhere.
"""

from dataclasses import dataclass

import httpx
import httpx2
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from bitquery_auth import BitqueryAuthError, ConfigurationError
from tests.hosts.conftest import CountingSource, carries_token, is_bitquery_name
from tests.kit.clients import Client, OpenClient
from tests.kit.examples import same_examples_in_every_run
from tests.kit.origin import Origin

REJECTED_BY_CLIENT = (
    requests.RequestException,
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    ValueError,
    OSError,
)


@dataclass
class Visit:
    """What came of a request: names that were looked up, and how many requests arrived."""

    names: list[str]
    arrived: int
    with_token: int
    tokens_asked_for: int


def leaks(visit: Visit) -> bool:
    """Whether a token was asked for or sent although a name of somebody else was looked up."""
    return bool(visit.with_token or visit.tokens_asked_for) and not all(
        map(is_bitquery_name, visit.names)
    )


class Visitor:
    """Sends requests with an auth for Bitquery's hosts, which may use plain http."""

    def __init__(
        self, client: Client, source: CountingSource, origin: Origin, names: list[str]
    ) -> None:
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
def visit(
    open_client: OpenClient, source: CountingSource, origin: Origin, names: list[str]
) -> Visitor:
    """Sends a request with one of the clients."""
    return Visitor(open_client(source, insecure_http=True), source, origin, names)


# -- generated URLs --------------------------------------------------------------------------------

NAMES = ["bitquery.io", "streaming.bitquery.io", "BITQUERY.IO", "evil.example", "[::1]"]
DOTS_AND_PORTS = ["", ".", ":", ":80", ":80@", ":@", "@", "&@", ";@"]
ENDS_OF_HOST = ["/", "/@", "//", "?", "?@", "#", "#@"]
BACKSLASHES = ["\\", "\\@", "\\\\", "/\\@", ":80\\@"]
ENCODED = ["%2f", "%2f@", "%40", "%23", "%5c", "%00.", "%2e"]
UNPRINTABLE = [" ", "\t", "\n", "\x00"]
BEYOND_ASCII = ["\u3002", "\uff0e", "\u2044", "\u2100", "\u0131"]
SCHEMES = ["HTTP://", "http:/", "http:", "http:///", "http:\\\\", "//", "\thttp://", "ht\ntp://"]

any_name = st.sampled_from(NAMES)
between_names = st.sampled_from(
    DOTS_AND_PORTS + ENDS_OF_HOST + BACKSLASHES + ENCODED + UNPRINTABLE + BEYOND_ASCII
)
deceptive_urls = st.builds(
    "{}{}{}{}{}{}".format,
    st.just("http://") | st.sampled_from(SCHEMES),
    any_name,
    between_names,
    st.just("") | any_name,
    st.just("") | between_names,
    st.just("") | any_name,
)

USERS = ["", "user@", "user:pass@", "evil.example@", "bitquery.io@"]
HOSTS = ["bitquery.io", "A.B.Bitquery.io", "bitquery.io.", "evil.example", "bitquery.io.evil"]
PORTS = ["", ":80", ":8080", ":443"]
PATHS = ["", "/", "/graphql", "/@evil.example", "?q=@bitquery.io", "#@bitquery.io", "//evil/"]

well_formed_urls = st.builds(
    "http://{}{}{}{}".format, *map(st.sampled_from, (USERS, HOSTS, PORTS, PATHS))
)


@same_examples_in_every_run
@given(url=deceptive_urls)
def test_a_token_goes_only_where_the_client_looked_up_a_name_of_bitquery(
    visit: Visitor, url: str
) -> None:
    assert not leaks(visit(url))


@same_examples_in_every_run
@given(url=well_formed_urls)
def test_a_well_formed_url_carries_the_token_exactly_if_its_host_is_bitquerys(
    visit: Visitor, url: str
) -> None:
    found = visit(url)
    (name,) = set(found.names)
    assert (found.arrived, found.with_token) == (1, is_bitquery_name(name))


# -- named URLs ------------------------------------------------------------------------------------

LOOK_ALIKES = [
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
]
"""The host is another's, however the URL is read."""
AMBIGUOUS = [
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
]
"""Parsers disagree: a backslash ends the host for urllib3, and not for `urllib.parse`."""
BITQUERYS = [
    "http://bitquery.io/",
    "HTTP://STREAMING.Bitquery.IO/graphql",
    "http://streaming.bitquery.io./graphql",
    "http://streaming.bitquery.io:8080/graphql",
    "http://evil.example@streaming.bitquery.io/graphql",
    "http://streaming.bitquery.io//evil.example",
]
RESEMBLING_LOOPBACK = [
    "http://localhost@evil.example/",
    "http://localhost:80@evil.example/",
    "http://127.0.0.1.evil.example/",
    "http://localhost.evil.example/",
    "http://[::1]@evil.example/",
    "http://127.1/",
]


def test_look_alikes_of_bitquerys_hosts_get_no_token(visit: Visitor) -> None:
    for url in LOOK_ALIKES:
        found = visit(url)
        assert not any(map(is_bitquery_name, found.names)), url
        assert (found.with_token, found.tokens_asked_for) == (0, 0), url


def test_urls_that_parsers_read_differently_send_the_token_to_names_of_bitquery_only(
    visit: Visitor,
) -> None:
    assert [url for url in AMBIGUOUS if leaks(visit(url))] == []


def test_bitquerys_hosts_get_the_token_in_every_notation(visit: Visitor) -> None:
    assert [url for url in BITQUERYS if visit(url).with_token != 1] == []


def test_plain_http_to_a_host_that_resembles_loopback_raises(
    open_client: OpenClient, source: CountingSource, origin: Origin, names: list[str]
) -> None:
    """Authlib before 1.8 took ``http://localhost:80@evil.example`` for this machine (hazard S4)."""
    allowed = ("localhost", "127.0.0.1", "[::1]", "*.evil.example", "evil.example", "127.1")
    client = open_client(source, allowed_hosts=allowed)
    for url in RESEMBLING_LOOPBACK:
        with pytest.raises(ConfigurationError, match="use https"):
            client.get(url)
    assert (source.calls, origin.requests) == (0, [])
